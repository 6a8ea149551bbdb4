// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package episodes

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// tags are images that change under their name.
func tags() []Episode {
	return []Episode{{
		Name:  "moved-tag",
		Alone: true,
		play: func(t *testing.T, s Scene) {
			d := s.deployment()
			node := s.pin(t, d)
			s.run(t, d)
			uncordon := s.cordon(t, node)
			s.delete(t)
			s.learns(t, v1alpha1.TrialTermination, 1) // before there is another image
			s.waitForANode(t, 1)
			pods := s.pods(t)
			s.Platform.MoveTag(t, s, pods[len(pods)-1])
			uncordon()
			NewWithT(t).Eventually(func() map[string]bool { return s.digests(t) }).Should(HaveLen(2))
		},
		// What the pods show from then on is not the work of one image.
		want: firstRollout(
			trials{kind: v1alpha1.TrialTermination, outcome: v1alpha1.TrialSuccess, cause: deletion, times: 1},
			trials{kind: v1alpha1.TrialStart, outcome: v1alpha1.TrialCensored, cause: successor, times: 1},
		),
	}}
}

// digests of the images that run.
func (s Scene) digests(t *testing.T) map[string]bool {
	t.Helper()
	digests := map[string]bool{}
	for _, pod := range s.pods(t) {
		for _, container := range pod.Status.ContainerStatuses {
			if container.ImageID != "" {
				digests[container.ImageID] = true
			}
		}
	}
	return digests
}
