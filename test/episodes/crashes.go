// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package episodes

import (
	"testing"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// crashes are of a container that ends although it should go on.
func crashes() []Episode {
	// again and again, in the first pod of a new revision
	want := []trials{
		{kind: v1alpha1.TrialRollout, outcome: v1alpha1.TrialFailure, cause: rollout, times: 1},
		stillContained,
		{kind: v1alpha1.TrialStart, outcome: v1alpha1.TrialFailure, times: 2, orMore: true},
	}
	return []Episode{
		{
			Name: "crash-loop",
			play: func(t *testing.T, s Scene) {
				s.run(t, s.deployment())
				s.release(t, testenv.CrashLoop)
				s.restarts(t, 2, "Error")
			},
			want: want,
		},
		{
			Name: "out-of-memory",
			play: func(t *testing.T, s Scene) {
				s.run(t, s.deployment())
				s.release(t, testenv.OutOfMemory)
				s.restarts(t, 2, "OOMKilled")
			},
			want: want,
		},
		{
			Name: "restart", // of a pod that had been ready
			play: func(t *testing.T, s Scene) {
				d := s.deployment()
				// A busy kubelet says of a short restart only that the pod is ready again. What
				// the API does not show is not observed.
				d.Spec.Template.Spec.Containers[0].ReadinessProbe.InitialDelaySeconds = 10
				s.run(t, d)
				s.Platform.Crash(t, s, s.pods(t)[0])
				s.restarts(t, 1, "Error")
				s.serves(t, 3)
			},
			want: firstRollout(
				// Soon after the start it is part of the rollout, later it is a cause of its own.
				trials{kind: v1alpha1.TrialStart, outcome: v1alpha1.TrialFailure, times: 1},
				contained("", 1),
				// Whether it recovers for good is known in minutes.
				trials{kind: v1alpha1.TrialRestart, times: 1},
			),
		},
	}
}
