// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/workload"
)

// ObjectKey names an object that is not a workload. A Namespace is in itself.
type ObjectKey struct {
	Group     string
	Kind      string
	Namespace string
	Name      string
}

func (k ObjectKey) String() string { return fmt.Sprintf("%s %s/%s", k.Kind, k.Namespace, k.Name) }

// reportName is the name of the object's report.
func (k ObjectKey) reportName() client.ObjectKey {
	return client.ObjectKey{Namespace: k.Namespace, Name: workload.ObjectReportName(k.Group, k.Kind, k.Name)}
}

// ObjectReconciler keeps a ReadinessReport of each object that is not a workload and that
// some guardrail of its environment judges: Services, RoleBindings, whatever a rule names.
type ObjectReconciler struct {
	Client client.Client
	// Objects reads the objects that are judged.
	Objects           client.Reader
	Clock             clock.PassiveClock
	Programs          *Programs
	Impressions       *Impressions[ObjectKey]
	Kinds             *Kinds
	KindWatches       *KindReconciler
	Events            events.EventRecorder
	OperatorNamespace string
}

// Reconcile looks at one object.
func (r *ObjectReconciler) Reconcile(ctx context.Context, key ObjectKey) (reconcile.Result, error) {
	return again(r.reconcile(ctx, key))
}

func (r *ObjectReconciler) reconcile(ctx context.Context, key ObjectKey) (reconcile.Result, error) {
	now := r.Clock.Now()
	l, err := r.gather(ctx, key)
	if err != nil {
		return reconcile.Result{}, recordReportFailure(ctx, r.Client, l.report, err)
	}
	switch {
	case l.held:
		return reconcile.Result{}, nil
	case !l.enrolled || len(l.guardrails) == 0:
		return reconcile.Result{}, r.withdraw(ctx, l)
	case l.waiting:
		return reconcile.Result{}, nil // the kind's trouble stands in the Guardrail; its end leads here
	case l.object() == nil:
		return r.retain(ctx, l, now)
	}
	if err := r.ensureReport(ctx, l); err != nil {
		return reconcile.Result{}, err
	}
	before := l.report.DeepCopy()

	next := r.judge(ctx, l, now)
	ready(v1alpha1.ReasonReconciled, "judged").set(&l.report.Status.Conditions, l.report.Generation)
	bound(&l.report.Status)

	wrote, err := recordStatus(ctx, r.Client, before, l.report)
	if err != nil {
		return reconcile.Result{}, err
	}
	r.Impressions.keep(key, l.impression)
	if wrote {
		r.announce(before, l)
	}
	return reconcile.Result{RequeueAfter: next}, nil
}

// announce tells, after it was recorded, what is new about the object: on the object
// itself, where its owner looks.
func (r *ObjectReconciler) announce(before *v1alpha1.ReadinessReport, l *objectLook) {
	text := compliance.Announce(before.Status.Guardrails, l.report.Status.Guardrails, enforceNext(l.environment))
	if text != "" {
		r.Events.Eventf(l.object(), l.report, telemetry.Warning, telemetry.ReasonGuardrailFindings, telemetry.ActionEvaluate, "%s", text)
	}
}

// withdraw deletes the report of an object that no guardrail judges any more.
func (r *ObjectReconciler) withdraw(ctx context.Context, l *objectLook) error {
	r.Impressions.forget(l.key)
	return deleteReport(ctx, r.Client, l.report)
}

// retain keeps the report of a deleted object for a while: what it brought has happened,
// and one that comes back under the same name is a trial of its own.
func (r *ObjectReconciler) retain(ctx context.Context, l *objectLook, now time.Time) (reconcile.Result, error) {
	r.Impressions.forget(l.key)
	if l.report == nil {
		return reconcile.Result{}, nil
	}
	status := &l.report.Status
	if status.State != v1alpha1.ReportGone {
		before := l.report.DeepCopy()
		status.Message = "the object was deleted; its report is " + keptUntil(l.report, now)
		if status.Object != nil {
			status.Object.UID = ""
		}
		markGone(l.report, "the object was deleted", now)
		if _, err := recordStatus(ctx, r.Client, before, l.report); err != nil {
			return reconcile.Result{}, err
		}
	}
	left := goneSince(l.report).Add(retention).Sub(now)
	if left <= 0 {
		return reconcile.Result{}, r.withdraw(ctx, l)
	}
	return reconcile.Result{RequeueAfter: left}, makeRoom(ctx, r.Client, l.report)
}

// ensureReport makes an empty report for an object that has none.
func (r *ObjectReconciler) ensureReport(ctx context.Context, l *objectLook) (err error) {
	if l.report == nil {
		l.report, err = createReport(ctx, r.Client, l.key.reportName())
	}
	return err
}
