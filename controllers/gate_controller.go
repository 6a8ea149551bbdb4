// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// +kubebuilder:rbac:groups=rampart.dev,resources=promotiongates/status,verbs=get;patch

// GateReconciler decides which workloads may pass a PromotionGate.
type GateReconciler struct {
	Client            client.Client
	Clock             clock.PassiveClock
	Events            events.EventRecorder
	Connections       *Connections
	OperatorNamespace string
}

// SetupWithManager registers the loop.
func (r *GateReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.PromotionGate{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.ReadinessReport{}, handler.EnqueueRequestsFromMapFunc(r.ofReport), builder.WithPredicates(aboutWorkload)).
		Watches(&v1alpha1.EnvironmentPolicy{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(policyInForceChanged)).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.ofNamespace), builder.WithPredicates(labelsOrAnnotationsChanged)).
		WatchesRawSource(r.Connections.Changes(0, r.ofCluster)).
		Complete(r)
}

// Reconcile judges the gate and records the decision.
func (r *GateReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	return again(r.reconcile(ctx, request))
}

func (r *GateReconciler) reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var g v1alpha1.PromotionGate
	if err := r.Client.Get(ctx, request.NamespacedName, &g); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := g.DeepCopy()
	g.Status.From = gate.From(g.Spec.Source)
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	input, err := gatherGate(ctx, r.Client, r.Connections, environments, g)
	if errors.Is(err, errOpening) {
		return ctrl.Result{}, nil // what was decided stands until it is known
	}
	if err == nil {
		err = gatherShapes(ctx, r.Client, &input)
	}
	if err != nil {
		failing(err).set(&g.Status.Conditions, g.Generation)
		_, recordErr := recordStatus(ctx, r.Client, before, &g)
		return ctrl.Result{}, firstError(err, recordErr)
	}
	now := r.Clock.Now()
	input.Now = now
	gate.Decide(input).Record(&g.Status, g.Generation, now)
	meta.RemoveStatusCondition(&g.Status.Conditions, v1alpha1.ConditionReconciling)
	climb(&g, input, now)

	wrote, err := recordStatus(ctx, r.Client, before, &g)
	if err == nil && wrote {
		r.announce(before, &g)
	}
	return ctrl.Result{RequeueAfter: gate.HotfixDue(input.Here, now)}, err
}

// announce says what opened, what closed, and whether the gate got stricter.
func (r *GateReconciler) announce(before, after *v1alpha1.PromotionGate) {
	was := map[gate.Key]v1alpha1.GateWorkload{}
	for _, w := range before.Status.Workloads {
		was[gate.Key{Kind: w.Kind, Name: w.Name}] = w
	}
	for _, w := range after.Status.Workloads {
		if kind, reason := gateEvent(was[gate.Key{Kind: w.Kind, Name: w.Name}], w); reason != "" {
			r.Events.Eventf(after, nil, kind, reason, telemetry.ActionDecide, "%s %s: %s", w.Kind, w.Name, w.Message)
		}
	}
	if before.Status.Level != "" && after.Status.Level == "" {
		r.Events.Eventf(after, nil, telemetry.Warning, telemetry.ReasonGateNotInForce, telemetry.ActionProgress,
			"the gate %s", after.Status.Next)
		return
	}
	switch was, is := before.Status.Level, after.Status.Level; {
	case was == "" || was == is:
	case is.Above(was):
		r.Events.Eventf(after, nil, telemetry.Normal, telemetry.ReasonGateRaised, telemetry.ActionProgress,
			"an unproven image now meets %s, before %s", is, was)
	default:
		r.Events.Eventf(after, nil, telemetry.Warning, telemetry.ReasonGateLowered, telemetry.ActionProgress,
			"an unproven image now meets %s, before %s: maxLevel is lower", is, was)
	}
}

// gateEvent is what the step from one decision about a workload to the next is told as;
// empty when it is not. A workload that was not listed has the zero value.
func gateEvent(was, is v1alpha1.GateWorkload) (kind, reason string) {
	switch {
	case is.Reason == v1alpha1.GateHotfixLane && was.Reason != is.Reason:
		return telemetry.Warning, telemetry.ReasonGateHotfix
	case is.Reason == v1alpha1.GateImageDiffers && was.Reason != is.Reason:
		return telemetry.Warning, telemetry.ReasonGateImageDiffers
	case is.State == v1alpha1.GateOpen && was.State != v1alpha1.GateOpen:
		return telemetry.Normal, telemetry.ReasonGateOpened
	case is.State != v1alpha1.GateOpen && was.State == v1alpha1.GateOpen:
		return telemetry.Warning, telemetry.ReasonGateClosed
	default:
		return "", ""
	}
}

// ofReport are the gates that decide by a report, or climb by the revisions in it.
func (r *GateReconciler) ofReport(ctx context.Context, object client.Object) []reconcile.Request {
	return append(requestsFor(gatesWatching(ctx, r.Client, object.GetNamespace())), r.in(ctx, object.GetNamespace())...)
}

func (r *GateReconciler) ofNamespace(ctx context.Context, object client.Object) []reconcile.Request {
	return append(requestsFor(gatesWatching(ctx, r.Client, object.GetName())), r.in(ctx, object.GetName())...)
}

// ofCluster are the gates that a change in another cluster is about.
func (r *GateReconciler) ofCluster(ctx context.Context, change connectionChange) []reconcile.Request {
	return requestsFor(gatesWatchingCluster(ctx, r.Client, change))
}

func (r *GateReconciler) all(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.in(ctx, "")
}

// in lists the gates of a namespace, or of all.
func (r *GateReconciler) in(ctx context.Context, namespace string) []reconcile.Request {
	var list v1alpha1.PromotionGateList
	if err := r.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list gates to decide again")
		return nil
	}
	return requestsFor(list.Items)
}

func requestsFor(gates []v1alpha1.PromotionGate) []reconcile.Request {
	requests := make([]reconcile.Request, 0, len(gates))
	for i := range gates {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&gates[i])})
	}
	return requests
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
