// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// CacheOptions keep the cache small: what nobody reads is not kept. Field managers are the
// bulk of many objects; pods that a controller made are the bulk of most clusters. Secrets
// are cached in the operator's own namespace only.
func CacheOptions(operatorNamespace string) cache.Options {
	keep := func(transform toolscache.TransformFunc) cache.ByObject { return cache.ByObject{Transform: transform} }
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			// Those of the workloads that the operator patches: to take itself out of them.
			&appsv1.Deployment{}: keep(ownManagedFields), &appsv1.StatefulSet{}: keep(ownManagedFields), &appsv1.DaemonSet{}: keep(ownManagedFields),
			// Those of Namespaces: when labels were last written, and which are the operator's.
			&corev1.Namespace{}: keep(whoManagedFields),
			// Those of service accounts: what the baseline states in them.
			&corev1.ServiceAccount{}: keep(whoManagedFields),
			&corev1.Pod{}:            keep(leanPod),
			&corev1.Node{}:           keep(leanNode),
			&corev1.ConfigMap{}:      keep(leanConfigMap),

			&discoveryv1.EndpointSlice{}: keep(leanEndpointSlice),
			// Those that declare connections to other clusters, and no other, wherever it is.
			&corev1.Secret{}: {
				Namespaces: map[string]cache.Config{operatorNamespace: {}},
				Field:      fields.OneTermEqualSelector("type", v1alpha1.SecretTypeConnection),
			},
		},
	}
}

// SecretCacheOptions keep the metadata of Secrets, without what may hold values. Who reads it
// begins no watch: that takes a right which may have been taken back.
func SecretCacheOptions() cache.Options {
	return cache.Options{DefaultTransform: leanSecret, ReaderFailOnMissingInformer: true}
}

// secretCache is filled beside the manager's own.
type secretCache struct{ cache.Cache }

// GetCache lets the manager start it with its own.
func (c secretCache) GetCache() cache.Cache { return c.Cache }

// newSecretCache can hold the metadata of all Secrets. It is empty until they are watched.
func newSecretCache(mgr ctrl.Manager) (cache.Cache, error) {
	options := SecretCacheOptions()
	options.HTTPClient, options.Scheme, options.Mapper = mgr.GetHTTPClient(), mgr.GetScheme(), mgr.GetRESTMapper()
	c, err := cache.New(mgr.GetConfig(), options)
	if err != nil {
		return nil, fmt.Errorf("make a cache for the metadata of secrets: %w", err)
	}
	if err := mgr.Add(secretCache{c}); err != nil {
		return nil, fmt.Errorf("start the cache for the metadata of secrets: %w", err)
	}
	return c, nil
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

// whoManagedFields keeps who wrote an object and when, and forgets what, but for what the
// baseline states in objects that are not the operator's.
func whoManagedFields(in any) (any, error) {
	if object, ok := in.(client.Object); ok {
		entries := slices.Clone(object.GetManagedFields())
		for i := range entries {
			if entries[i].Manager != v1alpha1.BaselineManager {
				entries[i].FieldsV1 = nil
			}
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

// leanNode keeps whether a node is in trouble, and how its images resolve: its list of images is larger than all else.
func leanNode(in any) (any, error) {
	node, ok := in.(*corev1.Node)
	if !ok {
		return in, nil
	}
	node.ManagedFields, node.Annotations = nil, nil
	node.Spec = corev1.NodeSpec{Unschedulable: node.Spec.Unschedulable, Taints: node.Spec.Taints}
	node.Status = corev1.NodeStatus{Conditions: node.Status.Conditions, NodeInfo: corev1.NodeSystemInfo{
		Architecture: node.Status.NodeInfo.Architecture, ContainerRuntimeVersion: node.Status.NodeInfo.ContainerRuntimeVersion,
	}}
	return node, nil
}

// leanEndpointSlice keeps which pods are ready: addresses, ports and hints are the bulk of
// it, and nobody reads them here.
func leanEndpointSlice(in any) (any, error) {
	slice, ok := in.(*discoveryv1.EndpointSlice)
	if !ok {
		return in, nil
	}
	slice.ManagedFields, slice.Annotations, slice.Ports = nil, nil, nil
	for i, e := range slice.Endpoints {
		lean := discoveryv1.Endpoint{Conditions: discoveryv1.EndpointConditions{Ready: e.Conditions.Ready}}
		if e.TargetRef != nil {
			lean.TargetRef = &corev1.ObjectReference{Kind: e.TargetRef.Kind, Name: e.TargetRef.Name, UID: e.TargetRef.UID}
		}
		slice.Endpoints[i] = lean
	}
	return slice, nil
}

// leanConfigMap keeps the keys of a ConfigMap, to tell whether references to them lead
// somewhere, and digests of the values, to tell when they change. Where guardrails judge ConfigMaps, they are watched in another form, whole.
func leanConfigMap(in any) (any, error) {
	configMap, ok := in.(*corev1.ConfigMap)
	if !ok {
		return cache.TransformStripManagedFields()(in)
	}
	configMap.ManagedFields, configMap.Annotations = nil, nil
	for key, value := range configMap.Data {
		configMap.Data[key] = workload.Digest(value)
	}
	for key, value := range configMap.BinaryData {
		configMap.BinaryData[key] = []byte(workload.Digest(value))
	}
	return configMap, nil
}

// leanSecret keeps who wrote which key of a Secret when.
func leanSecret(in any) (any, error) {
	if object, ok := in.(metav1.Object); ok {
		workload.LeanSecret(object)
	}
	return in, nil
}
