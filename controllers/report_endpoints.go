// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/internal/workload"
)

// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch

// gatherEndpoints finds which pods get traffic.
func (r *ReportReconciler) gatherEndpoints(ctx context.Context, l *look) error {
	if !l.serving {
		return nil
	}
	var list discoveryv1.EndpointSliceList
	if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list endpoint slices of namespace %s: %w", l.key.Namespace, err)
	}
	endpointSlices := make([]*discoveryv1.EndpointSlice, 0, len(list.Items))
	for i := range list.Items {
		endpointSlices = append(endpointSlices, &list.Items[i])
	}
	l.endpoints = l.workload.EndpointsOf(l.services, endpointSlices)
	return nil
}

// keysOfEndpoints are the workloads of the pods that a slice lists. A pod that it does not
// list any more has left with siblings, or its own events lead to its workload.
func (r *ReportReconciler) keysOfEndpoints(ctx context.Context, object client.Object) []Key {
	var keys []Key
	looked := map[types.UID]bool{}
	for _, e := range object.(*discoveryv1.EndpointSlice).Endpoints {
		if e.TargetRef == nil || e.TargetRef.Kind != "Pod" {
			continue
		}
		var pod corev1.Pod
		if r.Client.Get(ctx, client.ObjectKey{Namespace: object.GetNamespace(), Name: e.TargetRef.Name}, &pod) != nil {
			continue
		}
		owner := pod.UID
		if controller := metav1.GetControllerOf(&pod); controller != nil {
			owner = controller.UID
		}
		if !looked[owner] {
			looked[owner] = true
			keys = append(keys, r.keyOf(ctx, &pod)...)
		}
	}
	return keys
}

// readinessChanged passes slices that send traffic to other pods than before.
var readinessChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return !maps.Equal(workload.ReadyIn(e.ObjectOld.(*discoveryv1.EndpointSlice)), workload.ReadyIn(e.ObjectNew.(*discoveryv1.EndpointSlice)))
	},
}
