// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/workload"
)

// runningSignatures are the containers of the workloads of a namespace, those that
// ReplicaSets and ControllerRevisions could bring back included: what a gate that has
// just come takes over, so that going back is never blocked.
func runningSignatures(ctx context.Context, c client.Reader, namespace string) (map[gate.Key][]string, error) {
	signatures := map[gate.Key][]string{}
	add := func(key gate.Key, template corev1.PodTemplateSpec) {
		for _, c := range slices.Concat(template.Spec.InitContainers, template.Spec.Containers) {
			signatures[key] = append(signatures[key], gate.Signature(c.Image, c.Command))
		}
	}

	top, err := topWorkloads(ctx, c, namespace)
	if err != nil {
		return nil, err
	}
	for _, object := range top {
		if w, known := workload.From(object); known {
			add(gate.Key{Kind: w.Kind, Name: w.Name}, w.Template)
		}
	}

	var replicaSets appsv1.ReplicaSetList
	if err := c.List(ctx, &replicaSets, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list replica sets of namespace %s: %w", namespace, err)
	}
	for _, rs := range replicaSets.Items {
		if owner := metav1.GetControllerOf(&rs); owner != nil && owner.Kind == string(v1alpha1.KindDeployment) {
			add(gate.Key{Kind: v1alpha1.KindDeployment, Name: owner.Name}, rs.Spec.Template)
		}
	}

	var revisions appsv1.ControllerRevisionList
	if err := c.List(ctx, &revisions, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list controller revisions of namespace %s: %w", namespace, err)
	}
	for _, revision := range revisions.Items {
		if key, template, held := templateIn(revision); held {
			add(key, template)
		}
	}
	return signatures, nil
}

// templateIn is the pod template that a ControllerRevision could bring back, and whose it
// is. Other controllers than those of StatefulSets and DaemonSets keep what they like, and
// what cannot be read brings nothing back.
func templateIn(revision appsv1.ControllerRevision) (gate.Key, corev1.PodTemplateSpec, bool) {
	owner := metav1.GetControllerOf(&revision)
	if owner == nil || owner.APIVersion != appsv1.SchemeGroupVersion.String() {
		return gate.Key{}, corev1.PodTemplateSpec{}, false
	}
	kind := v1alpha1.WorkloadKind(owner.Kind)
	template, held := workload.TemplateIn(&revision)
	if kind != v1alpha1.KindStatefulSet && kind != v1alpha1.KindDaemonSet || !held {
		return gate.Key{}, corev1.PodTemplateSpec{}, false
	}
	return gate.Key{Kind: kind, Name: owner.Name}, template, true
}
