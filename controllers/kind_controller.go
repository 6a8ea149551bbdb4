// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// What guardrails of the catalogue judge besides workloads, and read besides the objects
// that they judge. For other kinds the ClusterRole rampart-reader aggregates what the
// platform grants.
// +kubebuilder:rbac:groups="",resources=configmaps;persistentvolumeclaims;serviceaccounts,verbs=get;list;watch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses;networkpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=rolebindings;roles,verbs=get;list;watch

// LabelAggregateToReader on a ClusterRole gives its rights to the operator, for kinds that
// it may not read otherwise.
const LabelAggregateToReader = v1alpha1.Group + "/aggregate-to-reader"

const (
	// fillingResolution is how soon a cache that is being filled is looked at again.
	fillingResolution = 100 * time.Millisecond
	// firstRetry and lastRetry are how soon a kind that cannot be read is tried again: the
	// pause doubles from the one to the other.
	firstRetry, lastRetry = time.Second, time.Minute
	// recheckEvery is how often it is asked whether a kind that is not Kubernetes' own is
	// still there and may be read.
	recheckEvery = time.Minute
)

// Informers fill a cache with the objects of a kind, and stop doing so.
type Informers interface {
	client.FieldIndexer
	GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error)
	RemoveInformer(context.Context, client.Object) error
}

// KindReconciler watches the kinds of objects that some environment needs, as long as it does.
// There is one request.
type KindReconciler struct {
	Client client.Client
	Cache  Informers
	// SecretWrites are filled with the metadata of Secrets. They are apart, because the Cache
	// holds those of the operator's own namespace.
	SecretWrites Informers
	// Resources says what the API server serves.
	Resources         discovery.ServerResourcesInterface
	Clock             clock.PassiveClock
	Kinds             *Kinds
	OperatorNamespace string

	// followers by what a kind is for.
	followers map[purpose]follower
	watches   map[watchedKind]*kindWatch
}

// kindWatch is what is done about one kind.
type kindWatch struct {
	kindState
	// started says whether the cache is filled with it, followed for what.
	started  bool
	followed map[purpose]bool
	// askAt is when the API server is asked again whether the kind can be read; zero when it
	// need not be. pause is how long that was put off.
	askAt time.Time
	pause time.Duration
}

// lookAt is when to look after the kind again; zero when that waits for another reason.
func (w *kindWatch) lookAt(now time.Time) time.Time {
	if w.started && !w.readable {
		return now.Add(fillingResolution)
	}
	return w.askAt
}

// SetupWithManager registers the loop.
func (r *KindReconciler) SetupWithManager(mgr ctrl.Manager) error {
	one := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{shared} })
	return ctrl.NewControllerManagedBy(mgr).
		Named("kind").
		Watches(&v1alpha1.EnvironmentPolicy{}, one, builder.WithPredicates(policyInForceChanged)).
		Watches(&v1alpha1.Guardrail{}, one, builder.WithPredicates(ruleInForceChanged)).
		Complete(r)
}

