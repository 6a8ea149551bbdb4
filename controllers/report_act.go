// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
)

// act does what was planned and recorded, in an order in which a crash at any line
// leaves a state that the next look understands. A baseline that cannot be kept, whoever sees to
// that, keeps nobody from a rollback or an isolation: those need none.
func (r *ReportReconciler) act(ctx context.Context, l *look, p plan, now time.Time) error {
	unkept := r.keepBaseline(ctx, p)
	if unkept != nil && !p.protects() {
		return unkept
	}
	return firstError(r.carryOutPlan(ctx, l, p, now), unkept)
}

func (r *ReportReconciler) carryOutPlan(ctx context.Context, l *look, p plan, now time.Time) error {
	switch {
	case p.isolate != nil, p.free != nil:
		return r.isolate(ctx, l, p, now)
	case p.action != nil:
		return r.remediate(ctx, l, p, now)
	case p.restore != nil:
		return r.restoreIsolation(ctx, l, p.restore)
	case p.drill != nil:
		return r.drill(ctx, l, p.drill, now)
	case p.disown:
		return r.disown(ctx, l)
	}
	return nil
}

// disown takes the operator out of the workload's field managers, after a crash between
// an action and that. The cache does not know them all, and their order matters.
func (r *ReportReconciler) disown(ctx context.Context, l *look) error {
	live := l.writable()
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(live), live); err != nil {
		return client.IgnoreNotFound(err)
	}
	return remediation.Executor{Client: r.Client}.ReleaseOwnership(ctx, live)
}

// unkeptError is that of a baseline that could not be persisted.
type unkeptError struct{ error }

func (e unkeptError) Unwrap() error { return e.error }

// keepBaseline persists the new baseline, then deletes those that it replaces.
func (r *ReportReconciler) keepBaseline(ctx context.Context, p plan) error {
	if p.baseline != nil {
		if err := r.Client.Create(ctx, p.baseline); err != nil && !apierrors.IsAlreadyExists(err) {
			return unkeptError{fmt.Errorf("keep baseline %s: %w", p.baseline.Name, err)}
		}
	}
	for i := range p.outdated {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, &p.outdated[i])); err != nil {
			return fmt.Errorf("delete baseline %s: %w", p.outdated[i].Name, err)
		}
	}
	return nil
}

// remediate carries out the intended action and records how it went. An action whose
// outcome nobody knows stays intended: the next looks see whether it shows.
func (r *ReportReconciler) remediate(ctx context.Context, l *look, p plan, now time.Time) error {
	before := l.report.DeepCopy()
	done := *p.action
	done.Outcome, done.Time.Time = v1alpha1.ActionDone, now.Truncate(time.Second)
	executor, object := remediation.Executor{Client: r.Client}, l.writable()
	err := r.carryOut(ctx, l, object, p)
	if err != nil {
		live, left := r.current(ctx, l), false
		if p.pod != nil {
			left, _ = r.leaving(ctx, p.pod) // as if it were there, when nobody can tell
		}
		switch {
		case live.object != nil && r.patched(live.object, done):
			object, err = live.object, nil // only the answer was lost
		case left:
			err = nil // likewise, or somebody else deleted it
		case outdated(p, live, err):
			return r.forgo(ctx, l, done)
		case !refusal(err):
			return r.leaveOpen(ctx, l, *p.action, err)
		default:
			done.Outcome = v1alpha1.ActionFailed
			done.Message = "the attempt failed: " + err.Error() + "; the workload is judged anew"
			liftQuarantine(&l.report.Status, done)
		}
	}
	if err == nil && p.trial != nil {
		l.decided(*p.trial, now, now)
	}
	if recordErr := r.conclude(ctx, l, before, done); recordErr != nil || err != nil {
		return firstError(err, recordErr)
	}
	return executor.ReleaseOwnership(ctx, object)
}

// conclude logs, records and tells how an action ended.
func (r *ReportReconciler) conclude(ctx context.Context, l *look, before *v1alpha1.ReadinessReport, done v1alpha1.Action) error {
	ctrl.LoggerFrom(ctx).Info("remediation", "action", done.Kind, "outcome", done.Outcome, "id", done.ID, "reason", done.Message)
	note(&l.report.Status, done)
	if _, err := recordStatus(ctx, r.Client, before, l.report); err != nil {
		return err
	}
	r.Metrics.Action(l.environment.Name(), done)
	r.announceAction(l, done)
	return nil
}

// refusal says whether an error is the API server's word that it did nothing. After any
// other, a timeout or a broken connection, the write may have happened or happen yet.
func refusal(err error) bool {
	var answer apierrors.APIStatus
	return errors.As(err, &answer) && answer.Status().Code >= 400 && answer.Status().Code < 500
}

// current is the workload as the API server has it.
type current struct {
	// object is nil when it is gone, or could not be read for the reason unread.
	object client.Object
	unread error
	// gone is true when it was deleted, even if there is another one of its name.
	gone bool
	// written is true when somebody wrote it since it was judged.
	written bool
}

func (r *ReportReconciler) current(ctx context.Context, l *look) current {
	object := l.writable()
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return current{gone: apierrors.IsNotFound(err), unread: client.IgnoreNotFound(err)}
	}
	if object.GetUID() != l.object.GetUID() {
		return current{gone: true}
	}
	return current{object: object, written: object.GetResourceVersion() != l.object.GetResourceVersion()}
}

// outdated says whether an action failed because what it answers to is gone: somebody wrote
// the workload, or its pod, since it was judged.
func outdated(p plan, live current, err error) bool {
	if p.pod != nil {
		return apierrors.IsConflict(err) || apierrors.IsNotFound(err)
	}
	return (live.gone || live.written) && (apierrors.IsConflict(err) || apierrors.IsInvalid(err) || apierrors.IsNotFound(err))
}

// overtaken says whether somebody wrote the workload since it was judged, so that the
// action answers to a state that is gone. When nobody can tell, it was not: the write that
// follows tests it.
func (r *ReportReconciler) overtaken(ctx context.Context, l *look) bool {
	live := r.current(ctx, l)
	return live.gone || live.written
}

// leaveOpen says why the outcome of an intended action is not known yet.
func (r *ReportReconciler) leaveOpen(ctx context.Context, l *look, intended v1alpha1.Action, err error) error {
	before := l.report.DeepCopy()
	intended.Message = "its outcome is not known yet (" + err.Error() + "): " + intended.Message
	note(&l.report.Status, intended)
	_, recordErr := recordStatus(ctx, r.Client, before, l.report)
	return firstError(err, recordErr)
}

// forgo takes back the intention of an action that changed nothing, as if it had never
// been: the write that was first brings the next look.
func (r *ReportReconciler) forgo(ctx context.Context, l *look, intended v1alpha1.Action) error {
	before := l.report.DeepCopy()
	l.report.Status.Actions = slices.DeleteFunc(l.report.Status.Actions, func(a v1alpha1.Action) bool {
		return a.ID == intended.ID && a.Outcome == v1alpha1.ActionIntended
	})
	liftQuarantine(&l.report.Status, intended)
	_, err := recordStatus(ctx, r.Client, before, l.report)
	return err
}

// writable is a copy of the workload's object that a patch may change.
func (l *look) writable() client.Object {
	return l.object.DeepCopyObject().(client.Object)
}
