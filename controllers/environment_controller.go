// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/progression"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// +kubebuilder:rbac:groups=rampart.dev,resources=environmentpolicies/status,verbs=get;patch
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingadmissionpolicies;validatingadmissionpolicybindings;mutatingadmissionpolicies;mutatingadmissionpolicybindings,verbs=get;list;watch;create;patch;delete

// settling is how long the loop waits for more reports before it counts again, so that
// a thousand changing workloads do not cost a thousand counts.
const settling = 300 * time.Millisecond

// EnvironmentReconciler keeps the levels of an environment's guardrails, its native
// admission policies, and its totals.
type EnvironmentReconciler struct {
	Client            client.Client
	Clock             clock.PassiveClock
	Programs          *Programs
	Applier           *Applier
	Liveness          *Liveness
	Events            events.EventRecorder
	Metrics           *telemetry.Metrics
	Permissions       *Permissions
	Kinds             *Kinds
	Connections       *Connections
	Baselines         *Baselines
	OperatorNamespace string
	OperatorUser      string
	// Mutating is true when the cluster serves MutatingAdmissionPolicies.
	Mutating bool
}

// SetupWithManager registers the loop.
func (r *EnvironmentReconciler) SetupWithManager(mgr ctrl.Manager) error {
	build := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.EnvironmentPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.EnvironmentPolicy{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(policyInForceChanged)).
		Watches(&v1alpha1.Guardrail{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(ruleInForceChanged)).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(predicate.Or(predicate.LabelChangedPredicate{}, joinedChanged, becameDeleted))).
		Watches(&v1alpha1.ReadinessReport{}, r.afterSettling()).
		Owns(&admissionv1.ValidatingAdmissionPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&admissionv1.ValidatingAdmissionPolicyBinding{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(r.Connections.Changes(settling, r.ofCluster)).
		WatchesRawSource(r.Permissions.Changes(r.all)).
		WatchesRawSource(kindChanges(r.Kinds, handler.EnqueueRequestsFromMapFunc(r.all))).
		WatchesRawSource(r.Baselines.Changes(r.all))
	if r.Mutating {
		build = build.
			Owns(&admissionv1.MutatingAdmissionPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
			Owns(&admissionv1.MutatingAdmissionPolicyBinding{}, builder.WithPredicates(predicate.GenerationChangedPredicate{}))
	}
	return build.Complete(r)
}

// Reconcile gathers what is known of the environment, moves its guardrails, puts native
// admission in force, and records all of it. The levels are recorded before admission
// gets them: what is in force has always been announced.
func (r *EnvironmentReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	return again(r.reconcile(ctx, request))
}

func (r *EnvironmentReconciler) reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var policy v1alpha1.EnvironmentPolicy
	if err := r.Client.Get(ctx, request.NamespacedName, &policy); err != nil {
		r.Metrics.Forget(request.Name)
		r.Liveness.Forget(request.Name)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if policy.DeletionTimestamp != nil {
		return ctrl.Result{}, nil // what was made for it is owned by it, and goes with it
	}
	before := policy.DeepCopy()

	seen, err := r.gather(ctx, &policy)
	if errors.Is(err, errOpening) {
		return ctrl.Result{}, nil // everything stays until it is known
	}
	if err != nil {
		return ctrl.Result{}, r.recordFailure(ctx, before, &policy, err)
	}
	now := r.Clock.Now()
	happened := r.progress(&policy, seen, now)
	r.count(&policy, seen, now)
	agesAt := recordRemediation(&policy, seen, now)
	if standing := r.Baselines.over(seen.members.Namespaces, *seen.own.Spec.Baseline); standing != nil {
		policy.Status.Baseline = standing
	}
	wrote, err := recordStatus(ctx, r.Client, before, &policy)
	if err != nil {
		return ctrl.Result{}, err
	}
	if wrote {
		r.announce(&policy, happened)
		r.announceRemediation(before, &policy)
	}

	recorded := policy.DeepCopy()
	live, err := r.admit(ctx, &policy, seen, now)
	if err != nil {
		setCondition(&policy.Status.Conditions, policy.Generation, v1alpha1.ConditionAdmissionLive, metav1.ConditionUnknown,
			v1alpha1.ReasonFailed, "nobody has looked since the native policies could not be brought up to date: "+err.Error())
		return ctrl.Result{}, r.recordFailure(ctx, recorded, &policy, err)
	}
	r.recordHealth(&policy, seen, live)
	if _, err := recordStatus(ctx, r.Client, recorded, &policy); err != nil {
		return ctrl.Result{}, err
	}
	if stepped(happened) || progression.Imminent(policy.Status.Guardrails) {
		// One step at a time: the next is judged on what this one has led to, and what will
		// be enforced is announced one look before.
		return ctrl.Result{RequeueAfter: settling}, nil
	}
	if live.again > 0 {
		return ctrl.Result{RequeueAfter: live.again}, nil
	}
	if live.standstill != "" {
		return ctrl.Result{RequeueAfter: standstillRetry}, nil
	}
	if policy.Status.Breaker != nil {
		return ctrl.Result{RequeueAfter: trippedResolution}, nil
	}
	if !agesAt.IsZero() {
		return ctrl.Result{RequeueAfter: max(agesAt.Sub(now), settling)}, nil
	}
	return ctrl.Result{}, nil
}

func (r *EnvironmentReconciler) recordFailure(ctx context.Context, before, policy *v1alpha1.EnvironmentPolicy, cause error) error {
	policy.Status.ObservedGeneration = policy.Generation
	failing(cause).set(&policy.Status.Conditions, policy.Generation)
	_, err := recordStatus(ctx, r.Client, before, policy)
	return firstError(cause, err)
}

// environmentLook is what is known of an environment.
type environmentLook struct {
	environments environment.Map
	own          environment.Environment
	known        bool
	members      environment.Membership
	// namespaces are the members themselves.
	namespaces []corev1.Namespace
	reports    []v1alpha1.ReadinessReport
	// before is the environment that it follows.
	before preceding
	rules  map[string]*v1alpha1.Guardrail
	// native policies as they are in force before this pass.
	native   native
	programs *Programs
	// wrong are the parameters that the policy sets wrongly, in words.
	wrong map[string]string
	// leftOut are the guardrails for which there is no room.
	leftOut []string
	// held are the guardrails that the policy does not bring, perhaps by mistake.
	held []string
	// enforcedIn are the namespaces in which each guardrail is enforced from now on.
	enforcedIn map[string][]string
}

func (r *EnvironmentReconciler) gather(ctx context.Context, policy *v1alpha1.EnvironmentPolicy) (*environmentLook, error) {
	if _, err := environment.Selector(policy); err != nil {
		return nil, reconcile.TerminalError(err)
	}
	seen := &environmentLook{programs: r.Programs}
	var err error
	if seen.environments, err = readEnvironments(ctx, r.Client, r.OperatorNamespace); err != nil {
		return nil, err
	}
	seen.own, seen.known = seen.environments.Named(policy.Name)
	if !seen.known {
		return nil, fmt.Errorf("environment %s is not in the cache yet", policy.Name)
	}
	var namespaces corev1.NamespaceList
	if err := r.Client.List(ctx, &namespaces); err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	seen.members = seen.environments.Members(policy.Name, namespaces.Items)
	if seen.native, err = r.readNative(ctx, policy); err != nil {
		return nil, err
	}
	seen.namespaces = slices.DeleteFunc(namespaces.Items, func(n corev1.Namespace) bool {
		return !seen.has(n.Name)
	})

	var guardrails v1alpha1.GuardrailList
	if err := r.Client.List(ctx, &guardrails); err != nil {
		return nil, fmt.Errorf("list guardrails: %w", err)
	}
	seen.rules = acceptedRules(guardrails.Items)

	var reports v1alpha1.ReadinessReportList
	if err := r.Client.List(ctx, &reports); err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	for i := range reports.Items {
		if reports.Items[i].Status.Environment == policy.Name && seen.has(reports.Items[i].Namespace) {
			seen.reports = append(seen.reports, reports.Items[i])
		}
	}
	seen.before, err = r.precede(ctx, seen, reports.Items)
	return seen, err
}

// has says whether a namespace belongs to the environment.
func (seen *environmentLook) has(namespace string) bool {
	_, found := slices.BinarySearch(seen.members.Namespaces, namespace)
	return found
}

// joinedChanged passes the update that says when a namespace joined its environment, and how
// far acts may go in it.
var joinedChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
		return was[v1alpha1.AnnotationJoined] != is[v1alpha1.AnnotationJoined] || was[v1alpha1.AnnotationActs] != is[v1alpha1.AnnotationActs]
	},
}

// all environments: each depends on the others, for overlaps and for what it follows.
func (r *EnvironmentReconciler) all(ctx context.Context, _ client.Object) []reconcile.Request {
	var list v1alpha1.EnvironmentPolicyList
	if err := r.Client.List(ctx, &list); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list environments to look at them again")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}

// afterSettling leads from a report to its environment, and to those that follow it and
// wait for its trials, a little later.
func (r *EnvironmentReconciler) afterSettling() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	later := func(ctx context.Context, object client.Object, q queue) {
		of := object.(*v1alpha1.ReadinessReport).Status.Environment
		if of == "" {
			return
		}
		own := reconcile.Request{NamespacedName: client.ObjectKey{Name: of}}
		for _, request := range append(r.following(ctx, of), own) {
			q.AddAfter(request, settling)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { later(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			later(ctx, e.ObjectOld, q)
			later(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { later(ctx, e.Object, q) },
	}
}
