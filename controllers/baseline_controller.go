// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/workload"
)

// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=resourcequotas;limitranges,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=serviceaccounts,resourceNames=default,verbs=patch

// withheldAgain is when a namespace is looked at again in which something is withheld: the
// pods that stood against it are not watched for that. While a rollout replaces pods it is
// rollingOutAgain.
const (
	withheldAgain   = 10 * time.Minute
	rollingOutAgain = time.Minute
)

// BaselineReconciler gives each namespace of an environment what its policy says that
// namespaces have beside what their teams bring, and takes it away with the policy.
type BaselineReconciler struct {
	Client client.Client
	// Live reads from the API server: the cache does not keep pods whole.
	Live              client.Reader
	Applier           *Applier
	Baselines         *Baselines
	Events            events.EventRecorder
	OperatorNamespace string
}

// SetupWithManager registers the loop.
func (r *BaselineReconciler) SetupWithManager(mgr ctrl.Manager) error {
	build := ctrl.NewControllerManagedBy(mgr).Named("baseline").
		For(&corev1.Namespace{}, builder.WithPredicates(predicate.Or(predicate.LabelChangedPredicate{}, joinedChanged, becameDeleted))).
		Watches(&v1alpha1.EnvironmentPolicy{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(predicate.GenerationChangedPredicate{}))
	inNamespace := handler.EnqueueRequestsFromMapFunc(namespaceOf)
	for _, object := range []client.Object{
		&networkingv1.NetworkPolicy{}, &policyv1.PodDisruptionBudget{}, &corev1.ResourceQuota{}, &corev1.LimitRange{}, &corev1.ServiceAccount{},
	} {
		build = build.Watches(object, inNamespace, builder.WithPredicates(statedChanged))
	}
	for _, kind := range workload.Kinds() {
		if kind != v1alpha1.KindPod { // A pod changes the baseline of nothing that is applied.
			build = build.Watches(workload.New(kind), inNamespace, builder.WithPredicates(predicate.GenerationChangedPredicate{}, topmost))
		}
	}
	return build.Complete(r)
}

// Reconcile looks at one namespace.
func (r *BaselineReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	return again(r.reconcile(ctx, request.Name))
}

func (r *BaselineReconciler) reconcile(ctx context.Context, name string) (ctrl.Result, error) {
	namespace, found, err := readNamespace(ctx, r.Client, name)
	if err != nil || !found || namespace.DeletionTimestamp != nil {
		r.Baselines.note(name, nil)
		r.Applier.forget(name)
		return ctrl.Result{}, err
	}
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	own, enrolled := environments.Of(namespace)
	if !enrolled && environments.Held(namespace) {
		return ctrl.Result{}, nil
	}
	if !enrolled {
		r.Baselines.note(name, nil)
		return ctrl.Result{}, r.apply(ctx, namespace, baseline.Plan{})
	}
	input, err := r.gather(ctx, namespace, own)
	if err != nil {
		return ctrl.Result{}, err
	}
	plan := baseline.Judge(input)
	r.Baselines.note(name, append([]baseline.Standing{}, plan.Standings...))
	if !input.Suspended {
		if err := r.apply(ctx, namespace, plan); err != nil {
			return ctrl.Result{}, err
		}
	}
	for _, s := range plan.Standings {
		if s.State == baseline.Withheld {
			if input.RollingOut() {
				return ctrl.Result{RequeueAfter: rollingOutAgain}, nil
			}
			return ctrl.Result{RequeueAfter: withheldAgain}, nil
		}
	}
	return ctrl.Result{}, nil
}

// startLevel is that of the baseline in a namespace.
func startLevel(namespace *corev1.Namespace, own environment.Environment) v1alpha1.ActLevel {
	return environment.ActLevel(namespace.Annotations, own.Name(), own.Spec.Baseline.StartLevel)
}

func (r *BaselineReconciler) all(ctx context.Context, _ client.Object) []reconcile.Request {
	var list corev1.NamespaceList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list namespaces to look at their baselines again")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Name: list.Items[i].Name}})
	}
	return requests
}

func namespaceOf(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: object.GetNamespace()}}}
}

// topmost passes workloads that no other one controls.
var topmost = predicate.NewPredicateFuncs(func(object client.Object) bool { return workload.OwnerOf(object) == nil })

// statedChanged passes what people and the operator state in an object, and not what
// controllers count in its status. Not every kind counts the changes of its spec.
var statedChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	if !equality.Semantic.DeepEqual(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels()) {
		return true
	}
	switch before := e.ObjectOld.(type) {
	case *corev1.ResourceQuota:
		return !equality.Semantic.DeepEqual(before.Spec, e.ObjectNew.(*corev1.ResourceQuota).Spec)
	case *corev1.LimitRange:
		return !equality.Semantic.DeepEqual(before.Spec, e.ObjectNew.(*corev1.LimitRange).Spec)
	case *corev1.ServiceAccount:
		return !equality.Semantic.DeepEqual(before.AutomountServiceAccountToken, e.ObjectNew.(*corev1.ServiceAccount).AutomountServiceAccountToken)
	default:
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration()
	}
}}
