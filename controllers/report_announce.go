// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// announce tells, after it was recorded, what is new about the workload: on the workload
// itself, where its owner looks.
func (r *ReportReconciler) announce(before *v1alpha1.ReadinessReport, l *look) {
	was, is := &before.Status, &l.report.Status
	if is.State == v1alpha1.ReportProven && (was.State != v1alpha1.ReportProven || was.Revision.Hash != is.Revision.Hash) {
		r.Events.Eventf(l.object, l.report, telemetry.Normal, telemetry.ReasonProven, telemetry.ActionObserve,
			"revision %d is %s", is.Revision.Number, is.Message)
	}
	if text := bypassedSince(was, is); text != "" {
		r.Events.Eventf(l.object, l.report, telemetry.Warning, telemetry.ReasonGateBypassed, telemetry.ActionObserve, "%s", text)
	}
	if text := compliance.Announce(was.Guardrails, is.Guardrails, enforceNext(l.environment)); text != "" {
		r.Events.Eventf(l.object, l.report, telemetry.Warning, telemetry.ReasonGuardrailFindings, telemetry.ActionEvaluate, "%s", text)
	}
	if is.Drift != nil && (driftedSince(was) != driftedSince(is) || was.Drift.Decision != is.Drift.Decision) {
		r.Events.Eventf(l.object, l.report, telemetry.Warning, telemetry.ReasonDrifted, telemetry.ActionObserve, "%s", is.Drift.Decision)
	}
	if text := configurationDriftedSince(was, is); text != "" {
		r.Events.Eventf(l.object, l.report, telemetry.Warning, telemetry.ReasonConfigDrifted, telemetry.ActionObserve, "%s", text)
	}
	if text := tagsMovedSince(was, is); text != "" && l.environment.Spec.Drift.Mode != v1alpha1.DriftIgnore {
		r.Events.Eventf(l.object, l.report, telemetry.Warning, telemetry.ReasonTagMoved, telemetry.ActionObserve, "%s", text)
	}
	if text := misreadSince(was, is); text != "" {
		r.Events.Eventf(l.object, l.report, telemetry.Warning, telemetry.ReasonAnnotationWrong, telemetry.ActionObserve, "%s", text)
	}
	if is.FailingSince != nil && was.FailingSince == nil {
		r.Events.Eventf(l.object, l.report, telemetry.Warning, telemetry.ReasonRolloutFailed, telemetry.ActionObserve, "%s", is.Message)
	}
	if letGoByOthers(is) && !letGoByOthers(was) {
		r.Events.Eventf(l.object, l.report, telemetry.Normal, telemetry.ReasonIsolationLifted, telemetry.ActionObserve, "%s", is.Isolation.Reason)
	}
	for _, action := range is.Actions {
		if ended(was, action) {
			r.Metrics.Action(is.Environment, action)
			r.announceAction(l, action)
		}
		if action.Outcome == v1alpha1.ActionReported && !slices.ContainsFunc(was.Actions, func(a v1alpha1.Action) bool { return a.ID == action.ID }) {
			r.announceAction(l, action)
		}
	}
	r.Metrics.Trials(is.Environment, newTrials(was, is))
}

// bypassedSince says that a revision came past the gates, by whom and why; empty when none did.
func bypassedSince(was, is *v1alpha1.ReadinessReportStatus) string {
	if len(is.Outcomes) == 0 || is.Outcomes[0].Bypass == "" {
		return ""
	}
	newest := is.Outcomes[0]
	if slices.ContainsFunc(was.Outcomes, func(o v1alpha1.RevisionOutcome) bool { return o.Number == newest.Number && o.Bypass != "" }) {
		return ""
	}
	return fmt.Sprintf("revision %d, written by %s, came with images that no gate knows as proven; the annotation %s says %q. Remove it when this is over: each write of somebody who may bypass passes while it stands",
		newest.Number, cmp.Or(newest.Writer, "somebody unknown"), v1alpha1.AnnotationBypass, newest.Bypass)
}

// ended says whether it only now became known how an intended action ended.
func ended(was *v1alpha1.ReadinessReportStatus, action v1alpha1.Action) bool {
	return action.Outcome != v1alpha1.ActionIntended && slices.ContainsFunc(was.Actions, func(a v1alpha1.Action) bool {
		return a.ID == action.ID && a.Outcome == v1alpha1.ActionIntended
	})
}

// announceAction tells what was done to the workload, or would have been.
func (r *ReportReconciler) announceAction(l *look, action v1alpha1.Action) {
	kind, reason := telemetry.Normal, telemetry.ReasonDriftCorrected
	switch {
	case action.Outcome == v1alpha1.ActionFailed:
		kind, reason = telemetry.Warning, telemetry.ReasonActionFailed
	case action.Outcome == v1alpha1.ActionReported:
		kind, reason = telemetry.Warning, telemetry.ReasonActionReported
	case action.Kind == v1alpha1.ActionRollback:
		kind, reason = telemetry.Warning, telemetry.ReasonRolledBack
	case action.Kind == v1alpha1.ActionReplacePod:
		reason = telemetry.ReasonPodReplaced
	case action.Kind == v1alpha1.ActionIsolate:
		kind, reason = telemetry.Warning, telemetry.ReasonIsolated
	case action.Kind == v1alpha1.ActionRelease:
		reason = telemetry.ReasonIsolationReleased
	}
	r.Events.Eventf(l.object, l.report, kind, reason, telemetry.ActionRemediate, "%s", action.Message)
}

func driftedSince(status *v1alpha1.ReadinessReportStatus) string {
	if status.Drift == nil || status.Drift.Since == nil {
		return ""
	}
	return fmt.Sprint(status.Drift.Since.Unix(), status.Drift.Leaves)
}

func newTrials(was, is *v1alpha1.ReadinessReportStatus) []v1alpha1.Trial {
	known := map[string]bool{}
	for _, trial := range was.Evidence.Trials {
		known[trial.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(is.Evidence.Trials), func(t v1alpha1.Trial) bool { return known[t.ID] })
}
