// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/remediation"
)

const (
	// maxQuarantined is how many quarantined revisions a report remembers.
	maxQuarantined = 10
)

// judgeRollout judges a workload's newest revision by how its pods behave, and plans to
// bring the last good one back.
func (r *ReportReconciler) judgeRollout(ctx context.Context, l *look, p *plan, now time.Time) error {
	if !l.workload.Progressing() || l.templateHash == "" || l.report.Status.FailingSince == nil || p.action != nil {
		return nil
	}
	rollout, err := r.rollout(ctx, l, now)
	if err != nil {
		return err
	}
	decision := remediation.Judge(rollout)
	l.heldBySuspension(rollout, now)
	status := &l.report.Status
	switch decision.Verdict {
	case remediation.VerdictNone:
		return nil
	case remediation.VerdictWait:
		// More pods or the progress deadline bring an event; stability needs time to pass.
		p.lookAgain(now.Add(evidence.UsualStart(status.Evidence)))
		if alone := status.FailingSince.Add(remediation.Together); now.Before(alone) {
			p.lookAgain(alone) // whether others fail too is known by then
		}
		status.Message = message.Cut(status.Message+"; "+decision.Reason, maxText)
		return nil
	case remediation.VerdictHold, remediation.VerdictReport:
		status.Message = message.Cut(decision.Reason, maxText)
		note(status, actionAt(decision.Action, v1alpha1.ActionRollback, v1alpha1.ActionReported, now, decision.Reason))
		return r.reportRollback(ctx, l, p, decision, now)
	}
	if _, done := remediation.Taken(status.Actions, decision.Action); done {
		return nil
	}
	until, err := r.inForceBy(ctx, l, now)
	if err != nil {
		return err
	}
	if now.Before(until) {
		p.lookAgain(until)
		status.Message = message.Cut(status.Message+"; it was rolled back and came again before the API server refused it", maxText)
		return nil
	}
	may, err := r.mayAct(ctx, l, p, v1alpha1.ActionRollback, now)
	if err != nil || may.busy {
		return err
	}
	if may.refused != "" {
		status.Message = message.Cut("not rolled back: "+may.refused, maxText)
		note(status, actionAt(decision.Action, v1alpha1.ActionRollback, v1alpha1.ActionReported, now, "not rolled back: "+may.refused))
		return nil
	}
	return planRollback(l, decision, p, now)
}

// planRollback plans the rollback, and the quarantine of what failed with it.
func planRollback(l *look, decision remediation.Decision, p *plan, now time.Time) error {
	patch, err := remediation.RollbackPatch(l.object, decision.Target.Template)
	if err != nil {
		return err
	}
	status := &l.report.Status
	intended := actionAt(decision.Action, v1alpha1.ActionRollback, v1alpha1.ActionIntended, now, decision.Reason)
	changes, err := remediation.Changes(l.workload.Template, decision.Target.Template)
	if err != nil {
		intended.Message = message.Cut(intended.Message+"; not quarantined: "+err.Error(), maxText)
	}
	quarantined := v1alpha1.QuarantinedRevision{
		Hash: status.Revision.Hash, Time: metav1.NewTime(now.Truncate(time.Second)), Reason: message.Cut(decision.Reason, maxText), Changes: changes,
	}
	known := slices.ContainsFunc(status.Quarantined, func(q v1alpha1.QuarantinedRevision) bool { return q.Hash == quarantined.Hash })
	if !known {
		status.Quarantined = slices.Concat([]v1alpha1.QuarantinedRevision{quarantined}, status.Quarantined)
		status.Quarantined = status.Quarantined[:min(len(status.Quarantined), maxQuarantined)]
	}

	status.Message = intended.Message
	p.action, p.patch = &intended, patch
	trial := carriedOut(intended)
	trial.Revision = status.Revision.Number
	p.trial = &trial
	note(status, intended)
	return nil
}

// liftQuarantine takes back the quarantine that came with the intention of a rollback
// which did not happen: nothing was rolled back, so that nothing may be refused. That of
// an earlier rollback stays.
func liftQuarantine(status *v1alpha1.ReadinessReportStatus, action v1alpha1.Action) {
	if action.Kind != v1alpha1.ActionRollback {
		return
	}
	status.Quarantined = slices.DeleteFunc(status.Quarantined, func(q v1alpha1.QuarantinedRevision) bool {
		return q.Time.Equal(&action.Time)
	})
}

// standingQuarantine are the quarantined revisions that were rolled back. The rollback of
// the others is only intended, so that nothing of theirs may be refused yet.
func standingQuarantine(status *v1alpha1.ReadinessReportStatus) []v1alpha1.QuarantinedRevision {
	action, intended := lastIntended(status)
	if !intended || action.Kind != v1alpha1.ActionRollback {
		return status.Quarantined
	}
	return slices.DeleteFunc(slices.Clone(status.Quarantined), func(q v1alpha1.QuarantinedRevision) bool {
		return q.Time.Equal(&action.Time)
	})
}
