// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
)

// objectWorkers is how many objects are looked at at one time.
const objectWorkers = 2

// SetupWithManager registers the loop. The kinds of objects come and go with the guardrails.
func (r *ObjectReconciler) SetupWithManager(mgr ctrl.Manager) error {
	c, err := builder.TypedControllerManagedBy[ObjectKey](mgr).
		Named("object").
		WithOptions(controller.TypedOptions[ObjectKey]{MaxConcurrentReconciles: objectWorkers}).
		WithLogConstructor(func(key *ObjectKey) logr.Logger {
			logger := mgr.GetLogger().WithValues("controller", "object")
			if key != nil {
				logger = logger.WithValues("kind", key.Kind, "namespace", key.Namespace, "name", key.Name)
			}
			return logger
		}).
		Watches(&v1alpha1.ReadinessReport{}, objectsTo(keyOfObjectReport), builder.WithPredicates(predicate.Funcs{
			UpdateFunc: func(event.UpdateEvent) bool { return false },
		})).
		Watches(&corev1.Namespace{}, objectsTo(r.objectsOfNamespace), builder.WithPredicates(labelsOrAnnotationsChanged)).
		Watches(&v1alpha1.EnvironmentPolicy{}, unhurried(r.objectsOfAll), builder.WithPredicates(policyInForceChanged)).
		Watches(&v1alpha1.Guardrail{}, unhurried(r.objectsOfAll), builder.WithPredicates(ruleInForceChanged, aboutObjects)).
		WatchesRawSource(kindChanges(r.Kinds, unhurried(r.objectsOfAll))).
		Build(r)
	if err != nil {
		return fmt.Errorf("build the loop of objects: %w", err)
	}
	r.KindWatches.follow(toJudge, func(_ watchedKind, informer cache.Informer) error {
		return tell(c, informer, objectsTo(r.objectOf))
	})
	r.KindWatches.follow(purpose(v1alpha1.SurroundingIngressHosts), func(_ watchedKind, informer cache.Informer) error {
		return tell(c, informer, objectsTo(r.objectsSharingHosts))
	})
	return nil
}

// objectsTo turns a function from objects to keys into an event handler.
func objectsTo(keys func(context.Context, client.Object) []ObjectKey) handler.TypedEventHandler[client.Object, ObjectKey] {
	return handler.TypedEnqueueRequestsFromMapFunc(keys)
}

// objectOf leads from an object to itself. In a namespace without an environment the look
// ends soon.
func (r *ObjectReconciler) objectOf(ctx context.Context, object client.Object) []ObjectKey {
	key, known := r.keyOf(object)
	if !known {
		log.FromContext(ctx).Info("an object has no kind", "namespace", object.GetNamespace(), "name", object.GetName())
		return nil
	}
	return []ObjectKey{key}
}

func (r *ObjectReconciler) keyOf(object client.Object) (ObjectKey, bool) {
	kind, err := apiutil.GVKForObject(object, r.Client.Scheme())
	if err != nil {
		return ObjectKey{}, false
	}
	key := ObjectKey{Group: kind.Group, Kind: kind.Kind, Namespace: object.GetNamespace(), Name: object.GetName()}
	if _, is := object.(*corev1.Namespace); is {
		key.Namespace = key.Name
	}
	return key, true
}

// objectsSharingHosts are the Ingresses that claim a host of this one.
func (r *ObjectReconciler) objectsSharingHosts(ctx context.Context, object client.Object) []ObjectKey {
	var keys []ObjectKey
	for _, host := range compliance.HostsOf(object.(*networkingv1.Ingress)) {
		var list networkingv1.IngressList
		if err := r.Objects.List(ctx, &list, client.MatchingFields{indexHost: host}, client.UnsafeDisableDeepCopy); err != nil {
			log.FromContext(ctx).Error(err, "cannot list the ingresses that claim a host", "host", host)
			return keys
		}
		for i := range list.Items {
			keys = append(keys, r.objectOf(ctx, &list.Items[i])...)
		}
	}
	return keys
}

func keyOfObjectReport(_ context.Context, object client.Object) []ObjectKey {
	of := object.(*v1alpha1.ReadinessReport).Status.Object
	if of == nil {
		return nil
	}
	return []ObjectKey{{Group: of.Group, Kind: of.Kind, Namespace: object.GetNamespace(), Name: of.Name}}
}

func (r *ObjectReconciler) objectsOfNamespace(ctx context.Context, object client.Object) []ObjectKey {
	return r.objectsIn(ctx, object.GetName())
}

// objectsOfAll are the objects of every namespace that is in an environment, or was.
func (r *ObjectReconciler) objectsOfAll(ctx context.Context, _ client.Object) []ObjectKey {
	namespaces, err := namespacesConcerned(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		log.FromContext(ctx).Error(err, "cannot look at the judged objects again")
		return nil
	}
	var keys []ObjectKey
	for _, namespace := range namespaces {
		keys = append(keys, r.objectsIn(ctx, namespace)...)
	}
	return keys
}

// objectsIn are the objects of a namespace that guardrails judge somewhere, and those that
// only a report remembers.
func (r *ObjectReconciler) objectsIn(ctx context.Context, namespace string) []ObjectKey {
	var keys []ObjectKey
	for _, kind := range r.Kinds.judged() {
		if isNamespace(kind) {
			keys = append(keys, ObjectKey{Kind: kind.Kind, Namespace: namespace, Name: namespace})
			continue
		}
		list := kind.newList(r.Client.Scheme())
		if err := r.Objects.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			log.FromContext(ctx).Error(err, "cannot list objects to look at them again", "kind", kind.Kind)
			continue
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			keys = append(keys, ObjectKey{Group: kind.Group, Kind: kind.Kind, Namespace: namespace, Name: item.(client.Object).GetName()})
			return nil
		})
		if err != nil {
			log.FromContext(ctx).Error(err, "cannot read objects to look at them again", "kind", kind.Kind)
		}
	}
	var reports v1alpha1.ReadinessReportList
	if err := r.Client.List(ctx, &reports, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "cannot list reports to look at their objects again")
		return keys
	}
	for i := range reports.Items {
		keys = append(keys, keyOfObjectReport(ctx, &reports.Items[i])...)
	}
	return keys
}

// aboutObjects passes the rules that judge other objects than workloads, or have done so.
var aboutObjects = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool { return judgesObjects(e.ObjectOld) || judgesObjects(e.ObjectNew) },
	CreateFunc: func(e event.CreateEvent) bool { return judgesObjects(e.Object) },
	DeleteFunc: func(e event.DeleteEvent) bool { return judgesObjects(e.Object) },
}

func judgesObjects(rule client.Object) bool {
	accepted := rule.(*v1alpha1.Guardrail).Status.Accepted
	return accepted != nil && len(accepted.Spec.Resources) != 0
}
