// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// replacements observes whether a workload has its ready pods back within the recovery
// objective after one of them was evicted, preempted, or lost with its node.
type replacements struct{}

func (replacements) begun(l look) []v1alpha1.OpenTrial {
	if !l.Workload.Replaces() {
		return nil
	}
	var trials []v1alpha1.OpenTrial
	for _, p := range l.pods {
		since, disrupted := l.disrupted(p)
		if !disrupted {
			continue
		}
		c := drainCause(p.Node, since)
		if l.drilled(p) {
			c = drillCause(p.UID)
		}
		trials = append(trials, v1alpha1.OpenTrial{
			ID:         replacementID(p.UID),
			Kind:       v1alpha1.TrialReplacement,
			Subject:    p.Name,
			SubjectUID: p.UID,
			Episode:    c.episode, Source: c.source,
			Since:    seconds(since),
			Deadline: secondsPtr(since.Add(RecoveryObjective)),
		})
	}
	return trials
}

func replacementID(podUID string) string { return trialID(v1alpha1.TrialReplacement, podUID) }

// disrupted says whether something outside takes the pod away, and since when. A drill
// alone does not: its eviction may be refused.
func (l look) disrupted(p seenPod) (since time.Time, disrupted bool) {
	switch {
	case p.Disruption != "":
		return p.DisruptedSince, true
	case !l.drilled(p) || l.Drill.Kind != v1alpha1.DrillEvict:
		return time.Time{}, false
	case p.Departing():
		return p.Asked, true
	case p.departed:
		return l.Drill.Since.Time, true
	default:
		return time.Time{}, false
	}
}

// drilled says whether the drill that runs now disturbs the pod.
func (l look) drilled(p seenPod) bool { return l.Drill != nil && l.Drill.PodUID == p.UID }

func (replacements) judge(l look, trial v1alpha1.OpenTrial) verdict {
	since, desired := trial.Since.Time, int(l.Workload.Replicas)
	p, found := l.pod(trial.SubjectUID)
	switch {
	case l.Workload.Deleting:
		return censored(l.now, "the workload is being deleted")
	case desired == 0:
		return censored(l.now, "the workload was scaled to zero")
	case found && p.present() && p.Disruption == "":
		return verdict{withdrawn: true} // it was spared
	case l.rolling():
		return censored(l.now, fmt.Sprintf("a rollout replaced pod %s", trial.Subject))
	}

	var present, serving, fresh []seenPod
	for _, other := range l.pods {
		if other.UID == trial.SubjectUID || !other.present() {
			continue
		}
		present = append(present, other)
		if other.serving() {
			serving = append(serving, other)
		}
		if !other.Created.Before(since) {
			fresh = append(fresh, other)
		}
	}
	switch {
	case len(serving) >= desired && slices.ContainsFunc(fresh, seenPod.serving):
		return l.restored(trial, restoredAt(serving, desired, since))
	case len(fresh) == 0 && !(found && p.present()) && len(present) >= desired:
		return censored(l.now, fmt.Sprintf("pod %s was not needed any more: the workload was scaled down", trial.Subject))
	case !l.overdue(trial):
		return open
	case len(fresh) > 0 && !slices.ContainsFunc(fresh, func(p seenPod) bool { return !p.Unschedulable }):
		return censored(trial.Deadline.Time, fmt.Sprintf("no node takes the replacement of pod %s", trial.Subject))
	case l.missed(trial):
		return censored(trial.Deadline.Time, fmt.Sprintf("nobody looked when pod %s should have been replaced", trial.Subject))
	default:
		unready := slices.DeleteFunc(fresh, func(p seenPod) bool { return p.Ready })
		return l.blame(trial.Deadline.Time, fmt.Sprintf("%d of %d pods were ready %s after pod %s was disrupted",
			len(serving), desired, RecoveryObjective, trial.Subject), unready...)
	}
}

// restored is the verdict about a workload that has its ready pods back.
func (l look) restored(trial v1alpha1.OpenTrial, at time.Time) verdict {
	took := max(0, at.Sub(trial.Since.Time))
	switch {
	case took <= RecoveryObjective:
		return success(at, took, fmt.Sprintf("pod %s was replaced in %s", trial.Subject, took))
	case l.missed(trial):
		return censored(at, fmt.Sprintf("nobody looked when pod %s should have been replaced", trial.Subject))
	default:
		return failure(at, fmt.Sprintf("pod %s was replaced in %s, the objective is %s", trial.Subject, took, RecoveryObjective))
	}
}

// restoredAt is when as many pods as desired were ready, one that was made after the
// disruption among them.
func restoredAt(serving []seenPod, desired int, since time.Time) time.Time {
	slices.SortFunc(serving, func(a, b seenPod) int { return a.ReadySince.Compare(b.ReadySince) })
	enough := serving[max(desired, 1)-1].ReadySince
	firstFresh := slices.IndexFunc(serving, func(p seenPod) bool { return !p.Created.Before(since) })
	if fresh := serving[firstFresh].ReadySince; fresh.After(enough) {
		return fresh
	}
	return enough
}
