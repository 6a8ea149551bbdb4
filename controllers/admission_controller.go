// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/seal"
)

// AdmissionReconciler keeps the native policies that all environments share: the ledger
// of the gates, the quarantine of failed revisions, and the seal on the reports. There is
// one request; whatever they depend on leads to it.
type AdmissionReconciler struct {
	Client            client.Client
	Applier           *Applier
	OperatorNamespace string
	OperatorUser      string
}

// shared is the one request of the loop.
var shared = reconcile.Request{NamespacedName: client.ObjectKey{Name: "shared"}}

// SetupWithManager registers the loop.
func (r *AdmissionReconciler) SetupWithManager(mgr ctrl.Manager) error {
	toShared := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{shared}
	})
	ours := predicate.NewPredicateFuncs(isShared)
	return ctrl.NewControllerManagedBy(mgr).
		Named("admission").
		Watches(&admissionv1.ValidatingAdmissionPolicy{}, toShared, builder.WithPredicates(ours, predicate.GenerationChangedPredicate{})).
		Watches(&admissionv1.ValidatingAdmissionPolicyBinding{}, toShared, builder.WithPredicates(ours, predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Namespace{}, toShared, builder.WithPredicates(predicate.Or(predicate.LabelChangedPredicate{}, ledgerOpened))).
		Watches(&v1alpha1.EnvironmentPolicy{}, toShared, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.PromotionGate{}, toShared, builder.WithPredicates(gateLevelChanged)).
		Watches(&v1alpha1.ReadinessReport{}, toShared, builder.WithPredicates(quarantineChanged)).
		Complete(r)
}

// Reconcile rebuilds the shared policies from what stands in gates and reports.
func (r *AdmissionReconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	desired, err := r.ledger(ctx, environments)
	if err != nil {
		return ctrl.Result{}, err
	}
	quarantine, unreadable, err := r.quarantine(ctx, environments)
	if err != nil {
		return ctrl.Result{}, err
	}
	desired = append(desired, quarantine...)
	if r.OperatorUser != "" {
		policy, binding := seal.Reports(r.OperatorUser)
		desired = append(desired, policy, binding)
	}
	for _, object := range desired {
		if err := r.Applier.Apply(ctx, object); err != nil {
			return ctrl.Result{}, err
		}
	}
	lists := []client.ObjectList{&admissionv1.ValidatingAdmissionPolicyBindingList{}, &admissionv1.ValidatingAdmissionPolicyList{}}
	own := client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
	if err := pruneLists(ctx, r.Client, lists, own, desired, isShared); err != nil {
		return ctrl.Result{}, err
	}
	if unreadable != nil {
		return ctrl.Result{}, reconcile.TerminalError(unreadable)
	}
	return ctrl.Result{}, nil
}

// isShared says whether a policy is one of those that all environments share.
func isShared(object client.Object) bool {
	labels := object.GetLabels()
	return labels[v1alpha1.LabelManagedBy] == v1alpha1.ManagedBy && labels[guardrail.LabelEnvironment] == ""
}

// ledger is the policies of the gates: each gated namespace at the level of its gates,
// once its Namespace says what is admissible.
func (r *AdmissionReconciler) ledger(ctx context.Context, environments environment.Map) ([]client.Object, error) {
	var gates v1alpha1.PromotionGateList
	if err := r.Client.List(ctx, &gates); err != nil {
		return nil, fmt.Errorf("list gates: %w", err)
	}
	standing := map[string][]v1alpha1.PromotionGate{}
	for _, g := range gates.Items {
		if g.DeletionTimestamp == nil && g.Status.Level != "" {
			standing[g.Namespace] = append(standing[g.Namespace], g)
		}
	}
	namespaces := map[v1alpha1.Level][]string{}
	for name, here := range standing {
		namespace, found, err := readNamespace(ctx, r.Client, name)
		if err != nil {
			return nil, err
		}
		_, enrolled := environments.Of(namespace)
		if found && (enrolled || environments.Held(namespace)) && gate.Opened(namespace.Annotations) {
			level := gate.Level(here)
			namespaces[level] = append(namespaces[level], name)
		}
	}
	var desired []client.Object
	for _, p := range gate.Policies(gate.PolicyInput{
		Namespaces: namespaces, Excluded: environments.Excluded(), OperatorUser: r.OperatorUser,
	}) {
		desired = append(desired, p.Policy, p.Binding)
	}
	return desired, nil
}

// quarantine is the policies against revisions that were rolled back, by namespace. What
// cannot be read is returned apart: the others are refused all the same.
func (r *AdmissionReconciler) quarantine(ctx context.Context, environments environment.Map) (desired []client.Object, unreadable, err error) {
	var reports v1alpha1.ReadinessReportList
	if err := r.Client.List(ctx, &reports, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("list reports: %w", err)
	}
	entries := map[string][]remediation.Quarantined{}
	workloads := ofWorkloads(reports.Items)
	for i := range workloads {
		report := &workloads[i]
		if !environments.Exists(report.Status.Environment) {
			continue
		}
		for _, revision := range standingQuarantine(&report.Status) {
			if len(revision.Changes) > 0 {
				entries[report.Namespace] = append(entries[report.Namespace], remediation.Quarantined{
					Kind: report.Status.Workload.Kind, Name: report.Status.Workload.Name, Revision: revision,
				})
			}
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(entries)) {
		policy, binding, err := remediation.QuarantinePolicy(namespace, entries[namespace])
		unreadable = errors.Join(unreadable, err)
		if policy != nil {
			desired = append(desired, policy, binding)
		}
	}
	return desired, unreadable, nil
}

// ledgerOpened passes the update by which a namespace gets a ledger, or loses it. What
// the ledger says is no business of the shared policies.
var ledgerOpened = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return gate.Opened(e.ObjectOld.GetAnnotations()) != gate.Opened(e.ObjectNew.GetAnnotations())
	},
}

var gateLevelChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.PromotionGate), e.ObjectNew.(*v1alpha1.PromotionGate)
		return before.Status.Level != after.Status.Level || (before.DeletionTimestamp == nil) != (after.DeletionTimestamp == nil)
	},
}

var quarantineChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.ReadinessReport), e.ObjectNew.(*v1alpha1.ReadinessReport)
		return !apiequality.Semantic.DeepEqual(standingQuarantine(&before.Status), standingQuarantine(&after.Status))
	},
}
