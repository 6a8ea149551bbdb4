// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/acts"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

const (
	// maxExamples is how many changes that are held back a status names, and maxExample how
	// long each may be, in bytes.
	maxExamples, maxExample = 10, 384
	// countedFor is how long an action counts as one of the last hour.
	countedFor = time.Hour
)

// recordRemediation says in the status how far acts may go in which namespaces, what was
// changed of late, and what is not changed although it is due. It returns when the first of
// the figures is out of date although nothing happens; zero for never.
func recordRemediation(policy *v1alpha1.EnvironmentPolicy, seen *environmentLook, now time.Time) (outOfDate time.Time) {
	status := &policy.Status
	status.Acts = seen.acts()
	status.Remediation, outOfDate = remediationOf(seen.reports, now)
	if len(status.Acts) == 0 && idle(status.Remediation) {
		status.Remediation = nil
	}
	recordRemediating(policy, seen.own.Spec.Suspend, seen.isolations())
	return outOfDate
}

// acts are those that the policy asks for, over the namespaces that have joined.
func (seen *environmentLook) acts() []v1alpha1.ActState {
	trials := map[string][]v1alpha1.ActTrial{}
	for i := range seen.reports {
		trials[seen.reports[i].Namespace] = append(trials[seen.reports[i].Namespace], seen.reports[i].Status.ActTrials...)
	}
	var states []v1alpha1.ActState
	for _, act := range acts.Of(seen.own.Spec) {
		places := make([]acts.Place, 0, len(seen.namespaces))
		for i := range seen.namespaces {
			namespace := &seen.namespaces[i]
			standing := acts.In(namespace, seen.own.Name(), act)
			places = append(places, acts.PlaceOf(namespace.Name, standing, trials[namespace.Name], *seen.own.Spec.Progression))
		}
		states = append(states, acts.Summary(act, places))
	}
	return states
}

// isolations are where failing workloads are cut off, if the policy asks for that. Isolation
// does not earn its level by trials, and is not one of the acts of the status.
func (seen *environmentLook) isolations() []v1alpha1.ActState {
	policy := seen.own.Spec.Isolation
	if policy.Mode == v1alpha1.IsolationOff {
		return nil
	}
	state := v1alpha1.ActState{Kind: v1alpha1.ActionIsolate}
	for i := range seen.namespaces {
		standing := acts.In(&seen.namespaces[i], seen.own.Name(), acts.Act{Kind: v1alpha1.ActionIsolate, StartLevel: policy.StartLevel})
		if policy.Mode == v1alpha1.IsolationManual || standing.Level == v1alpha1.ActAct {
			state.Acting++ // what somebody asks for is done at both levels
		} else {
			state.Reporting++
		}
	}
	return []v1alpha1.ActState{state}
}

// remediationOf counts what the reports of an environment say of the operator's own changes.
func remediationOf(reports []v1alpha1.ReadinessReport, now time.Time) (state *v1alpha1.RemediationState, outOfDate time.Time) {
	state = &v1alpha1.RemediationState{}
	until := func(t time.Time) {
		if t.After(now) && (outOfDate.IsZero() || t.Before(outOfDate)) {
			outOfDate = t
		}
	}
	var held []*v1alpha1.ReadinessReport
	actions := map[v1alpha1.ActionCount]int32{}
	for i := range reports {
		status := &reports[i].Status
		if status.State != v1alpha1.ReportGone && changing(&reports[i], now) {
			state.Changing++
			last, _ := lastBegun(status)
			until(last.Time.Add(actionSettles))
			until(last.Time.Add(actionRolls))
		}
		if status.State != v1alpha1.ReportGone && status.HeldBack != nil {
			held = append(held, &reports[i])
		}
		for _, action := range status.Actions {
			if end := action.Time.Add(countedFor); action.Outcome != v1alpha1.ActionIntended && now.Before(end) {
				actions[v1alpha1.ActionCount{Kind: action.Kind, Outcome: action.Outcome}]++
				until(end)
			}
		}
	}
	for counted, count := range actions {
		counted.Count = count
		state.LastHour = append(state.LastHour, counted)
	}
	slices.SortFunc(state.LastHour, func(a, b v1alpha1.ActionCount) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Outcome, b.Outcome))
	})
	recordHeldBack(state, held)
	return state, outOfDate
}

// gravity orders what keeps changes back: what an on-call person has to know of first.
var gravity = []v1alpha1.HeldBackBy{v1alpha1.HeldByBreaker, v1alpha1.HeldByBudget, v1alpha1.HeldBySuspend, v1alpha1.HeldByLevel}

