// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// CacheOptions keep the cache small: what nobody reads is not kept. Field managers are the
// bulk of many objects; pods that a controller made are the bulk of most clusters.
func CacheOptions() cache.Options {
	keep := func(transform toolscache.TransformFunc) cache.ByObject { return cache.ByObject{Transform: transform} }
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			// Those of the workloads that the operator patches: to take itself out of them.
			&appsv1.Deployment{}: keep(ownManagedFields), &appsv1.StatefulSet{}: keep(ownManagedFields), &appsv1.DaemonSet{}: keep(ownManagedFields),
			// Those of Namespaces: when labels were last written.
			&corev1.Namespace{}: keep(whoManagedFields),
			&corev1.Pod{}:       keep(leanPod),
			&corev1.Node{}:      keep(leanNode),
			&corev1.ConfigMap{}: keep(leanConfigMap),
		},
	}
}

// ownManagedFields forgets the field managers of an object but the operator itself.
func ownManagedFields(in any) (any, error) {
	if object, ok := in.(client.Object); ok {
		object.SetManagedFields(slices.DeleteFunc(object.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
			return entry.Manager != v1alpha1.ManagedBy
		}))
	}
	return in, nil
}

// whoManagedFields keeps who wrote an object and when, and forgets what.
func whoManagedFields(in any) (any, error) {
	if object, ok := in.(client.Object); ok {
		entries := slices.Clone(object.GetManagedFields())
		for i := range entries {
			entries[i].FieldsV1 = nil
		}
		object.SetManagedFields(entries)
	}
	return in, nil
}

// leanPod keeps, of a pod that a controller made, what its life is judged by: guardrails
// judge its controller. A bare Pod is a workload itself, and stays whole.
func leanPod(in any) (any, error) {
	pod, ok := in.(*corev1.Pod)
	if !ok {
		return in, nil
	}
	pod.ManagedFields = nil
	if metav1.GetControllerOf(pod) == nil {
		return pod, nil
	}
	pod.Annotations = nil
	pod.Spec = corev1.PodSpec{
		NodeName: pod.Spec.NodeName, TerminationGracePeriodSeconds: pod.Spec.TerminationGracePeriodSeconds,
		InitContainers: leanContainers(pod.Spec.InitContainers), Containers: leanContainers(pod.Spec.Containers),
	}
	pod.Status = corev1.PodStatus{
		Phase: pod.Status.Phase, Conditions: pod.Status.Conditions,
		InitContainerStatuses: pod.Status.InitContainerStatuses, ContainerStatuses: pod.Status.ContainerStatuses,
	}
	return pod, nil
}

// leanContainers keeps what containers run.
func leanContainers(containers []corev1.Container) []corev1.Container {
	lean := make([]corev1.Container, 0, len(containers))
	for _, c := range containers {
		lean = append(lean, corev1.Container{Name: c.Name, Image: c.Image, Command: c.Command})
	}
	return lean
}

// leanNode keeps whether a node is in trouble: its list of images is larger than all else.
func leanNode(in any) (any, error) {
	node, ok := in.(*corev1.Node)
	if !ok {
		return in, nil
	}
	node.ManagedFields, node.Annotations = nil, nil
	node.Spec = corev1.NodeSpec{Unschedulable: node.Spec.Unschedulable, Taints: node.Spec.Taints}
	node.Status = corev1.NodeStatus{Conditions: node.Status.Conditions}
	return node, nil
}

// leanConfigMap keeps the keys of a ConfigMap, to tell whether references to them lead
// somewhere. Where guardrails judge ConfigMaps, they are watched in another form, whole.
func leanConfigMap(in any) (any, error) {
	configMap, ok := in.(*corev1.ConfigMap)
	if !ok {
		return cache.TransformStripManagedFields()(in)
	}
	configMap.ManagedFields, configMap.Annotations = nil, nil
	for key := range configMap.Data {
		configMap.Data[key] = ""
	}
	for key := range configMap.BinaryData {
		configMap.BinaryData[key] = nil
	}
	return configMap, nil
}
