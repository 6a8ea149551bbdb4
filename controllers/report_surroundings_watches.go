// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"

	policyv1 "k8s.io/api/policy/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/workload"
)

// followSurroundings leads from what guardrails read besides workloads to the workloads
// that it is about, as long as some guardrail reads it.
func (r *ReportReconciler) followSurroundings(watches *KindReconciler, c controller.TypedController[Key]) {
	follow := func(keys func(context.Context, client.Object) []Key, filter predicate.Predicate) follower {
		return func(kind watchedKind, informer cache.Informer) error {
			if kind == configMapKeys {
				return nil // whatever guardrails read: see keysConfiguredBy
			}
			return tell(c, informer, mapTo(keys), filter)
		}
	}
	watches.follow(purpose(v1alpha1.SurroundingReferences), follow(r.keysReferringTo, comesOrGoes))
	watches.follow(purpose(v1alpha1.SurroundingDisruptionBudgets), follow(r.keysUnderBudget, budgetChanged))
}

// keysReferringTo are the workloads whose pods need an object, of which only the metadata is
// watched.
func (r *ReportReconciler) keysReferringTo(ctx context.Context, object client.Object) []Key {
	kind := object.(*metav1.PartialObjectMetadata).Kind
	return r.keysWhose(ctx, object.GetNamespace(), func(w workload.Workload) bool {
		return slices.ContainsFunc(workload.ReferencesOf(w.Template.Spec), func(of workload.Reference) bool {
			return of.Kind == kind && of.Name == object.GetName()
		})
	})
}

// keysUnderBudget are the workloads whose pods a disruption budget selects.
func (r *ReportReconciler) keysUnderBudget(ctx context.Context, object client.Object) []Key {
	budget := object.(*policyv1.PodDisruptionBudget)
	return r.keysWhose(ctx, budget.Namespace, func(w workload.Workload) bool {
		return compliance.BudgetSelects(budget, w.Template.Labels)
	})
}

// keysWhose are the workloads of a namespace that a change is about. Such changes are rare:
// to look through one namespace costs less than an index over all workloads.
func (r *ReportReconciler) keysWhose(ctx context.Context, namespace string, concerned func(workload.Workload) bool) []Key {
	enrolled, err := r.enrolled(ctx, namespace)
	if err != nil {
		log.FromContext(ctx).Error(err, "cannot tell which workloads a change is about")
	}
	if !enrolled {
		return nil
	}
	workloads, err := topWorkloads(ctx, r.Client, namespace)
	if err != nil {
		log.FromContext(ctx).Error(err, "cannot list the workloads that a change is about")
		return nil
	}
	var keys []Key
	for _, object := range workloads {
		if w, known := workload.From(object); known && concerned(w) {
			keys = append(keys, Key{Kind: w.Kind, Namespace: namespace, Name: w.Name})
		}
	}
	return keys
}

// enrolled says whether a namespace belongs to an environment.
func (r *ReportReconciler) enrolled(ctx context.Context, namespace string) (bool, error) {
	object, found, err := readNamespace(ctx, r.Client, namespace)
	if err != nil || !found {
		return false, err
	}
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		return false, fmt.Errorf("find the environment of namespace %s: %w", namespace, err)
	}
	_, enrolled := environments.Of(object)
	return enrolled, nil
}

// comesOrGoes passes no update.
var comesOrGoes = predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}

// budgetChanged passes what a guardrail can read of a disruption budget.
var budgetChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*policyv1.PodDisruptionBudget), e.ObjectNew.(*policyv1.PodDisruptionBudget)
		return !apiequality.Semantic.DeepEqual(before.Spec, after.Spec) ||
			before.Status.ExpectedPods != after.Status.ExpectedPods || before.Status.DisruptionsAllowed != after.Status.DisruptionsAllowed
	},
}
