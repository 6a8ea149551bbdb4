// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// patience is how many times the usual start of a pod a rollout may stand still. Kubelets
// let a container that crashes wait for 10, 20, 40, 80 seconds: where a start takes the 30
// seconds that it always may, it has had five tries then.
const patience = 5

// ProgressDeadline is when the rollout of a StatefulSet or DaemonSet that goes on as it is
// will have stood still for too long. Their controllers keep no such deadline, as that of a
// Deployment does (progressDeadlineSeconds); it is what this stands in for. The time may
// have passed already; it is zero when no pod holds the rollout up, and for other kinds.
//
// A rollout may stand still for five times the usual start of a pod, at most for the ten
// minutes that a Deployment has by default, and never for less than one usual start. The
// time runs anew with each pod that is made or becomes ready, and while one takes its time
// to end. settled says that the rollout was complete already: what fails later is no lack
// of progress.
func ProgressDeadline(seen Snapshot, known v1alpha1.Evidence, settled bool) time.Time {
	if settled || !standsInForDeadline(seen.Workload) || !seen.Workload.Rollout.Observed {
		return time.Time{}
	}
	usual := UsualStart(known)
	last, held := seen.Revision.Since.Time, false
	for _, p := range podsOfRevision(seen) {
		if !p.present() || seen.NodeTrouble[p.Node] != "" {
			continue
		}
		held = held || !p.Ready
		last = latest(last, progressOf(p.Pod, usual))
	}
	if !held {
		return time.Time{}
	}
	for _, p := range seen.Pods {
		if p.Departing() {
			last = latest(last, p.Deleting) // nobody takes its place before
		}
	}
	return last.Add(max(usual, min(patience*usual, untilUsual)))
}

// standsInForDeadline says whether a workload replaces its pods one after the other, and
// nobody says how long that may take.
func standsInForDeadline(w workload.Workload) bool {
	switch w.Strategy.(type) {
	case appsv1.StatefulSetUpdateStrategy, appsv1.DaemonSetUpdateStrategy:
		return true
	default:
		return false
	}
}

// progressOf is when the rollout last came on by a pod: when it was made, became ready, or
// ended to do its work. Whoever ran for longer than a start takes did; being ready for a
// moment between two crashes is none.
func progressOf(p workload.Pod, usual time.Duration) time.Time {
	last := p.Created
	if !p.Crashed() {
		last = latest(last, p.ReadySince, p.LostReady())
	}
	for _, c := range p.Containers {
		for _, exit := range []*workload.Exit{c.Exit, c.LastExit} {
			if exit != nil && !c.Init && !exit.Started.IsZero() && exit.Finished.Sub(exit.Started) > usual {
				last = latest(last, exit.Finished)
			}
		}
	}
	return last
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
