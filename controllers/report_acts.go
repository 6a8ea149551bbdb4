// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/acts"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/remediation"
)

// Acts earn the level Act in a namespace by decisions that proved right. Here the decisions
// about one workload are written down, and what happened next is held against them.

// standing is how far an act may go in the workload's namespace.
func (l *look) standing(act acts.Act) acts.Standing {
	return acts.In(l.namespace, l.environment.Name(), act)
}

// rollbackLevel is whether the workload's failure would be rolled back, and why it would
// only be reported. What failed before rollbacks were earned here is left to people.
func (l *look) rollbackLevel() (level v1alpha1.ActLevel, atReport string) {
	standing := l.standing(acts.Act{Kind: v1alpha1.ActionRollback, StartLevel: l.environment.Spec.Rollout.StartLevel})
	if earned := standing.Earned(); !l.report.Status.FailingSince.After(earned) {
		return v1alpha1.ActReport, fmt.Sprintf("it failed before rollbacks were earned here at %s, and is left to people", earned.UTC().Format(time.RFC3339))
	}
	if standing.Says == "" {
		return standing.Level, standing.AtReport()
	}
	return standing.Level, standing.AtReport() + ": " + standing.Says
}

// decided writes a decision down, and says whether it is a new one.
func (l *look) decided(trial v1alpha1.ActTrial, began, now time.Time) (opened bool) {
	trial.Decided = metav1.NewTime(now)
	l.report.Status.ActTrials, opened = acts.Open(l.report.Status.ActTrials, trial, began)
	return opened
}

// carriedOut is what an action will be judged by once it was done, as far as its id says it.
func carriedOut(action v1alpha1.Action) v1alpha1.ActTrial {
	answered, _ := generationOf(action)
	return v1alpha1.ActTrial{ID: action.ID, Kind: action.Kind, Level: v1alpha1.ActAct, Generation: answered}
}

// decidedBefore writes down the decision of an action that was done although nobody recorded
// it, so that what follows is held against it all the same. The report and the baseline still
// speak of what the action answered to.
func (r *ReportReconciler) decidedBefore(ctx context.Context, l *look, action v1alpha1.Action, now time.Time) error {
	trial := carriedOut(action)
	switch action.Kind {
	case v1alpha1.ActionRollback:
		trial.Revision = l.judgedRevision
	case v1alpha1.ActionCorrectDrift:
		kept, err := r.baselines(ctx, l)
		if err != nil {
			return err
		}
		leaves := openIn(kept)
		if drift.ActionID(leaves, trial.Generation) != action.ID {
			return nil // nobody can tell any more what it took back
		}
		trial.Fields = acts.Fields(leaves)
	default:
		return nil // no level is earned by it
	}
	l.decided(trial, now, now)
	return nil
}

// openIn are the differences that stood in the newest of the baselines; none when it cannot be read.
func openIn(kept []appsv1.ControllerRevision) []drift.Leaf {
	if len(kept) == 0 {
		return nil
	}
	baseline, err := drift.ReadBaseline(&kept[0])
	if err != nil {
		return nil
	}
	return baseline.Leaves()
}

// wouldOpen says whether a decision at Report would be a new one.
func (l *look) wouldOpen(trial v1alpha1.ActTrial, began, now time.Time) bool {
	trial.Decided = metav1.NewTime(now)
	_, opens := acts.Open(l.report.Status.ActTrials, trial, began)
	return opens
}

// reported writes down what would be done now if the level were Act, and says whether it is
// a new decision. What the blast radius would not allow would not be done.
func (r *ReportReconciler) reported(ctx context.Context, l *look, p *plan, trial v1alpha1.ActTrial, began, now time.Time) (bool, error) {
	l.holdBack(trial.Kind, v1alpha1.HeldByLevel, now)
	if !l.wouldOpen(trial, began, now) {
		return false, nil
	}
	allowed, err := r.budget(ctx, l, trial.Kind, nobody, now)
	if err != nil || !allowed.Allowed {
		p.lookAgain(cmp.Or(allowed.RetryAt, now.Add(askAgain)))
		return false, err
	}
	return l.decided(trial, began, now), nil
}

