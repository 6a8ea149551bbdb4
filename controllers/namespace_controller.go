// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/gate"
)

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=patch

// NamespaceReconciler writes on a Namespace what must outlive the operator and be out
// of a team's reach: which environment it joined and when, and the ledger of the gates
// that stand in it.
type NamespaceReconciler struct {
	Client            client.Client
	Clock             clock.PassiveClock
	Connections       *Connections
	Events            events.EventRecorder
	OperatorNamespace string
}

// SetupWithManager registers the loop.
func (r *NamespaceReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&corev1.Namespace{}, builder.WithPredicates(labelsOrAnnotationsChanged)).
		Watches(&v1alpha1.EnvironmentPolicy{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(policyInForceChanged)).
		Watches(&v1alpha1.PromotionGate{}, handler.EnqueueRequestsFromMapFunc(ownNamespace)).
		Watches(&v1alpha1.ReadinessReport{}, handler.EnqueueRequestsFromMapFunc(r.gatedBy), builder.WithPredicates(aboutWorkload)).
		WatchesRawSource(r.Connections.Changes(0, r.gatedFrom)).
		Complete(r)
}

// Reconcile compares what the Namespace says with what it should, and applies the difference.
func (r *NamespaceReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	namespace, found, err := readNamespace(ctx, r.Client, request.Name)
	if err != nil || !found || namespace.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	desired, moved, err := r.judge(ctx, namespace, environments)
	if errors.Is(err, errOpening) {
		return ctrl.Result{}, nil // the ledger stays until it is known
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if maps.Equal(desired, ownAnnotations(namespace.Annotations)) {
		return ctrl.Result{}, nil
	}
	configuration := corev1apply.Namespace(namespace.Name).WithAnnotations(desired)
	if len(moved.steps) > 0 {
		// Told once: a step that an older state of the cache leads to again meets a conflict.
		configuration = configuration.WithResourceVersion(namespace.ResourceVersion)
	}
	if err := r.Client.Apply(ctx, configuration, client.FieldOwner(v1alpha1.ManagedBy), client.ForceOwnership); err != nil {
		return again(ctrl.Result{}, fmt.Errorf("apply annotations of namespace %s: %w", namespace.Name, err))
	}
	r.announceActs(moved, namespace)
	return ctrl.Result{}, nil
}

// judge says which of our annotations the namespace should have, and which acts thereby come
// to another level.
func (r *NamespaceReconciler) judge(ctx context.Context, namespace *corev1.Namespace, environments environment.Map) (map[string]string, actsMoved, error) {
	own, enrolled := environments.Of(namespace)
	if !enrolled && environments.Held(namespace) {
		return ownAnnotations(namespace.Annotations), actsMoved{}, nil
	}
	if !enrolled {
		return map[string]string{}, actsMoved{}, nil
	}
	now := r.Clock.Now()
	workloads, err := topWorkloads(ctx, r.Client, namespace.Name)
	if err != nil {
		return nil, actsMoved{}, err
	}
	busy := anyBy(workloads, environment.Arrival(own.Policy, namespace).Truncate(time.Second))
	joined := environment.Join(namespace.Annotations, own.Name(), busy, now)
	desired := map[string]string{v1alpha1.AnnotationJoined: joined.String()}
	standings, moved, err := r.acts(ctx, namespace, own, joined, now)
	if err != nil {
		return nil, actsMoved{}, err
	}
	if standings != "" {
		desired[v1alpha1.AnnotationActs] = standings
	}
	ledger, err := r.ledger(ctx, namespace, environments, now)
	maps.Copy(desired, ledger)
	return desired, moved, err
}

// ledger is what admission shall admit, as the gates of the namespace say.
func (r *NamespaceReconciler) ledger(ctx context.Context, namespace *corev1.Namespace, environments environment.Map, now time.Time) (map[string]string, error) {
	var gates v1alpha1.PromotionGateList
	if err := r.Client.List(ctx, &gates, client.InNamespace(namespace.Name)); err != nil {
		return nil, fmt.Errorf("list gates of namespace %s: %w", namespace.Name, err)
	}
	if len(gates.Items) == 0 {
		return nil, nil
	}
	in := gate.LedgerInput{Annotations: namespace.Annotations, Now: now}
	for _, g := range gate.Deciding(gates.Items) {
		input, err := gatherGate(ctx, r.Client, r.Connections, environments, g)
		if err != nil {
			return nil, err
		}
		input.Now = now
		in.Decisions, in.Here = append(in.Decisions, gate.Decide(input)), input.Here
	}
	if !gate.Opened(namespace.Annotations) {
		running, err := runningSignatures(ctx, r.Client, namespace.Name)
		if err != nil {
			return nil, err
		}
		in.Running = running
	}
	out := gate.Ledger(in)
	if len(out.Left) > 0 {
		log.FromContext(ctx).Info("workloads have no ledger entry, because their names are too long or the Namespace's annotations are full: their new images are refused",
			"workloads", out.Left)
	}
	return out.Annotations, nil
}

// ownAnnotations are those of a namespace that only the operator writes.
func ownAnnotations(annotations map[string]string) map[string]string {
	own := map[string]string{}
	for name, value := range annotations {
		if name == v1alpha1.AnnotationJoined || name == v1alpha1.AnnotationActs || gate.IsLedger(name) {
			own[name] = value
		}
	}
	return own
}

func ownNamespace(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: object.GetNamespace()}}}
}

