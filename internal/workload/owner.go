// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// OwnerOf is the workload that controls an object; nil for the top of its owners. What
// another project's kind controls is a top: the operator cannot read what is above it.
// Another project's kind may be called as one of Kubernetes', so that its group counts.
//
// Whoever may write an object may write its owners. Only what Kubernetes' own controllers
// make has a workload above it, so that nobody hides a Deployment below another one.
func OwnerOf(object metav1.Object) *metav1.OwnerReference {
	owner := metav1.GetControllerOf(object)
	if owner == nil || !slices.Contains(makers(object), v1alpha1.WorkloadKind(owner.Kind)) {
		return nil
	}
	version, err := schema.ParseGroupVersion(owner.APIVersion)
	if err != nil || version.Group != GroupVersionKind(v1alpha1.WorkloadKind(owner.Kind)).Group {
		return nil
	}
	return owner
}

// makers are the kinds whose controllers make objects like this one; none for what people
// and other projects make.
func makers(object metav1.Object) []v1alpha1.WorkloadKind {
	switch object.(type) {
	case *corev1.Pod:
		return []v1alpha1.WorkloadKind{
			v1alpha1.KindReplicaSet, v1alpha1.KindReplicationController, v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet, v1alpha1.KindJob,
		}
	case *appsv1.ReplicaSet:
		return []v1alpha1.WorkloadKind{v1alpha1.KindDeployment}
	case *batchv1.Job:
		return []v1alpha1.WorkloadKind{v1alpha1.KindCronJob}
	default:
		return nil
	}
}

// controllerOf names what controls an object, of whatever kind; empty for nothing.
func controllerOf(object metav1.Object) string {
	owner := metav1.GetControllerOf(object)
	if owner == nil {
		return ""
	}
	return owner.Kind + " " + owner.Name
}
