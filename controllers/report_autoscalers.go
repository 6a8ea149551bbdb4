// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

// Autoscalers, of which only the target and what they may set are looked at. The second and
// third kind are not in every cluster.
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;list;watch
// +kubebuilder:rbac:groups=autoscaling.k8s.io,resources=verticalpodautoscalers,verbs=get;list;watch
// +kubebuilder:rbac:groups=keda.sh,resources=scaledobjects,verbs=get;list;watch

// The kinds of objects that set fields of workloads.
var (
	horizontalAutoscalers = watchedKind{autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"), "horizontalpodautoscalers", whole}
	verticalAutoscalers   = watchedKind{schema.GroupVersionKind{Group: "autoscaling.k8s.io", Version: "v1", Kind: "VerticalPodAutoscaler"}, "verticalpodautoscalers", whole}
	scaledObjects         = watchedKind{schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}, "scaledobjects", whole}

	autoscalerKinds = []watchedKind{horizontalAutoscalers, verticalAutoscalers, scaledObjects}
)

// looksForDrift says whether an environment compares workloads with what trusted writers wrote.
func looksForDrift(policy *v1alpha1.DriftPolicy) bool {
	return policy.Mode != v1alpha1.DriftIgnore && len(policy.TrustedWriters) > 0
}

// autoscalers are those that were given fields of the workload. unread says why nobody knows
// all of them; a cluster without the kind has none.
func (r *ReportReconciler) autoscalers(ctx context.Context, l *look) (all []drift.Autoscaler, unread string, err error) {
	if !looksForDrift(l.environment.Spec.Drift) {
		return nil, "", nil
	}
	for _, kind := range autoscalerKinds {
		switch state := r.Kinds.of(kind); {
		case state.trouble.absent():
			continue
		case state.trouble.reason != "":
			unread = state.trouble.message
			continue
		case !state.readable:
			unread = "objects of the kind " + kind.Kind + " are being read for the first time"
			continue
		}
		list := kind.newList(r.Client.Scheme())
		err := r.Objects.List(ctx, list, client.InNamespace(l.key.Namespace), client.UnsafeDisableDeepCopy)
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, "", fmt.Errorf("list objects of the kind %s of namespace %s: %w", kind.Kind, l.key.Namespace, err)
		}
		err = meta.EachListItem(list, func(item runtime.Object) error {
			if a := autoscalerOf(item); a.Target == (drift.Target{Kind: l.key.Kind, Name: l.key.Name}) {
				all = append(all, a)
			}
			return nil
		})
		if err != nil {
			return nil, "", fmt.Errorf("read objects of the kind %s of namespace %s: %w", kind.Kind, l.key.Namespace, err)
		}
	}
	return all, unread, nil
}

// autoscalerOf an object of one of the kinds.
func autoscalerOf(object runtime.Object) drift.Autoscaler {
	if horizontal, is := object.(*autoscalingv2.HorizontalPodAutoscaler); is {
		return drift.Horizontal(horizontal)
	}
	custom := object.(*unstructured.Unstructured)
	if custom.GroupVersionKind().Group == scaledObjects.Group {
		return drift.Scaled(custom)
	}
	return drift.Vertical(custom)
}

// followAutoscalers leads from an autoscaler to the workload that it was given.
func (r *ReportReconciler) followAutoscalers(watches *KindReconciler, c controller.TypedController[Key]) {
	watches.follow(toDelegate, func(_ watchedKind, informer cache.Informer) error {
		return tell(c, informer, mapTo(keysOfTarget), delegationChanged)
	})
}

func keysOfTarget(_ context.Context, object client.Object) []Key {
	target := autoscalerOf(object).Target
	if target.Kind == "" {
		return nil
	}
	return []Key{{Kind: target.Kind, Namespace: object.GetNamespace(), Name: target.Name}}
}

// delegationChanged passes what an autoscaler may set, and of what. Its status changes all day.
var delegationChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return !autoscalerOf(e.ObjectOld).Equal(autoscalerOf(e.ObjectNew))
	},
}
