// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/acts"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// +kubebuilder:rbac:groups=rampart.dev,resources=readinessreports,verbs=create;delete
// +kubebuilder:rbac:groups=rampart.dev,resources=readinessreports/status,verbs=get;patch

// ReportReconciler keeps the ReadinessReport of each workload: it looks at the workload,
// judges its findings, its behaviour and its drift, and does what the environment's
// policy asks for, one thing at a time.
type ReportReconciler struct {
	Client client.Client
	// Objects reads kinds that come and go, while Kinds says that they can be read.
	Objects client.Reader
	// Live reads from the API server itself: for what is needed rarely, or must be exact.
	Live client.Reader
	// SecretWrites hold the metadata of Secrets, while Kinds says that they can be read.
	SecretWrites      cache.Cache
	Clock             clock.PassiveClock
	Programs          *Programs
	Impressions       *Impressions[Key]
	Kinds             *Kinds
	KindWatches       *KindReconciler
	Departures        *Departures
	Drafts            *Drafts
	Events            events.EventRecorder
	Metrics           *telemetry.Metrics
	Slots             *Slots
	OperatorNamespace string
	OperatorUser      string
	// Stamping is true when the cluster can say who wrote a workload's spec.
	Stamping bool
}

// Reconcile looks at one workload. What the operator is about to do is recorded before
// it is done, so that a crash at any line repeats nothing.
func (r *ReportReconciler) Reconcile(ctx context.Context, key Key) (reconcile.Result, error) {
	return again(r.reconcile(ctx, key))
}

func (r *ReportReconciler) reconcile(ctx context.Context, key Key) (reconcile.Result, error) {
	now := r.Clock.Now()
	l, err := r.gather(ctx, key)
	if errors.Is(err, errBehind) {
		return reconcile.Result{RequeueAfter: conflictRetry}, nil
	}
	if err != nil {
		return reconcile.Result{}, recordReportFailure(ctx, r.Client, l.report, err)
	}
	switch {
	case l.held:
		return reconcile.Result{}, nil
	case !l.enrolled:
		return reconcile.Result{}, r.withdraw(ctx, l)
	case l.object == nil:
		return r.retain(ctx, l, now)
	}
	if err := r.ensureReport(ctx, l); err != nil {
		return reconcile.Result{}, err
	}
	defer func() { r.Drafts.wrote(key, l.report) }()

	r.identify(l, now)
	if err := r.claim(ctx, l); err != nil {
		return reconcile.Result{}, err
	}
	r.evaluate(ctx, l)
	r.observe(l, now)
	plan, err := r.protect(ctx, l, now)
	defer plan.release()
	if err != nil {
		return reconcile.Result{}, recordReportFailure(ctx, r.Client, l.report, err)
	}
	r.exercise(ctx, l, &plan, now)
	l.sayWhatIsMisread()
	plan.lookAgain(l.failingUntil)
	plan.lookAgain(l.progressBy)
	ready(v1alpha1.ReasonReconciled, "observed").set(&l.report.Status.Conditions, l.report.Generation)
	bound(&l.report.Status)

	if err := r.record(ctx, l, &plan); err != nil {
		return reconcile.Result{}, err
	}
	r.Impressions.keep(key, l.impression)
	err = r.act(ctx, l, plan, now)
	if unkept := (unkeptError{}); errors.As(err, &unkept) && refusal(unkept) {
		// That may last, as with a quota. What else is due must not wait ever longer for it.
		log.FromContext(ctx).Error(err, "drift is not corrected: its baseline was refused")
		plan.lookAgain(now.Add(askAgain))
		err = nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: plan.next(l.report, now)}, nil
}

// record what the look showed: at once where it is news or something follows from it, else
// with the end of the episode.
func (r *ReportReconciler) record(ctx context.Context, l *look, p *plan) error {
	if !p.acts() {
		if until := r.Drafts.keep(l.key, l.recorded, l.report); !until.IsZero() {
			p.lookAgain(until)
			return nil
		}
	}
	wrote, err := recordStatus(ctx, r.Client, l.recorded, l.report)
	if err != nil {
		return err
	}
	r.Drafts.forget(l.key)
	r.Departures.Forget(l.owners, l.departed)
	if wrote {
		r.announce(l.recorded, l)
	}
	return nil
}

// withdraw deletes the report of a workload whose namespace left its environment.
func (r *ReportReconciler) withdraw(ctx context.Context, l *look) error {
	r.Impressions.forget(l.key)
	r.Drafts.forget(l.key)
	if err := r.takeAwayIsolation(ctx, l.key, "its namespace belongs to no environment any more"); err != nil {
		return err
	}
	return deleteReport(ctx, r.Client, l.report)
}

// retain keeps the report of a deleted workload for a while: one that comes back under
// the same name goes on with its evidence.
func (r *ReportReconciler) retain(ctx context.Context, l *look, now time.Time) (reconcile.Result, error) {
	r.Impressions.forget(l.key)
	if err := r.takeAwayIsolation(ctx, l.key, "the workload is gone"); err != nil {
		return reconcile.Result{}, err
	}
	if l.report == nil {
		return reconcile.Result{}, nil
	}
	status := &l.report.Status
	if status.State != v1alpha1.ReportGone {
		status.Message = "the workload was deleted; its evidence is " + keptUntil(l.report, now)
		status.Workload.UID, status.Drift, status.Drill, status.HeldBack, status.Isolation = "", nil, nil, nil, nil
		acts.Abandon(status.ActTrials, "the workload was deleted")
		giveUp(status, now)
		markGone(l.report, "the workload was deleted", now)
		if _, err := recordStatus(ctx, r.Client, l.recorded, l.report); err != nil {
			return reconcile.Result{}, err
		}
		r.Drafts.forget(l.key)
	}
	left := goneSince(l.report).Add(retention).Sub(now)
	if left <= 0 {
		return reconcile.Result{}, r.withdraw(ctx, l)
	}
	return reconcile.Result{RequeueAfter: left}, makeRoom(ctx, r.Client, l.report)
}

// ensureReport makes an empty report for a workload that has none.
func (r *ReportReconciler) ensureReport(ctx context.Context, l *look) (err error) {
	if l.report != nil {
		return nil
	}
	if l.report, err = createReport(ctx, r.Client, l.key.reportName()); err == nil {
		l.recorded = l.report.DeepCopy()
	}
	return err
}
