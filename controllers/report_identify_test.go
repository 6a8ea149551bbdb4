// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestRevisionsThatNobodyWroteAreForgottenFirst(t *testing.T) {
	const write, settings = v1alpha1.CauseTemplate, v1alpha1.CauseConfigMaps
	// brought are revisions by what brought them, the oldest first, and the numbers of those
	// that are still known, the newest first.
	for name, c := range map[string]struct {
		brought []v1alpha1.RevisionCause
		want    []int64
	}{
		"none while there is room": {
			[]v1alpha1.RevisionCause{write, settings, write}, []int64{3, 2, 1},
		},
		"the oldest of those that were all written": {
			[]v1alpha1.RevisionCause{write, write, write, write, write, write, write, write, write, write, write, write},
			[]int64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3},
		},
		"what changes each hour does not push out what was written": {
			[]v1alpha1.RevisionCause{write, write, settings, settings, settings, settings, settings, settings, settings, settings, settings, settings, write},
			[]int64{13, 12, 11, 10, 9, 8, 7, 6, 2, 1},
		},
		"the newest two stay, whatever brought them": {
			[]v1alpha1.RevisionCause{write, write, write, write, write, write, write, write, write, write, settings, settings},
			[]int64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var outcomes []v1alpha1.RevisionOutcome
			for i, cause := range c.brought {
				outcomes = forget(append([]v1alpha1.RevisionOutcome{{Number: int64(i + 1), Cause: cause}}, outcomes...))
			}
			var known []int64
			for _, o := range outcomes {
				known = append(known, o.Number)
			}
			NewWithT(t).Expect(known).To(Equal(c.want))
		})
	}
}
