// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/workload"
)

// podsAtOnce is how many pods the API server is asked for in one request.
const podsAtOnce = 500

// gather reads what the baseline of a namespace depends on.
func (r *BaselineReconciler) gather(ctx context.Context, namespace *corev1.Namespace, own environment.Environment) (baseline.Namespace, error) {
	n := baseline.Namespace{
		Name: namespace.Name, Labels: namespace.Labels, OwnLabels: ownLabels(namespace),
		Stage: own.Spec.Stage, Policy: *own.Spec.Baseline, Level: startLevel(namespace, own),
		Suspended: own.Spec.Suspend != v1alpha1.SuspendNone,
		Owner:     *metav1.NewControllerRef(own.Policy, v1alpha1.GroupVersion.WithKind("EnvironmentPolicy")),
	}
	n.Owner.BlockOwnerDeletion = nil // Nobody who deletes a policy has to wait for what it leaves.
	if err := r.gatherObjects(ctx, &n); err != nil {
		return n, err
	}
	top, err := topWorkloads(ctx, r.Client, namespace.Name)
	if err != nil {
		return n, err
	}
	for _, object := range top {
		if _, bare := object.(*corev1.Pod); bare {
			continue // It is among the pods.
		}
		if w, known := workload.From(object); known {
			n.Workloads = append(n.Workloads, baseline.Workload{Workload: w, Selector: selectorOf(object)})
		}
	}
	if n.NeedsPods() {
		n.Pods, err = r.podsOf(ctx, namespace.Name)
	}
	return n, err
}

func (r *BaselineReconciler) gatherObjects(ctx context.Context, n *baseline.Namespace) error {
	var policies networkingv1.NetworkPolicyList
	var budgets policyv1.PodDisruptionBudgetList
	var quotas corev1.ResourceQuotaList
	var limits corev1.LimitRangeList
	for _, list := range []client.ObjectList{&policies, &budgets, &quotas, &limits} {
		if err := r.Client.List(ctx, list, client.InNamespace(n.Name)); err != nil {
			return fmt.Errorf("list %T of namespace %s: %w", list, n.Name, err)
		}
	}
	n.NetworkPolicies, n.DisruptionBudgets, n.ResourceQuotas, n.LimitRanges = policies.Items, budgets.Items, quotas.Items, limits.Items

	account := &corev1.ServiceAccount{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: n.Name, Name: baseline.DefaultAccountName}, account)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get the default service account of namespace %s: %w", n.Name, err)
	}
	n.DefaultAccount, n.OwnsDefaultToken = account, ownsDefaultToken(account)
	return nil
}

// podsOf are the pods of a namespace as the API server has them, whole.
func (r *BaselineReconciler) podsOf(ctx context.Context, namespace string) ([]corev1.Pod, error) {
	var pods []corev1.Pod
	var page corev1.PodList
	for {
		if err := r.Live.List(ctx, &page, client.InNamespace(namespace), client.Limit(podsAtOnce), client.Continue(page.Continue)); err != nil {
			return nil, fmt.Errorf("list pods of namespace %s: %w", namespace, err)
		}
		pods = append(pods, page.Items...)
		if page.Continue == "" {
			return pods, nil
		}
	}
}

// selectorOf is how a workload finds its pods; nil for kinds whose selector is made for them.
func selectorOf(object workload.Object) *metav1.LabelSelector {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return o.Spec.Selector
	case *appsv1.StatefulSet:
		return o.Spec.Selector
	}
	return nil
}

// ownLabels are the labels of a Namespace that its baseline holds.
func ownLabels(namespace *corev1.Namespace) map[string]string {
	own := map[string]string{}
	for _, entry := range namespace.ManagedFields {
		if entry.Manager != v1alpha1.BaselineManager || entry.FieldsV1 == nil {
			continue
		}
		var fields struct {
			Metadata struct {
				Labels map[string]any `json:"f:labels"`
			} `json:"f:metadata"`
		}
		if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
			continue // Who cannot read that it owns something leaves it alone.
		}
		for field := range fields.Metadata.Labels {
			name := strings.TrimPrefix(field, "f:")
			if value, there := namespace.Labels[name]; there {
				own[name] = value
			}
		}
	}
	return own
}

// ownsDefaultToken says whether the baseline is who said that the token is not mounted.
func ownsDefaultToken(account *corev1.ServiceAccount) bool {
	for _, entry := range account.ManagedFields {
		if entry.Manager == v1alpha1.BaselineManager && entry.FieldsV1 != nil && strings.Contains(entry.FieldsV1.GetRawString(), `"f:automountServiceAccountToken"`) {
			return true
		}
	}
	return false
}
