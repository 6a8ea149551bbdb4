// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/acts"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/workload"
)

// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=create;delete
// +kubebuilder:rbac:groups=apps,resources=deployments;statefulsets;daemonsets,verbs=patch

// watchesDrift says whether writes of the workload's kind are stamped with their author.
func (l *look) watchesDrift() bool {
	switch l.key.Kind {
	case v1alpha1.KindDeployment, v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet:
		return true
	default:
		return false
	}
}

// judgeDrift compares the workload with what its trusted writers wrote.
func (r *ReportReconciler) judgeDrift(ctx context.Context, l *look, p *plan, now time.Time) error {
	if !l.watchesDrift() {
		return nil
	}
	if err := r.judgeConfiguration(ctx, l, p, now); err != nil {
		return err
	}
	input, kept, err := r.driftInput(ctx, l)
	if err != nil {
		return err
	}
	judged := drift.Judge(input, now)
	if judged.Verdict == drift.VerdictCorrect {
		// Ask for the blast radius only when it matters: it depends on all other workloads.
		may, err := r.mayAct(ctx, l, p, v1alpha1.ActionCorrectDrift, now)
		if err != nil {
			return err
		}
		input.Refused, input.Busy = may.refused, may.busy
		judged = drift.Judge(input, now)
	}
	if judged, err = r.planBaseline(l, p, judged, kept); err != nil {
		return err
	}
	recordDrift(l, judged, p, now)
	p.lookAgain(judged.At)
	l.settleCorrections(judged, input, now)
	if err := r.reportCorrection(ctx, l, p, judged, input, now); err != nil {
		return err
	}
	return planCorrection(l, p, judged, now)
}

// driftInput reads what drift is judged by; kept are the baselines that are persisted,
// the newest first.
func (r *ReportReconciler) driftInput(ctx context.Context, l *look) (drift.Input, []appsv1.ControllerRevision, error) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(l.object)
	if err != nil {
		return drift.Input{}, nil, fmt.Errorf("read %s: %w", l.key, err)
	}
	spec, _ := object["spec"].(map[string]any)
	kept, err := r.baselines(ctx, l)
	if err != nil {
		return drift.Input{}, nil, err
	}
	standing := l.standing(acts.Act{Kind: v1alpha1.ActionCorrectDrift, StartLevel: l.environment.Spec.Drift.StartLevel})
	input := drift.Input{
		Spec:         spec,
		Generation:   l.workload.Generation,
		SpecAuthor:   l.workload.Annotations[v1alpha1.AnnotationSpecAuthor],
		Stamping:     r.Stamping,
		Policy:       *l.environment.Spec.Drift,
		OperatorUser: r.OperatorUser,
		Controller:   l.workload.Controller,
		Level:        standing.Level,
		AtReport:     standing.AtReport(),
		Earned:       standing.Earned(),
		Suspended:    l.suspended(),
		Healthy:      l.report.Status.FailingSince == nil && l.workload.Rollout.Available >= l.workload.Rollout.Desired,
		RollingOut:   !l.workload.Rollout.Complete(),
		Returned:     l.returnedToGood(),
		Actions:      l.report.Status.Actions,
	}
	if input.Autoscalers, input.AutoscalersUnread, err = r.autoscalers(ctx, l); err != nil {
		return drift.Input{}, nil, err
	}
	if len(kept) > 0 {
		if input.Baseline, err = drift.ReadBaseline(&kept[0]); err != nil {
			// A damaged baseline is no baseline: the live spec is adopted anew, unverified.
			input.Baseline = nil
		}
	}
	return input, kept, nil
}

// baselines are those of the workload that are persisted, the newest first.
func (r *ReportReconciler) baselines(ctx context.Context, l *look) ([]appsv1.ControllerRevision, error) {
	var list appsv1.ControllerRevisionList
	if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace), client.MatchingLabels(drift.BaselineLabels(l.owner()))); err != nil {
		return nil, fmt.Errorf("list baselines of %s: %w", l.key, err)
	}
	newestFirst(list.Items)
	return list.Items, nil
}

func (l *look) owner() drift.Owner {
	return drift.Owner{
		APIVersion: workload.GroupVersionKind(l.key.Kind).GroupVersion().String(), Kind: l.key.Kind,
		Namespace: l.key.Namespace, Name: l.key.Name, UID: l.object.GetUID(),
	}
}

// returnedToGood says whether the live pod template is that of an earlier revision that ran
// well, and was not drift itself: going back to one is an on-call's good right and no drift.
func (l *look) returnedToGood() bool {
	status := &l.report.Status
	return slices.ContainsFunc(status.Outcomes[1:], func(o v1alpha1.RevisionOutcome) bool {
		same := o.Hash == status.Revision.Hash || (o.PodTemplateHash != "" && o.PodTemplateHash == l.templateHash)
		return same && o.Drifted == nil && (o.Result == v1alpha1.RolloutStable || provenAs(status, o.Hash) != nil)
	})
}

