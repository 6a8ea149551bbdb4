// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// renewals observes whether a workload whose rollout a drill restarted has all its pods
// replaced within the recovery objective. Its revision stays the same.
type renewals struct{}

func (renewals) begun(l look) []v1alpha1.OpenTrial {
	if !l.restarting() || l.takenBack() {
		return nil
	}
	c := drillCause(l.Drill.PodUID)
	return []v1alpha1.OpenTrial{{
		ID:         renewalID(l.Drill.PodUID),
		Kind:       v1alpha1.TrialRenewal,
		Subject:    l.Drill.Pod,
		SubjectUID: l.Drill.PodUID,
		Episode:    c.episode, Source: c.source,
		Since:    seconds(l.Drill.Since.Time),
		Deadline: secondsPtr(l.Drill.Since.Add(RecoveryObjective)),
	}}
}

func renewalID(podUID string) string { return trialID(v1alpha1.TrialRenewal, podUID) }

// restarting says whether a drill restarts the rollout of the current revision. One that
// began before the revision was seen is of the revision before it.
func (s Snapshot) restarting() bool {
	return s.Drill != nil && s.Drill.Kind == v1alpha1.DrillRestart && s.Revision.PodTemplateHash != "" &&
		!s.Revision.Since.After(s.Drill.Since.Time)
}

// takenBack says whether the newest pods are named as before the restart: it has not
// happened, or somebody undid it.
func (s Snapshot) takenBack() bool { return s.Revision.PodTemplateHash == s.Drill.PodTemplateHash }

// renewed says whether the restart takes the pod away: one of the same revision, though its
// name for it is another.
func (s Snapshot) renewed(p workload.Pod) bool { return s.restarting() && p.UID == s.Drill.PodUID }

func (renewals) judge(l look, trial v1alpha1.OpenTrial) verdict {
	since, desired := trial.Since.Time, int(l.Workload.Replicas)
	switch {
	case l.Workload.Deleting:
		return censored(l.now, "the workload is being deleted")
	case desired == 0:
		return censored(l.now, "the workload was scaled to zero")
	case !l.restarting() || l.takenBack():
		return censored(l.now, "somebody took back the restart of the rollout")
	}

	var serving, unready []seenPod
	replaced := true
	for _, p := range l.pods {
		switch {
		case !p.present():
		case p.TemplateHash != l.Revision.PodTemplateHash:
			replaced = false
		case p.serving():
			serving = append(serving, p)
		default:
			unready = append(unready, p)
		}
	}
	fresh := slices.ContainsFunc(serving, func(p seenPod) bool { return !p.Created.Before(since) })
	switch {
	case replaced && fresh && len(serving) >= desired && l.Workload.Rollout.Complete():
		return l.renewedBy(trial, serving)
	case !l.overdue(trial):
		return open
	case len(unready) > 0 && !slices.ContainsFunc(unready, func(p seenPod) bool { return !p.Unschedulable }):
		return censored(trial.Deadline.Time, fmt.Sprintf("no node takes the replacement of pod %s", trial.Subject))
	case l.missed(trial):
		return censored(trial.Deadline.Time, fmt.Sprintf("nobody looked when pod %s should have been replaced", trial.Subject))
	default:
		return l.blame(trial.Deadline.Time, fmt.Sprintf("%d of %d pods were ready %s after the rollout was restarted",
			len(serving), desired, RecoveryObjective), unready...)
	}
}

// renewedBy is the verdict about a workload of which all pods are new and ready.
func (l look) renewedBy(trial v1alpha1.OpenTrial, serving []seenPod) verdict {
	at := restoredAt(serving, int(l.Workload.Replicas), trial.Since.Time)
	took := max(0, at.Sub(trial.Since.Time))
	switch {
	case took <= RecoveryObjective:
		return success(at, took, fmt.Sprintf("the restarted rollout replaced pod %s in %s", trial.Subject, took))
	case l.missed(trial):
		return censored(at, fmt.Sprintf("nobody looked when pod %s should have been replaced", trial.Subject))
	default:
		return failure(at, fmt.Sprintf("the restarted rollout took %s, the objective is %s", took, RecoveryObjective))
	}
}
