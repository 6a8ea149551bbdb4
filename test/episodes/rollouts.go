// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package episodes

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// rollouts are those of a new revision over one that runs well.
func rollouts() []Episode {
	return []Episode{
		{
			Name: "clean-rollout",
			play: func(t *testing.T, s Scene) {
				s.run(t, s.deployment())
				s.release(t, testenv.Healthy)
			},
			want: firstRollout(),
		},
		{
			Name: "slow-start", // and still in time: all pods come up together
			play: func(t *testing.T, s Scene) {
				d := s.deployment()
				d.Spec.Strategy.RollingUpdate.MaxSurge = ptr.To(intstr.FromString("100%"))
				s.run(t, d)
				s.release(t, testenv.Slow)
			},
			want: firstRollout(),
		},
		{
			Name: "bad-image",
			play: func(t *testing.T, s Scene) {
				s.run(t, s.deployment())
				s.release(t, testenv.ImageError, impatient)
			},
			want: []trials{
				{kind: v1alpha1.TrialRollout, outcome: v1alpha1.TrialFailure, cause: rollout, times: 1},
				stillContained,
			},
		},
		{
			Name: "contained-rollout",
			play: func(t *testing.T, s Scene) {
				s.run(t, s.deployment())
				s.release(t, testenv.NeverReady, impatient)
			},
			want: []trials{
				{kind: v1alpha1.TrialRollout, outcome: v1alpha1.TrialFailure, cause: rollout, times: 1},
				stillContained,
				{kind: v1alpha1.TrialStart, outcome: v1alpha1.TrialFailure, cause: rollout, times: 1},
			},
		},
	}
}

// stillContained is the trial of a failed rollout which has taken no pod away so far: for
// minutes it may yet.
var stillContained = trials{kind: v1alpha1.TrialContainedRollout, cause: rollout, times: 1}

// impatient lets a rollout fail soon.
func impatient(d *appsv1.Deployment) { d.Spec.ProgressDeadlineSeconds = ptr.To[int32](8) }