// reportRollback writes down a rollback that only the level keeps back.
func (r *ReportReconciler) reportRollback(ctx context.Context, l *look, p *plan, decision remediation.Decision, now time.Time) error {
	if !decision.ByLevel {
		return nil
	}
	status := &l.report.Status
	_, err := r.reported(ctx, l, p, v1alpha1.ActTrial{
		ID: decision.Action, Kind: v1alpha1.ActionRollback, Level: v1alpha1.ActReport, Generation: l.workload.Generation, Revision: status.Revision.Number,
	}, status.FailingSince.Time, now)
	return err
}

// settleRollbacks holds what became of the workload against the rollbacks that were decided.
func (r *ReportReconciler) settleRollbacks(l *look, now time.Time) {
	status, rollout := &l.report.Status, l.workload.Rollout
	acts.SettleRollback(status.ActTrials, acts.Rollback{
		Watched:      r.Impressions.of(l.key) != (impression{}),
		Revision:     status.Revision.Number,
		Cause:        status.Outcomes[0].Cause,
		Failing:      status.FailingSince != nil,
		FailedBefore: l.failedBefore,
		Complete:     rollout.Complete(),
		Desired:      rollout.Desired,
	}, now)
}

// reportCorrection writes down a correction that only the level keeps back, once it would be
// due, and tells of it.
func (r *ReportReconciler) reportCorrection(ctx context.Context, l *look, p *plan, judged drift.Judgement, in drift.Input, now time.Time) error {
	if len(judged.Differences) == 0 {
		return nil
	}
	status := &l.report.Status
	if in.Suspended {
		in.Suspended = false
		switch free := drift.Judge(in, now); {
		case free.Verdict == drift.VerdictCorrect:
			l.holdBack(v1alpha1.ActionCorrectDrift, v1alpha1.HeldBySuspend, now)
		case free.ByLevel && free.At.IsZero():
			l.holdBack(v1alpha1.ActionCorrectDrift, v1alpha1.HeldByLevel, now)
		}
		return nil
	}
	if !judged.ByLevel {
		return nil
	}
	says := l.standing(acts.Act{Kind: v1alpha1.ActionCorrectDrift, StartLevel: l.environment.Spec.Drift.StartLevel}).Says
	status.Drift.Next = says
	if !judged.At.IsZero() {
		return nil // a trusted writer may be first
	}
	opened, err := r.reported(ctx, l, p, v1alpha1.ActTrial{
		ID: judged.Action, Kind: v1alpha1.ActionCorrectDrift, Level: v1alpha1.ActReport, Generation: l.workload.Generation,
	}, judged.Since, now)
	if opened {
		text := judged.Message
		if says != "" {
			text = message.Cut(text, maxText-len(says)-len("; ")) + "; " + says
		}
		note(status, actionAt(judged.Action, v1alpha1.ActionCorrectDrift, v1alpha1.ActionReported, now, text))
	}
	return err
}

// settleCorrections holds what became of drift against the corrections that were decided.
func (l *look) settleCorrections(judged drift.Judgement, in drift.Input, now time.Time) {
	stamps, err := drift.ParseStamps(in.SpecAuthor)
	acts.SettleCorrection(l.report.Status.ActTrials, acts.Correction{
		Compared: judged.Compared && in.Stamping && err == nil,
		Drifted:  judged.Leaves(), Followed: judged.Followed,
		Stamps: stamps, Generation: in.Generation,
		Trusted: in.Policy.TrustedWriters, Operator: in.OperatorUser,
	}, now)
}

// heldBySuspension notes a rollback that would be done if the policy did not suspend it.
func (l *look) heldBySuspension(rollout remediation.Rollout, now time.Time) {
	if !rollout.Suspended {
		return
	}
	rollout.Suspended = false
	switch free := remediation.Judge(rollout); {
	case free.Verdict == remediation.VerdictAct:
		l.holdBack(v1alpha1.ActionRollback, v1alpha1.HeldBySuspend, now)
	case free.ByLevel:
		l.holdBack(v1alpha1.ActionRollback, v1alpha1.HeldByLevel, now)
	}
}

// holdBack notes a change that is due and is not made. A rollback is noted before drift, and
// stays.
func (l *look) holdBack(kind v1alpha1.ActionKind, by v1alpha1.HeldBackBy, now time.Time) {
	status := &l.report.Status
	if status.HeldBack != nil && status.HeldBack.Kind != kind {
		return
	}
	since := metav1.NewTime(now.Truncate(time.Second))
	if was := l.heldBefore; was != nil && was.Kind == kind && was.By == by {
		since = was.Since
	}
	status.HeldBack = &v1alpha1.HeldBackAction{Kind: kind, By: by, Since: since}
}