// Reconcile starts what is needed, stops what is not, and says how it stands with each kind.
func (r *KindReconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	var guardrails v1alpha1.GuardrailList
	if err := r.Client.List(ctx, &guardrails); err != nil {
		return ctrl.Result{}, fmt.Errorf("list guardrails: %w", err)
	}
	needed := kindsNeeded(environments, acceptedRules(guardrails.Items))
	if r.watches == nil {
		r.watches = map[watchedKind]*kindWatch{}
	}
	for kind := range r.watches {
		if needed[kind] == nil && !kind.always() {
			if err := r.stop(ctx, kind); err != nil {
				return ctrl.Result{}, err
			}
			delete(r.watches, kind)
		}
	}
	now := r.Clock.Now()
	states, next := map[watchedKind]kindState{}, time.Time{}
	for kind, purposes := range needed {
		if r.watches[kind] == nil {
			r.watches[kind] = &kindWatch{followed: map[purpose]bool{}}
		}
		watch := r.watches[kind]
		if err := r.look(ctx, kind, watch, purposes, now); err != nil {
			return ctrl.Result{}, err
		}
		states[kind] = watch.kindState
		if at := watch.lookAt(now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	r.Kinds.set(states)
	if next.IsZero() {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: max(next.Sub(now), fillingResolution)}, nil
}

// look after one kind. An error is of our own making; what is wrong with the kind is its
// trouble.
func (r *KindReconciler) look(ctx context.Context, kind watchedKind, watch *kindWatch, purposes map[purpose]bool, now time.Time) error {
	if err := r.ask(ctx, kind, watch, now); err != nil || watch.trouble.reason != "" {
		return err
	}
	if !watch.started {
		// Whoever read the kind while its watch ended has started another one, without our index.
		if err := r.stop(ctx, kind); err != nil {
			return err
		}
		if err := r.index(ctx, kind); err != nil {
			return err
		}
		watch.started = true
	}
	informer, err := r.informers(kind).GetInformer(ctx, kind.new(r.Client.Scheme()), cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch %s: %w", kind.Kind, err)
	}
	for what := range purposes {
		if begin := r.followers[what]; begin != nil && !watch.followed[what] {
			if err := begin(kind, informer); err != nil {
				return fmt.Errorf("follow %s: %w", kind.Kind, err)
			}
			watch.followed[what] = true
		}
	}
	if !watch.readable && informer.HasSynced() {
		watch.readable, watch.since = true, now
	}
	return nil
}

// ask whether the kind can be read, if that is due. A kind of Kubernetes itself stays, and
// the right to read it; of others the definition may go, and the right with it, and that to
// read Secrets is one that a platform may take back.
func (r *KindReconciler) ask(ctx context.Context, kind watchedKind, watch *kindWatch, now time.Time) error {
	settled := watch.started && watch.askAt.IsZero()
	if kind.always() || settled || now.Before(watch.askAt) {
		return nil
	}
	found := r.troubleWith(ctx, kind)
	if found.reason == v1alpha1.ReasonFailed && watch.started {
		watch.askAt = now.Add(recheckEvery) // nobody knows, and what is watched goes on
		return nil
	}
	watch.trouble = found
	switch {
	case found.reason != "":
		watch.pause = min(max(2*watch.pause, firstRetry), lastRetry)
		watch.askAt = now.Add(watch.pause)
		return r.stop(ctx, kind)
	case r.Client.Scheme().Recognizes(kind.GroupVersionKind) && kind != secretWrites:
		watch.pause, watch.askAt = 0, time.Time{}
	default:
		watch.pause, watch.askAt = 0, now.Add(recheckEvery)
	}
	return nil
}

// index declares what objects of the kind are looked up by.
func (r *KindReconciler) index(ctx context.Context, kind watchedKind) error {
	if kind != ingresses {
		return nil
	}
	return AddHostIndex(ctx, r.Cache)
}

// informers that are filled with a kind.
func (r *KindReconciler) informers(kind watchedKind) Informers {
	if kind == secretWrites {
		return r.SecretWrites
	}
	return r.Cache
}

// stop ends the watch of a kind, unless other loops need it.
func (r *KindReconciler) stop(ctx context.Context, kind watchedKind) error {
	if kind.always() {
		return nil
	}
	r.Kinds.close(kind)
	if err := r.informers(kind).RemoveInformer(ctx, kind.new(r.Client.Scheme())); err != nil {
		return fmt.Errorf("stop watching %s: %w", kind.Kind, err)
	}
	watch := r.watches[kind]
	watch.started, watch.readable, watch.followed = false, false, map[purpose]bool{}
	return nil
}

// troubleWith asks the API server whether it serves the kind, and whether the operator may
// watch it.
func (r *KindReconciler) troubleWith(ctx context.Context, kind watchedKind) trouble {
	served, err := r.Resources.ServerResourcesForGroupVersion(kind.GroupVersion().String())
	if err != nil && !apierrors.IsNotFound(err) {
		return trouble{v1alpha1.ReasonFailed, fmt.Sprintf("the API server does not say whether it serves %s: %v", describeKind(kind), err)}
	}
	if found := servedWrongly(kind, served); found != "" {
		return trouble{v1alpha1.ReasonResourceMissing, found}
	}
	for _, verb := range []string{"list", "watch"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: kind.Group, Version: kind.Version, Resource: kind.resource},
		}}
		err := r.Client.Create(ctx, review)
		if err == nil && !review.Status.Allowed && review.Status.EvaluationError != "" {
			err = errors.New(review.Status.EvaluationError)
		}
		if err != nil {
			return trouble{v1alpha1.ReasonFailed, fmt.Sprintf("the API server does not say whether the operator may %s: %v",
				describePermission(verb, kind.Group, kind.resource), err)}
		}
		if !review.Status.Allowed {
			return trouble{v1alpha1.ReasonPermissionDenied, fmt.Sprintf("the operator may not %s: %s",
				describePermission(verb, kind.Group, kind.resource), howToPermit(kind))}
		}
	}
	return trouble{}
}

// howToPermit says how the platform lets the operator watch a kind.
func howToPermit(kind watchedKind) string {
	if kind == secretWrites {
		return "kubectl apply -k config/secret-watcher gives it the right, which is one to read all Secrets; or set spec.drift.secrets: Ignore"
	}
	return fmt.Sprintf("make a ClusterRole with the label %s: \"true\" and the verbs get, list and watch on the resource %s of the API group %q",
		LabelAggregateToReader, kind.resource, kind.Group)
}

// servedWrongly says why a kind cannot be judged by what the API server serves; empty when
// it can. A nil list is of a group and version that are not served at all.
func servedWrongly(kind watchedKind, served *metav1.APIResourceList) string {
	if served == nil {
		return fmt.Sprintf("the cluster does not serve %s: install it, or mend the rule's resources; judging begins when it is there", describeKind(kind))
	}
	i := slices.IndexFunc(served.APIResources, func(s metav1.APIResource) bool { return s.Name == kind.resource })
	switch {
	case i < 0:
		return fmt.Sprintf("the cluster does not serve %s: install it, or mend the rule's resources; judging begins when it is there", describeKind(kind))
	case served.APIResources[i].Kind != kind.Kind:
		return fmt.Sprintf("the objects of %s are of the kind %s, not %s: mend the rule's resources", describeKind(kind), served.APIResources[i].Kind, kind.Kind)
	case !served.APIResources[i].Namespaced:
		return fmt.Sprintf("%s is not namespaced: only namespaced resources and Namespaces can be judged", describeKind(kind))
	case !slices.Contains(served.APIResources[i].Verbs, "list") || !slices.Contains(served.APIResources[i].Verbs, "watch"):
		return fmt.Sprintf("%s cannot be listed and watched, and so not be judged in the background", describeKind(kind))
	}
	return ""
}

func describeKind(kind watchedKind) string {
	return fmt.Sprintf("the resource %s of %s", kind.resource, schema.GroupVersion{Group: kind.Group, Version: kind.Version})
}
