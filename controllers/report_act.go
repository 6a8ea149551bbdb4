// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// act does what was planned and recorded, in an order in which a crash at any line
// leaves a state that the next look understands.
func (r *ReportReconciler) act(ctx context.Context, l *look, p plan, now time.Time) error {
	defer p.release()
	if err := r.keepBaseline(ctx, p); err != nil {
		return err
	}
	switch {
	case p.action != nil:
		return r.remediate(ctx, l, p, now)
	case p.drill != nil:
		r.Events.Eventf(l.object, l.report, telemetry.Normal, telemetry.ReasonDrillBegun, telemetry.ActionDrill,
			"evicting pod %s to see whether the workload recovers: a promotion gate waits for it", p.drill.Pod)
		return r.evict(ctx, l, p.drill)
	case p.disown:
		return remediation.Executor{Client: r.Client}.ReleaseOwnership(ctx, l.writable())
	}
	return nil
}

// keepBaseline persists the new baseline, then deletes those that it replaces.
func (r *ReportReconciler) keepBaseline(ctx context.Context, p plan) error {
	if p.baseline != nil {
		if err := r.Client.Create(ctx, p.baseline); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("keep baseline %s: %w", p.baseline.Name, err)
		}
	}
	for i := range p.outdated {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, &p.outdated[i])); err != nil {
			return fmt.Errorf("delete baseline %s: %w", p.outdated[i].Name, err)
		}
	}
	return nil
}

// remediate carries out the intended action and records how it went.
func (r *ReportReconciler) remediate(ctx context.Context, l *look, p plan, now time.Time) error {
	before := l.report.DeepCopy()
	done := *p.action
	err := remediation.Executor{Client: r.Client}.Execute(ctx, l.writable(), p.patch)
	done.Outcome = v1alpha1.ActionDone
	if err != nil {
		done.Outcome = v1alpha1.ActionFailed
		done.Message = "refused by the API server: " + err.Error() + "; the workload is judged anew"
	}
	ctrl.LoggerFrom(ctx).Info("remediation", "action", done.Kind, "outcome", done.Outcome, "id", done.ID, "reason", done.Message)
	done.Time.Time = now.Truncate(time.Second)
	note(&l.report.Status, done)
	if _, recordErr := recordStatus(ctx, r.Client, before, l.report); recordErr != nil {
		return firstError(err, recordErr)
	}
	r.Metrics.Action(l.environment.Name(), done)
	r.announceAction(l, done)
	if apierrors.IsConflict(err) || apierrors.IsInvalid(err) {
		return nil // somebody wrote in between: their write brings the next look
	}
	return err
}

// writable is a copy of the workload's object that a patch may change.
func (l *look) writable() client.Object {
	return l.object.DeepCopyObject().(client.Object)
}
