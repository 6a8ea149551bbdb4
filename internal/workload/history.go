// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// CurrentHash is the name that the pods of the newest of a DaemonSet's ControllerRevisions
// bear; empty when there is none.
func CurrentHash(revisions []*appsv1.ControllerRevision) string {
	var newest *appsv1.ControllerRevision
	for _, r := range revisions {
		if newest == nil || r.Revision > newest.Revision {
			newest = r
		}
	}
	if newest == nil {
		return ""
	}
	return HashOf(newest)
}

// HashOf is the name that the pods of a ControllerRevision bear, as their label
// controller-revision-hash: that of a StatefulSet gives them its own name, that of a
// DaemonSet the hash in it.
func HashOf(revision *appsv1.ControllerRevision) string {
	if owner := metav1.GetControllerOf(revision); owner != nil && owner.Kind == string(v1alpha1.KindStatefulSet) {
		return revision.Name
	}
	return templateHash(revision)
}

// TemplateIn is the pod template that a ControllerRevision of a StatefulSet or DaemonSet
// holds, as it was persisted then; false when it cannot be read. Their controllers keep a
// patch of the spec that replaces the whole template.
func TemplateIn(revision *appsv1.ControllerRevision) (corev1.PodTemplateSpec, bool) {
	var held struct {
		Spec struct {
			Template *corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if json.Unmarshal(revision.Data.Raw, &held) != nil || held.Spec.Template == nil {
		return corev1.PodTemplateSpec{}, false
	}
	return *held.Spec.Template, true
}
