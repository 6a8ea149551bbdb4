// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// +kubebuilder:rbac:groups=rampart.dev,resources=promotiongates,verbs=create;patch;delete

// OnboardingReconciler makes a PromotionGate for each Namespace whose label says where its
// changes come from, and takes it away with the label. Gates that people make are theirs.
type OnboardingReconciler struct {
	Client            client.Client
	Events            events.EventRecorder
	OperatorNamespace string
}

// SetupWithManager registers the loop.
func (r *OnboardingReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("onboarding").
		For(&corev1.Namespace{}, builder.WithPredicates(promotesFromChanged)).
		Watches(&v1alpha1.PromotionGate{}, handler.EnqueueRequestsFromMapFunc(ownNamespace), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
}

// promotesFromChanged passes what the label of a Namespace depends on.
var promotesFromChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		was, had := e.ObjectOld.GetLabels()[v1alpha1.LabelPromotesFrom]
		is, has := e.ObjectNew.GetLabels()[v1alpha1.LabelPromotesFrom]
		return was != is || had != has
	},
}

// Reconcile makes the gate that the label of a Namespace asks for.
func (r *OnboardingReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	return again(ctrl.Result{}, r.reconcile(ctx, request.Name))
}

func (r *OnboardingReconciler) reconcile(ctx context.Context, name string) error {
	namespace, found, err := readNamespace(ctx, r.Client, name)
	if err != nil || !found || namespace.DeletionTimestamp != nil {
		return err
	}
	gates, decision, err := r.judge(ctx, namespace)
	if err != nil {
		return err
	}
	var own *v1alpha1.PromotionGate
	if i := slices.IndexFunc(gates, gate.ByLabel); i >= 0 {
		own = &gates[i]
	}
	switch {
	case decision.Stay:
	case decision.Source == "" && own != nil:
		err = r.remove(ctx, namespace, own)
	case decision.Source != "" && own == nil:
		err = r.make(ctx, namespace, decision.Source)
	case decision.Source != "" && own.Spec.Source.Namespace != decision.Source:
		err = r.move(ctx, own, decision.Source)
	}
	if err == nil && decision.Wrong != "" {
		r.Events.Eventf(namespace, nil, telemetry.Warning, telemetry.ReasonLabelWrong, telemetry.ActionOnboard, "%s", decision.Wrong)
	}
	return err
}

// judge says what the label asks for, and which gates stand in the namespace.
func (r *OnboardingReconciler) judge(ctx context.Context, namespace *corev1.Namespace) ([]v1alpha1.PromotionGate, gate.Onboarding, error) {
	var gates v1alpha1.PromotionGateList
	if err := r.Client.List(ctx, &gates, client.InNamespace(namespace.Name)); err != nil {
		return nil, gate.Onboarding{}, fmt.Errorf("list gates of namespace %s: %w", namespace.Name, err)
	}
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err != nil {
		return nil, gate.Onboarding{}, err
	}
	exists := false
	if source := namespace.Labels[v1alpha1.LabelPromotesFrom]; source != "" {
		if _, exists, err = readNamespace(ctx, r.Client, source); err != nil {
			return nil, gate.Onboarding{}, err
		}
	}
	return gates.Items, gate.Onboard(gate.OnboardInput{
		Namespace: namespace.Name, Labels: namespace.Labels, Gates: gates.Items,
		Excluded:     slices.Contains(environments.Excluded(), namespace.Name),
		SourceExists: exists,
	}), nil
}

func (r *OnboardingReconciler) make(ctx context.Context, namespace *corev1.Namespace, source string) error {
	made := &v1alpha1.PromotionGate{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace.Name, Name: gate.LabelledName,
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy},
		},
		Spec: v1alpha1.PromotionGateSpec{Source: v1alpha1.GateSource{Namespace: source}},
	}
	if err := r.Client.Create(ctx, made, client.FieldOwner(v1alpha1.ManagedBy)); err != nil {
		return fmt.Errorf("create the gate that the label of namespace %s asks for: %w", namespace.Name, err)
	}
	r.Events.Eventf(namespace, made, telemetry.Normal, telemetry.ReasonGateMade, telemetry.ActionOnboard,
		"gate %s stands here now and looks at %s, as the label %s says", made.Name, source, v1alpha1.LabelPromotesFrom)
	return nil
}

// move lets the gate look at another namespace. Its level and its ledger stay.
func (r *OnboardingReconciler) move(ctx context.Context, own *v1alpha1.PromotionGate, source string) error {
	before := own.DeepCopy()
	own.Spec.Source.Namespace = source
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, own, patch, client.FieldOwner(v1alpha1.ManagedBy)); err != nil {
		return fmt.Errorf("move gate %s/%s to source %s: %w", own.Namespace, own.Name, source, err)
	}
	return nil
}

func (r *OnboardingReconciler) remove(ctx context.Context, namespace *corev1.Namespace, own *v1alpha1.PromotionGate) error {
	err := r.Client.Delete(ctx, own, client.Preconditions{UID: ptr.To(own.UID), ResourceVersion: ptr.To(own.ResourceVersion)})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete gate %s/%s, which no label asks for any more: %w", own.Namespace, own.Name, err)
	}
	r.Events.Eventf(namespace, nil, telemetry.Normal, telemetry.ReasonGateRemoved, telemetry.ActionOnboard,
		"gate %s was taken away: the label %s does not ask for it any more, or somebody made one from the same source", own.Name, v1alpha1.LabelPromotesFrom)
	return nil
}
