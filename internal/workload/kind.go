// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package workload is one view of everything that makes pods: its pod template, the
// revision that it identifies, how its rollout goes, and its pods. It reads API
// objects and nothing else.
package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Object is an API object with metadata.
type Object interface {
	metav1.Object
	runtime.Object
}

// kinds says, for each workload kind, where the API server keeps it and what an empty one is.
var kinds = []struct {
	kind    v1alpha1.WorkloadKind
	version schema.GroupVersion
	empty   func() Object
}{
	{v1alpha1.KindDeployment, appsv1.SchemeGroupVersion, func() Object { return &appsv1.Deployment{} }},
	{v1alpha1.KindStatefulSet, appsv1.SchemeGroupVersion, func() Object { return &appsv1.StatefulSet{} }},
	{v1alpha1.KindDaemonSet, appsv1.SchemeGroupVersion, func() Object { return &appsv1.DaemonSet{} }},
	{v1alpha1.KindCronJob, batchv1.SchemeGroupVersion, func() Object { return &batchv1.CronJob{} }},
	{v1alpha1.KindJob, batchv1.SchemeGroupVersion, func() Object { return &batchv1.Job{} }},
	{v1alpha1.KindReplicaSet, appsv1.SchemeGroupVersion, func() Object { return &appsv1.ReplicaSet{} }},
	{v1alpha1.KindReplicationController, corev1.SchemeGroupVersion, func() Object { return &corev1.ReplicationController{} }},
	{v1alpha1.KindPod, corev1.SchemeGroupVersion, func() Object { return &corev1.Pod{} }},
}

// Kinds are all workload kinds, those that people write most first.
func Kinds() []v1alpha1.WorkloadKind {
	all := make([]v1alpha1.WorkloadKind, 0, len(kinds))
	for _, k := range kinds {
		all = append(all, k.kind)
	}
	return all
}

// New is an empty object of a kind, with its kind and API version set, or nil for an
// unknown kind.
func New(kind v1alpha1.WorkloadKind) Object {
	for _, k := range kinds {
		if k.kind == kind {
			object := k.empty()
			object.GetObjectKind().SetGroupVersionKind(k.version.WithKind(string(kind)))
			return object
		}
	}
	return nil
}

// GroupVersionKind of a workload kind; empty for an unknown one.
func GroupVersionKind(kind v1alpha1.WorkloadKind) schema.GroupVersionKind {
	for _, k := range kinds {
		if k.kind == kind {
			return k.version.WithKind(string(kind))
		}
	}
	return schema.GroupVersionKind{}
}
