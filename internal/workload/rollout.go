// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"math"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// Rollout is how the newest revision of a workload is doing, in pods.
type Rollout struct {
	// Observed is true when the workload's controller has seen the newest spec. The
	// other fields speak of an older one until then.
	Observed bool
	// Desired, Updated, Ready and Available count pods; Updated ones are of the newest revision.
	Desired, Updated, Ready, Available int32
	// Total counts the pods of all revisions.
	Total int32
	// DeadlineExceeded is true when the controller gave up waiting for progress.
	DeadlineExceeded bool
	// Deadline is when it gives up, if there is no more progress; zero when it has done so, or
	// will not, or does not say.
	Deadline time.Time
	// Minimum says whether all pods are available but for those that a rollout may take
	// away, and MinimumSince since when that is so, or not. The time is zero for kinds whose
	// controller does not say.
	Minimum      bool
	MinimumSince time.Time
}

// Complete says whether all pods wanted are of the newest revision, and available.
func (r Rollout) Complete() bool {
	return r.Observed && r.Updated >= r.Desired && r.Available >= r.Desired && r.Total <= r.Desired
}

func deploymentRollout(d *appsv1.Deployment) Rollout {
	r := Rollout{
		Observed:  d.Status.ObservedGeneration >= d.Generation,
		Desired:   ptr.Deref(d.Spec.Replicas, 1),
		Updated:   d.Status.UpdatedReplicas,
		Ready:     d.Status.ReadyReplicas,
		Available: d.Status.AvailableReplicas,
		Total:     d.Status.Replicas,
	}
	for _, c := range d.Status.Conditions {
		switch c.Type {
		case appsv1.DeploymentProgressing:
			r.DeadlineExceeded = c.Status == corev1.ConditionFalse && c.Reason == "ProgressDeadlineExceeded"
			r.Deadline = progressDeadline(d, c)
		case appsv1.DeploymentAvailable:
			r.Minimum, r.MinimumSince = c.Status == corev1.ConditionTrue, c.LastTransitionTime.Time
		}
	}
	return r
}

// progressDeadline is when the Deployment controller gives a rollout up that makes no more
// progress; zero when it is complete or given up already, or never is.
func progressDeadline(d *appsv1.Deployment, progressing appsv1.DeploymentCondition) time.Time {
	seconds := ptr.Deref(d.Spec.ProgressDeadlineSeconds, math.MaxInt32)
	over := progressing.Reason == "NewReplicaSetAvailable" || progressing.Reason == "ProgressDeadlineExceeded"
	if over || d.Spec.Paused || seconds == math.MaxInt32 || progressing.LastUpdateTime.IsZero() {
		return time.Time{}
	}
	return progressing.LastUpdateTime.Add(time.Duration(seconds) * time.Second)
}

func statefulSetRollout(s *appsv1.StatefulSet) Rollout {
	r := Rollout{
		Observed:  s.Status.ObservedGeneration >= s.Generation,
		Desired:   ptr.Deref(s.Spec.Replicas, 1),
		Updated:   s.Status.UpdatedReplicas,
		Ready:     s.Status.ReadyReplicas,
		Available: s.Status.AvailableReplicas,
		Total:     s.Status.Replicas,
	}
	if s.Status.UpdateRevision == s.Status.CurrentRevision {
		// With nothing left to update the controller counts the current pods only.
		r.Updated = max(s.Status.UpdatedReplicas, s.Status.CurrentReplicas)
	}
	return r
}

func daemonSetRollout(d *appsv1.DaemonSet) Rollout {
	return Rollout{
		Observed:  d.Status.ObservedGeneration >= d.Generation,
		Desired:   d.Status.DesiredNumberScheduled,
		Updated:   d.Status.UpdatedNumberScheduled,
		Ready:     d.Status.NumberReady,
		Available: d.Status.NumberAvailable,
		Total:     d.Status.CurrentNumberScheduled,
	}
}

// replicasRollout is for kinds without rollouts: every pod counts as updated.
func replicasRollout(generation, observed int64, desired, ready, available int32) Rollout {
	return Rollout{
		Observed: observed >= generation, Desired: desired, Updated: available,
		Ready: ready, Available: available, Total: min(desired, available),
	}
}

// deploymentMaxUnavailable is how many pods a rollout may take away, as the Deployment
// controller resolves it: a percentage is rounded down, and Recreate takes all of them.
func deploymentMaxUnavailable(d *appsv1.Deployment) int32 {
	replicas := ptr.Deref(d.Spec.Replicas, 1)
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return replicas
	}
	limit := intstr.FromString("25%")
	surge := intstr.FromString("25%")
	if rolling := d.Spec.Strategy.RollingUpdate; rolling != nil {
		limit = ptr.Deref(rolling.MaxUnavailable, limit)
		surge = ptr.Deref(rolling.MaxSurge, surge)
	}
	unavailable, err := intstr.GetScaledValueFromIntOrPercent(&limit, int(replicas), false)
	if err != nil {
		return 0
	}
	added, err := intstr.GetScaledValueFromIntOrPercent(&surge, int(replicas), true)
	if err == nil && unavailable == 0 && added == 0 {
		return 1
	}
	return int32(unavailable) //nolint:gosec // bounded by the number of replicas
}

// statefulSetMaxUnavailable is how many pods a rollout may take away, as the StatefulSet
// controller resolves it: a percentage is rounded down, and at least one.
func statefulSetMaxUnavailable(s *appsv1.StatefulSet) int32 {
	rolling := s.Spec.UpdateStrategy.RollingUpdate
	if rolling == nil || rolling.MaxUnavailable == nil {
		return 1
	}
	return max(1, scaled(*rolling.MaxUnavailable, ptr.Deref(s.Spec.Replicas, 1), false))
}

// daemonSetMaxUnavailable is how many pods a rollout may take away, as the DaemonSet
// controller resolves it: percentages are rounded up, and one where nothing may surge.
func daemonSetMaxUnavailable(d *appsv1.DaemonSet) int32 {
	rolling := d.Spec.UpdateStrategy.RollingUpdate
	if rolling == nil {
		return 1
	}
	nodes := d.Status.DesiredNumberScheduled
	unavailable := scaled(ptr.Deref(rolling.MaxUnavailable, intstr.FromInt32(1)), nodes, true)
	if unavailable == 0 && scaled(ptr.Deref(rolling.MaxSurge, intstr.FromInt32(0)), nodes, true) == 0 {
		return 1
	}
	return unavailable
}

// scaled is a number of pods, or a percentage of so many; 0 if it is neither.
func scaled(limit intstr.IntOrString, of int32, roundUp bool) int32 {
	n, err := intstr.GetScaledValueFromIntOrPercent(&limit, int(of), roundUp)
	if err != nil {
		return 0
	}
	return int32(n) //nolint:gosec // the API server bounds it
}
