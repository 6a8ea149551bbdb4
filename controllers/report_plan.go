// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxActions is how many actions a report remembers.
	maxActions = 10
	// maxText is the longest sentence of a report.
	maxText = 512
	// maxBypass is how much is remembered of the reason for passing a gate.
	maxBypass = 256
)

// plan is what one look led to, besides what is recorded: at most one action.
type plan struct {
	// baseline to persist before a correction; nil when it did not change.
	baseline *appsv1.ControllerRevision
	// outdated are baselines that are of no use once that is persisted.
	outdated []appsv1.ControllerRevision
	// action that is intended, with the patch of the workload that it consists of, or the pod
	// to delete.
	action *v1alpha1.Action
	patch  []byte
	pod    *corev1.Pod
	// trial is what the action will be judged by once it was done; nil for one that belongs to
	// another.
	trial *v1alpha1.ActTrial
	// isolate is the NetworkPolicy to make, free the one to delete, when the action
	// consists of that; restore is how the one that stands should be.
	isolate, free, restore *networkingv1.NetworkPolicy
	// drill that was begun.
	drill *v1alpha1.Drill
	// disown is true when the operator is still a field manager of the workload.
	disown bool
	// again are times at which to look again, even if nothing happens.
	again []time.Time
	// giveBack frees the namespace for the next disturbance, once the pass has ended.
	giveBack func()
}

func (p *plan) release() {
	if p.giveBack != nil {
		p.giveBack()
	}
}

// acts says whether something is to be done, which is recorded before it.
func (p *plan) acts() bool { return p.action != nil || p.drill != nil }

// protects says whether what is to be done ends a failure, rather than take back a change or drill.
func (p *plan) protects() bool {
	return p.isolate != nil || p.free != nil || p.restore != nil || p.action != nil && p.action.Kind != v1alpha1.ActionCorrectDrift
}

// lookAgain at a time; a zero time is none.
func (p *plan) lookAgain(at time.Time) {
	if !at.IsZero() {
		p.again = append(p.again, at)
	}
}

const (
	// soonest is the least wait for another look: deadlines are to the second.
	soonest = 200 * time.Millisecond
	// askAgain is how long to wait for what happens to other workloads, which brings no
	// event to this one.
	askAgain = 30 * time.Second
)

// next is how long to wait for the next look; 0 when only an event needs one.
func (p *plan) next(report *v1alpha1.ReadinessReport, now time.Time) time.Duration {
	if deadline := evidence.NextDeadline(report.Status.Evidence); deadline != nil {
		p.lookAgain(*deadline)
	}
	if len(p.again) == 0 {
		return 0
	}
	first := slices.MinFunc(p.again, time.Time.Compare)
	return max(first.Sub(now), soonest)
}

// note remembers an action, in place of one with the same id that has the same outcome
// or was only intended.
func note(status *v1alpha1.ReadinessReportStatus, action v1alpha1.Action) {
	action.Message = message.Cut(action.Message, maxText)
	i := slices.IndexFunc(status.Actions, func(a v1alpha1.Action) bool {
		return a.ID == action.ID && (a.Outcome == action.Outcome || a.Outcome == v1alpha1.ActionIntended)
	})
	if i >= 0 {
		if status.Actions[i].Outcome == action.Outcome {
			action.Time = status.Actions[i].Time
		}
		status.Actions[i] = action
		return
	}
	status.Actions = slices.Concat([]v1alpha1.Action{action}, status.Actions)
	if len(status.Actions) > maxActions {
		status.Actions = slices.Delete(status.Actions, forgettable(status.Actions), forgettable(status.Actions)+1)
	}
}

// forgettable is the action that is of least use: the oldest that was only reported, else
// the oldest. What was done counts against the budget and must not be pushed out.
func forgettable(actions []v1alpha1.Action) int {
	for i, action := range slices.Backward(actions) {
		if action.Outcome == v1alpha1.ActionReported {
			return i
		}
	}
	return len(actions) - 1
}

func actionAt(id string, kind v1alpha1.ActionKind, outcome v1alpha1.ActionOutcome, now time.Time, text string) v1alpha1.Action {
	return v1alpha1.Action{
		ID: id, Kind: kind, Outcome: outcome, Time: metav1.NewTime(now.Truncate(time.Second)), Message: message.Cut(text, maxText),
	}
}
