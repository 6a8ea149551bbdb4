// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"time"
)

// Failure is why a revision is failing now.
type Failure struct {
	// Why, for people; empty while it is not failing.
	Why string
	// Until is when it is over if nothing else happens; zero when something must happen.
	Until time.Time
}

// Failing says why the current revision is failing now. Pods on nodes in trouble say
// nothing about it.
//
// One that was failing at the look before goes on failing until its pods are ready, and
// those that crashed have been ready for the recovery objective: a crash loop runs for a
// moment between two crashes, and a workload does not recover and fail again each time.
func Failing(seen Snapshot, before bool, now time.Time) Failure {
	pods := podsOfRevision(seen)
	for _, p := range pods {
		if !p.present() || p.Ready || seen.NodeTrouble[p.Node] != "" {
			continue
		}
		if reason := trouble(p.Pod); reason != "" {
			return Failure{Why: fmt.Sprintf("pod %s is in %s", p.Name, reason)}
		}
	}
	if w := seen.Workload; w.Rollout.Observed && w.Rollout.DeadlineExceeded {
		return Failure{Why: "the rollout does not progress: its deadline has passed"}
	}
	if before {
		return mending(seen, pods, now)
	}
	return Failure{}
}

// mending says why a revision that was failing has not recovered yet.
func mending(seen Snapshot, pods []seenPod, now time.Time) Failure {
	var failure Failure
	present := 0
	for _, p := range pods {
		if !p.present() {
			continue
		}
		present++
		switch {
		case seen.NodeTrouble[p.Node] != "":
		case !p.Ready && restarted(p.Pod):
			return Failure{Why: fmt.Sprintf("pod %s is in CrashLoopBackOff", p.Name)} // it runs for a moment
		case !p.Ready:
			return Failure{Why: fmt.Sprintf("pod %s is not ready yet, after others failed", p.Name)}
		case restarted(p.Pod):
			stable := p.ReadySince.Add(RecoveryObjective)
			if now.Before(stable) && stable.After(failure.Until) {
				failure = Failure{Why: fmt.Sprintf("pod %s crashed, and has not been ready for %s since", p.Name, RecoveryObjective), Until: stable}
			}
		}
	}
	if present == 0 && seen.Workload.Replicas > 0 && keepsRunning(seen.Workload) {
		return Failure{Why: "its failing pods were deleted, and new ones are not there yet"}
	}
	return failure
}
