// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/readiness"
	"github.com/rampart-dev/rampart/internal/workload"
)

// maxProven is how many proven revisions of a workload are remembered.
const maxProven = 10

// observe counts the trials that this look shows, and judges the revision by them.
func (r *ReportReconciler) observe(l *look, now time.Time) {
	status := &l.report.Status
	l.giveUpProgress(now)
	seen := l.snapshot()
	status.Evidence = evidence.Observe(status.Evidence, seen, now)

	wasFailing := status.FailingSince != nil && l.judgedRevision == status.Revision.Number
	failure := evidence.Failing(seen, wasFailing, now)
	l.failingUntil = failure.Until
	failing := failure.Why
	l.readiness = readiness.Judge(status.Evidence, readiness.Subject{
		Workload:    l.workload,
		Serving:     l.serving,
		Failing:     failing,
		ProvenSince: provenSince(status),
	}, status.Targets)
	status.Qualities, status.State, status.Message = l.readiness.Qualities, l.readiness.State, l.readiness.Message

	if l.readiness.State == v1alpha1.ReportCollecting && l.environment.Spec.Stage == v1alpha1.Production && len(l.gates) == 0 {
		rollout := l.workload.Rollout
		status.Message = fmt.Sprintf("revision %d runs, %d of %d pods are available; nothing follows production, so that no gate waits for its evidence",
			status.Revision.Number, rollout.Available, rollout.Desired)
	}

	switch {
	case failing == "":
		status.FailingSince = nil
	case status.FailingSince == nil:
		status.FailingSince = &metav1.Time{Time: now.Truncate(time.Second)}
	}
	if reason, text := l.movedTags(); reason == v1alpha1.ReasonImagesDiffer && failing == "" {
		status.Message = text
	}
	recordResult(status, l, failing)
	if l.readiness.Proven && workload.Mixed(status.Revision.Containers) == nil {
		recordProven(status, l.readiness.Score, now)
	}
}

// snapshot is the look as evidence is read from it.
func (l *look) snapshot() evidence.Snapshot {
	return evidence.Snapshot{
		Workload:    l.workload,
		Revision:    l.report.Status.Revision,
		Before:      l.podsSince(),
		Kept:        l.report.Status.Outcomes[0].Cause.KeepsPods(),
		Returned:    returned(l.report.Status.Outcomes),
		Pods:        l.pods,
		Departed:    l.departed,
		Runs:        l.runs,
		Tests:       l.tests,
		Serving:     l.serving,
		Endpoints:   l.endpoints,
		NodeTrouble: l.troubledNodes,
		Drill:       l.report.Status.Drill,
	}
}

// returned says whether the newest of the revisions ran before, and another one since, whose
// pods it replaces.
func returned(outcomes []v1alpha1.RevisionOutcome) bool {
	current := outcomes[0].Hash
	return len(outcomes) > 1 && !outcomes[0].Cause.KeepsPods() && outcomes[1].Hash != current &&
		slices.ContainsFunc(outcomes[1:], func(o v1alpha1.RevisionOutcome) bool { return o.Hash == current })
}

// recordResult says what became of the revision's rollout. One that failed may still
// recover, one that was stable stays so, and can be returned to, unless its pods ended as
// soon as they were ready.
func recordResult(status *v1alpha1.ReadinessReportStatus, l *look, failing string) {
	current := &status.Outcomes[0]
	result := evidence.Result(status.Evidence)
	if current.Result == v1alpha1.RolloutStable && result != v1alpha1.RolloutFailed {
		return
	}
	if result == v1alpha1.RolloutStable || result == v1alpha1.RolloutFailed {
		current.Result = result
	}
	over := current.Cause.KeepsPods() || result != v1alpha1.RolloutRolling
	if failing == "" && l.workload.Progressing() && l.workload.Rollout.Complete() && over {
		current.Result = v1alpha1.RolloutStable
	}
}

// provenSince is when the current revision was proven against the targets that stand
// now; zero when it was not.
func provenSince(status *v1alpha1.ReadinessReportStatus) time.Time {
	for _, p := range status.Proven {
		if p.Hash == status.Revision.Hash && sameTargets(p.Targets, status.Targets) {
			return p.Time.Time
		}
	}
	return time.Time{}
}

func sameTargets(a, b v1alpha1.ReadinessTargets) bool {
	return a.Target == b.Target && a.Confidence == b.Confidence && a.NaturalTrials == b.NaturalTrials && slices.Equal(a.Qualities, b.Qualities)
}

// fillDigests completes what images resolved to where that was not known when they were
// proven. A digest that is known stays: what a tag resolves to later was not proven.
func fillDigests(proven, now []v1alpha1.RevisionContainer) {
	for i := range proven {
		for _, c := range now {
			if proven[i].Digest == "" && c.Name == proven[i].Name && c.Image == proven[i].Image {
				proven[i].Digest = c.Digest
			}
		}
	}
}

// recordProven remembers the revision among the proven ones, the newest first. What its
// images resolved to is filled in as soon as it is known, and never replaced.
func recordProven(status *v1alpha1.ReadinessReportStatus, score int32, now time.Time) {
	current := v1alpha1.ProvenRevision{
		Hash: status.Revision.Hash, Time: metav1.NewTime(now.Truncate(time.Second)), Score: score,
		Targets: status.Targets, Containers: slices.Clone(status.Revision.Containers),
	}
	i := slices.IndexFunc(status.Proven, func(p v1alpha1.ProvenRevision) bool { return p.Hash == current.Hash })
	if i >= 0 && sameTargets(status.Proven[i].Targets, current.Targets) {
		fillDigests(status.Proven[i].Containers, current.Containers)
		return
	}
	if i >= 0 {
		status.Proven = slices.Delete(status.Proven, i, i+1)
	}
	status.Proven = slices.Concat([]v1alpha1.ProvenRevision{current}, status.Proven)
	if len(status.Proven) > maxProven {
		status.Proven = slices.Delete(status.Proven, dispensable(status.Proven), dispensable(status.Proven)+1)
	}
}

// dispensable is the proven revision to forget: the oldest that brings no image which a newer
// one does not, because it differs by its ConfigMaps only; else the oldest.
func dispensable(proven []v1alpha1.ProvenRevision) int {
	for i := len(proven) - 1; i > 0; i-- {
		if slices.ContainsFunc(proven[:i], func(newer v1alpha1.ProvenRevision) bool {
			return sameContainers(newer.Containers, proven[i].Containers)
		}) {
			return i
		}
	}
	return len(proven) - 1
}

func sameContainers(a, b []v1alpha1.RevisionContainer) bool {
	return slices.EqualFunc(a, b, func(a, b v1alpha1.RevisionContainer) bool {
		return a.Name == b.Name && a.Image == b.Image && a.Digest == b.Digest && a.CommandDigest == b.CommandDigest && slices.Equal(a.Command, b.Command)
	})
}
