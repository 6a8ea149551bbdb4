// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// OwnerOf is the workload that controls an object; nil for the top of its owners. What
// another project's kind controls is a top: the operator cannot read what is above it.
// Another project's kind may be called as one of Kubernetes', so that its group counts.
func OwnerOf(object metav1.Object) *metav1.OwnerReference {
	owner := metav1.GetControllerOf(object)
	if owner == nil {
		return nil
	}
	version, err := schema.ParseGroupVersion(owner.APIVersion)
	known := GroupVersionKind(v1alpha1.WorkloadKind(owner.Kind))
	if err != nil || known.Empty() || version.Group != known.Group {
		return nil
	}
	return owner
}

// controllerOf names what controls an object, of whatever kind; empty for nothing.
func controllerOf(object metav1.Object) string {
	owner := metav1.GetControllerOf(object)
	if owner == nil {
		return ""
	}
	return owner.Kind + " " + owner.Name
}