// gatedBy are the namespaces whose gates watch the namespace of a report, and its own: the
// ledger keeps what runs there as a way back.
func (r *NamespaceReconciler) gatedBy(ctx context.Context, object client.Object) []reconcile.Request {
	requests := ownNamespace(ctx, object)
	for _, g := range gatesWatching(ctx, r.Client, object.GetNamespace()) {
		requests = append(requests, ownNamespace(ctx, &g)...)
	}
	return requests
}

// gatedFrom are the namespaces whose gates a change in another cluster is about.
func (r *NamespaceReconciler) gatedFrom(ctx context.Context, change connectionChange) []reconcile.Request {
	var requests []reconcile.Request
	for _, g := range gatesWatchingCluster(ctx, r.Client, change) {
		requests = append(requests, ownNamespace(ctx, &g)...)
	}
	return requests
}

func (r *NamespaceReconciler) all(ctx context.Context, _ client.Object) []reconcile.Request {
	var list corev1.NamespaceList
	if err := r.Client.List(ctx, &list); err != nil {
		log.FromContext(ctx).Error(err, "cannot list namespaces to look at them again")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Name: list.Items[i].Name}})
	}
	return requests
}

// gatesWatching are the gates whose source is a namespace.
func gatesWatching(ctx context.Context, c client.Reader, namespace string) []v1alpha1.PromotionGate {
	var gates v1alpha1.PromotionGateList
	if err := c.List(ctx, &gates, client.MatchingFields{indexSource: namespace}); err != nil {
		log.FromContext(ctx).Error(err, "cannot list the gates that watch a namespace", "namespace", namespace)
		return nil
	}
	return gates.Items
}

// gatesWatchingCluster are the gates whose source a change in another cluster is about.
func gatesWatchingCluster(ctx context.Context, c client.Reader, change connectionChange) []v1alpha1.PromotionGate {
	by := client.MatchingFields{indexCluster: change.cluster}
	if change.namespace != "" {
		by = client.MatchingFields{indexSource: sourceKey(v1alpha1.GateSource{Cluster: change.cluster, Namespace: change.namespace})}
	}
	var gates v1alpha1.PromotionGateList
	if err := c.List(ctx, &gates, by); err != nil {
		log.FromContext(ctx).Error(err, "cannot list the gates that watch another cluster", "cluster", change.cluster)
		return nil
	}
	return gates.Items
}
