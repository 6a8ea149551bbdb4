// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
)

// giveUpProgress says of a rollout that it has stood still for too long, where its controller
// never does; else it is to be looked at again when it will have.
func (l *look) giveUpProgress(now time.Time) {
	status := &l.report.Status
	settled := status.Outcomes[0].Result == v1alpha1.RolloutStable
	deadline := evidence.ProgressDeadline(l.snapshot(), status.Evidence, settled)
	switch {
	case deadline.IsZero():
	case now.Before(deadline):
		l.progressBy = deadline
	default:
		l.workload.Rollout.DeadlineExceeded = true
	}
}

// unmade says how many pods a StatefulSet or DaemonSet lacks that its controller could have
// made long ago: something refuses them. Its status does not say what, as that of a
// Deployment does. One that makes a pod only when the one before it is ready may lack any
// number, which says nothing.
func (l *look) unmade() string {
	switch object := l.object.(type) {
	case *appsv1.StatefulSet:
		if object.Spec.PodManagementPolicy != appsv1.ParallelPodManagement {
			return ""
		}
	case *appsv1.DaemonSet:
	default:
		return ""
	}
	rollout := l.workload.Rollout
	if missing := int(rollout.Desired) - len(l.livePods); rollout.DeadlineExceeded && missing > 0 {
		return fmt.Sprintf("%d of %d pods are not made: the events of the %s say what refuses them, a quota or an admission policy", missing, rollout.Desired, l.key.Kind)
	}
	return ""
}
