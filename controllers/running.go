// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"fmt"

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
		containers := workload.Workload{Template: template}.Containers(nil)
		signatures[key] = append(signatures[key], gate.Signatures(containers)...)
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
		owner := metav1.GetControllerOf(&revision)
		if owner == nil {
			continue
		}
		// StatefulSets and DaemonSets keep a patch of their spec that holds the whole template.
		var held struct {
			Spec struct {
				Template corev1.PodTemplateSpec `json:"template"`
			} `json:"spec"`
		}
		if err := json.Unmarshal(revision.Data.Raw, &held); err != nil {
			return nil, fmt.Errorf("read controller revision %s/%s: %w", namespace, revision.Name, err)
		}
		add(gate.Key{Kind: v1alpha1.WorkloadKind(owner.Kind), Name: owner.Name}, held.Spec.Template)
	}
	return signatures, nil
}