// planBaseline plans to persist the baseline when it changed. The judgement is another one when
// it cannot be.
func (r *ReportReconciler) planBaseline(l *look, p *plan, judged drift.Judgement, kept []appsv1.ControllerRevision) (drift.Judgement, error) {
	if judged.Next != nil {
		if len(kept) > 0 && judged.Next.Sequence <= kept[0].Revision {
			judged.Next.Sequence = kept[0].Revision + 1
		}
		var err error
		var tooLarge drift.TooLargeError
		p.baseline, err = drift.BaselineObject(l.owner(), *judged.Next)
		switch {
		case errors.As(err, &tooLarge):
			judged = judged.WithoutBaseline(err)
			if was := l.recorded.Status.Drift; was != nil && was.Since != nil && len(judged.Differences) > 0 {
				judged.Since = was.Since.Time // no baseline remembers it
			}
		case err != nil:
			return judged, err
		}
	}
	p.outdated = kept
	if judged.Next == nil && !judged.Discard {
		p.outdated = kept[min(len(kept), 1):]
	}
	return judged, nil
}

// recordDrift writes what was found into the report.
func recordDrift(l *look, judged drift.Judgement, p *plan, now time.Time) {
	status := &l.report.Status
	condition, reason := metav1.ConditionFalse, v1alpha1.ReasonNoDrift
	switch {
	case len(judged.Differences) > 0:
		condition, reason = metav1.ConditionTrue, v1alpha1.ReasonDrifted
	case judged.Unseen:
		condition, reason = metav1.ConditionUnknown, v1alpha1.ReasonTooLarge
	}
	setCondition(&status.Conditions, l.report.Generation, v1alpha1.ConditionDrifted, condition, reason, judged.Message)
	baseline := ""
	switch {
	case p.baseline != nil:
		baseline = p.baseline.Name
	case status.Drift != nil:
		baseline = status.Drift.Baseline
	}
	status.Drift = judged.Report(baseline)
	markDrifted(&status.Outcomes[0], judged.Differences, now)
}

// markDrifted remembers whether a revision has a pod template that trusted writers did not write.
func markDrifted(revision *v1alpha1.RevisionOutcome, differences []drift.Difference, now time.Time) {
	inTemplate := slices.ContainsFunc(differences, func(d drift.Difference) bool {
		return strings.HasPrefix(d.Path.String(), "spec.template.")
	})
	switch {
	case !inTemplate:
		revision.Drifted = nil
	case revision.Drifted == nil:
		revision.Drifted = &metav1.Time{Time: now.Truncate(time.Second)}
	}
}

// planCorrection plans to take the drift back, if that is due and nothing else is.
func planCorrection(l *look, p *plan, judged drift.Judgement, now time.Time) error {
	status := &l.report.Status
	if judged.Verdict != drift.VerdictCorrect || p.action != nil {
		return nil
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(l.object)
	if err != nil {
		return fmt.Errorf("read %s: %w", l.key, err)
	}
	p.patch, err = drift.Undo(object, judged.Leaves())
	if err != nil {
		note(status, actionAt(judged.Action, v1alpha1.ActionCorrectDrift, v1alpha1.ActionFailed, now, err.Error()))
		return nil
	}
	intended := actionAt(judged.Action, v1alpha1.ActionCorrectDrift, v1alpha1.ActionIntended, now, judged.Message)
	trial := carriedOut(intended)
	trial.Fields = acts.Fields(judged.Leaves())
	p.action, p.trial = &intended, &trial
	note(status, intended)
	return nil
}

// newestFirst orders baselines by their sequence.
func newestFirst(revisions []appsv1.ControllerRevision) {
	slices.SortFunc(revisions, func(a, b appsv1.ControllerRevision) int { return cmp.Compare(b.Revision, a.Revision) })
}

// answer is whether an action that is due may be done now: it may when it is empty.
type answer struct {
	// refused says why the blast radius does not allow it.
	refused string
	// busy is true when another worker is deciding about the namespace at this moment. That is
	// no decision, and nothing to tell anybody of: it is asked again at once.
	busy bool
}

// mayAct asks whether the blast radius allows an action now. When it does, the namespace's slot
// is taken until the action is recorded.
func (r *ReportReconciler) mayAct(ctx context.Context, l *look, p *plan, kind v1alpha1.ActionKind, now time.Time) (answer, error) {
	if p.action != nil {
		return answer{refused: "another action on this workload is being recorded"}, nil
	}
	giveBack, taken := r.Slots.Take(l.key.Namespace)
	if !taken {
		if l.report.Status.HeldBack == nil {
			l.report.Status.HeldBack = l.heldBefore // what is known of it is as old as the last answer
		}
		p.lookAgain(now.Add(soonest))
		return answer{busy: true}, nil
	}
	var allowed remediation.Budget
	err := r.Slots.Decide(l.key, now, func(begun func(Key) bool) (bool, error) {
		var err error
		allowed, err = r.budget(ctx, l, kind, begun, now)
		return allowed.Allowed, err
	})
	if err != nil || !allowed.Allowed {
		giveBack()
		l.holdBack(kind, allowed.By, now)
		p.lookAgain(cmp.Or(allowed.RetryAt, now.Add(askAgain)))
		return answer{refused: allowed.Reason}, err
	}
	p.giveBack = giveBack
	return answer{}, nil
}
