// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package episodes

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// endings are deletions of one pod by a person.
func endings() []Episode {
	return []Episode{
		{
			Name: "exit-on-sigterm",
			play: func(t *testing.T, s Scene) {
				s.run(t, s.deployment())
				s.delete(t)
			},
			want: firstRollout(
				trials{kind: v1alpha1.TrialTermination, outcome: v1alpha1.TrialSuccess, cause: deletion, times: 1},
				trials{kind: v1alpha1.TrialStart, outcome: v1alpha1.TrialSuccess, cause: successor, times: 1},
			),
		},
		{
			Name: "ignored-sigterm",
			play: func(t *testing.T, s Scene) {
				d := s.deployment()
				s.Platform.Behave(&d.Spec.Template, testenv.IgnoreTerm)
				s.run(t, d)
				s.delete(t)
			},
			want: firstRollout(
				trials{kind: v1alpha1.TrialTermination, outcome: v1alpha1.TrialFailure, cause: deletion, times: 1},
				trials{kind: v1alpha1.TrialStart, outcome: v1alpha1.TrialSuccess, cause: successor, times: 1},
			),
		},
	}
}

// delete the oldest pod.
func (s Scene) delete(t *testing.T) {
	t.Helper()
	NewWithT(t).Expect(s.Admin.Delete(t.Context(), s.pods(t)[0])).To(Succeed())
}