// recordHeldBack counts and names the workloads whose change is held back.
func recordHeldBack(state *v1alpha1.RemediationState, held []*v1alpha1.ReadinessReport) {
	state.HeldBack = int32(len(held)) //nolint:gosec // there are not that many workloads
	by := func(r *v1alpha1.ReadinessReport) int { return slices.Index(gravity, r.Status.HeldBack.By) }
	slices.SortFunc(held, func(a, b *v1alpha1.ReadinessReport) int {
		return cmp.Or(cmp.Compare(by(a), by(b)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, r := range held {
		back := r.Status.HeldBack
		if n := len(state.HeldBackBy); n == 0 || state.HeldBackBy[n-1].By != back.By {
			state.HeldBackBy = append(state.HeldBackBy, v1alpha1.HeldBackCount{By: back.By})
		}
		state.HeldBackBy[len(state.HeldBackBy)-1].Workloads++
		if len(state.Examples) < maxExamples {
			state.Examples = append(state.Examples, message.Cut(fmt.Sprintf("%s/%s %s: %s, held back by %s since %s", r.Namespace,
				r.Status.Workload.Kind, r.Status.Workload.Name, acts.Singular(back.Kind), back.By, back.Since.UTC().Format(time.RFC3339)), maxExample))
		}
	}
}

// idle says whether there is nothing to say.
func idle(state *v1alpha1.RemediationState) bool {
	return state.Changing == 0 && state.HeldBack == 0 && len(state.LastHour) == 0
}

// recordRemediating says whether the operator may change workloads here, and why not.
func recordRemediating(policy *v1alpha1.EnvironmentPolicy, suspend v1alpha1.SuspendMode, isolations []v1alpha1.ActState) {
	status := &policy.Status
	set := func(may metav1.ConditionStatus, reason, text string) {
		setCondition(&status.Conditions, policy.Generation, v1alpha1.ConditionRemediating, may, reason, text)
	}
	acting := int32(0)
	stands := make([]string, 0, len(status.Acts)+len(isolations))
	for _, act := range slices.Concat(status.Acts, isolations) {
		acting += act.Acting
		stands = append(stands, fmt.Sprintf("%s are carried out in %d of %d namespaces", acts.Plural(act.Kind), act.Acting, act.Acting+act.Reporting))
	}
	missing := "status.acts says what is missing"
	if len(status.Acts) == 0 {
		missing = "isolation.startLevel: Act ends that"
	}
	switch {
	case suspend != v1alpha1.SuspendNone:
		set(metav1.ConditionFalse, v1alpha1.ReasonSuspended, fmt.Sprintf("spec.suspend is %s: what is due is shown and not done", suspend))
	case status.Breaker != nil && status.Breaker.Namespace == "":
		set(metav1.ConditionFalse, v1alpha1.ReasonBreakerOpen, status.Breaker.Reason)
	case len(stands) == 0:
		set(metav1.ConditionFalse, v1alpha1.ReasonNothingAsked, "the policy asks for no changes of workloads: see drift.mode, rollout.onFailure and isolation.mode")
	case acting == 0:
		set(metav1.ConditionFalse, v1alpha1.ReasonOnlyReporting, strings.Join(stands, ", ")+": "+missing)
	case status.Breaker != nil:
		set(metav1.ConditionTrue, v1alpha1.ReasonActing, fmt.Sprintf("%s, but not in namespace %s: %s",
			strings.Join(stands, ", "), status.Breaker.Namespace, status.Breaker.Reason))
	default:
		set(metav1.ConditionTrue, v1alpha1.ReasonActing, strings.Join(stands, ", "))
	}
}

// announceRemediation tells, after it was recorded, that remediation has stopped, or goes on.
func (r *EnvironmentReconciler) announceRemediation(before, policy *v1alpha1.EnvironmentPolicy) {
	tell := func(kind, reason, text string) {
		r.Events.Eventf(policy, nil, kind, reason, telemetry.ActionRemediate, "%s", text)
	}
	switch was, is := before.Status.Breaker, policy.Status.Breaker; {
	case is != nil && was != nil && was.Namespace == "" && is.Namespace != "":
		tell(telemetry.Warning, telemetry.ReasonBreakerOpened, is.Reason+": no workload "+within(is)+"is changed until it has been calm for a while; all others may be changed again")
	case is != nil && (was == nil || was.Namespace != is.Namespace):
		tell(telemetry.Warning, telemetry.ReasonBreakerOpened, is.Reason+": "+pending(policy, "no workload "+within(is)+"is changed until it has been calm for a while"))
	case was != nil && is == nil:
		tell(telemetry.Normal, telemetry.ReasonBreakerClosed, "it has been calm for a while: "+pending(before, "workloads may be changed again"))
	}
	switch was, is := suspendedBy(before), suspendedBy(policy); {
	case !was && is:
		tell(telemetry.Warning, telemetry.ReasonSuspendBegun, fmt.Sprintf("spec.suspend is %s: %s", policy.Spec.Suspend, pending(policy, "no workload is changed until it is None")))
	case was && !is:
		tell(telemetry.Normal, telemetry.ReasonSuspendEnded, "spec.suspend is None: "+pending(before, "workloads may be changed again"))
	}
}

// within says where a breaker is open; empty for everywhere.
func within(breaker *v1alpha1.Breaker) string {
	if breaker.Namespace == "" {
		return ""
	}
	return "of namespace " + breaker.Namespace + " "
}

// stoppedIn says whether the breaker of an environment is open for a namespace.
func stoppedIn(policy *v1alpha1.EnvironmentPolicy, namespace string) bool {
	open := policy.Status.Breaker
	return open != nil && (open.Namespace == "" || open.Namespace == namespace)
}

// pending says what follows, and how much waits for it.
func pending(policy *v1alpha1.EnvironmentPolicy, follows string) string {
	state := policy.Status.Remediation
	if state == nil {
		return follows
	}
	return fmt.Sprintf("%s (%d being changed, %d held back)", follows, state.Changing, state.HeldBack)
}

// suspendedBy says whether a status speaks of a suspended environment.
func suspendedBy(policy *v1alpha1.EnvironmentPolicy) bool {
	condition := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionRemediating)
	return condition != nil && condition.Reason == v1alpha1.ReasonSuspended
}
