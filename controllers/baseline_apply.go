// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// apply makes the namespace have what was planned, and nothing else of a baseline. What
// cannot be applied keeps nothing else from it.
func (r *BaselineReconciler) apply(ctx context.Context, namespace *corev1.Namespace, plan baseline.Plan) error {
	var desired []client.Object
	var errs []error
	for _, object := range plan.Objects {
		o := object.(client.Object)
		desired = append(desired, o)
		errs = append(errs, r.applyOne(ctx, o))
	}
	return errors.Join(append(errs,
		r.prune(ctx, namespace.Name, desired),
		r.labelNamespace(ctx, namespace, plan.NamespaceLabels),
		r.keepDefaultToken(ctx, namespace.Name, plan.WithoutDefaultToken),
	)...)
}

func (r *BaselineReconciler) applyOne(ctx context.Context, object client.Object) error {
	existed, err := r.exists(ctx, object)
	if err != nil {
		return err
	}
	if err := r.Applier.Apply(ctx, object); err != nil {
		return err
	}
	if !existed {
		r.Events.Eventf(object, nil, telemetry.Normal, telemetry.ReasonBaselineApplied, telemetry.ActionApply, "%s", object.GetAnnotations()[v1alpha1.AnnotationDescription])
	}
	return nil
}

// exists says whether there is an object of the operator's under the name. One of somebody
// else's is an error: it is not written over.
func (r *BaselineReconciler) exists(ctx context.Context, object client.Object) (bool, error) {
	live := object.DeepCopyObject().(client.Object)
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(object), live)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("get %T %s: %w", object, client.ObjectKeyFromObject(object), err)
	case !baseline.IsOwn(live):
		return false, fmt.Errorf("%T %s was made by somebody else and is not written over", object, client.ObjectKeyFromObject(object))
	}
	return true, nil
}

// prune deletes what else of a baseline is in the namespace.
func (r *BaselineReconciler) prune(ctx context.Context, namespace string, desired []client.Object) error {
	lists := []client.ObjectList{&networkingv1.NetworkPolicyList{}, &policyv1.PodDisruptionBudgetList{}, &corev1.ResourceQuotaList{}, &corev1.LimitRangeList{}}
	return pruneLists(ctx, r.Client, lists, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}, desired, func(object client.Object) bool {
		ours := object.GetNamespace() == namespace && baseline.IsOwn(object)
		if ours {
			r.Events.Eventf(object, nil, telemetry.Normal, telemetry.ReasonBaselineWithdrawn, telemetry.ActionApply,
				"the namespace has its own instead, nothing needs it any more, or the EnvironmentPolicy no longer asks for it")
		}
		return ours
	})
}

// labelNamespace holds the labels on the Namespace, under a field manager of its own, so
// that what is no longer held goes and what others wrote stays.
func (r *BaselineReconciler) labelNamespace(ctx context.Context, namespace *corev1.Namespace, desired map[string]string) error {
	if maps.Equal(desired, ownLabels(namespace)) {
		return nil
	}
	configuration := corev1apply.Namespace(namespace.Name).WithLabels(desired)
	if err := r.Client.Apply(ctx, configuration, client.FieldOwner(v1alpha1.BaselineManager)); err != nil {
		return fmt.Errorf("label namespace %s for pod security: %w", namespace.Name, err)
	}
	return nil
}

// keepDefaultToken says in the default service account that its token is not mounted, or
// takes that back.
func (r *BaselineReconciler) keepDefaultToken(ctx context.Context, namespace string, without bool) error {
	account := &corev1.ServiceAccount{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: baseline.DefaultAccountName}, account)
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	if without == ownsDefaultToken(account) {
		return nil
	}
	configuration := corev1apply.ServiceAccount(baseline.DefaultAccountName, namespace)
	if without {
		configuration = configuration.WithAutomountServiceAccountToken(false)
	}
	if err := r.Client.Apply(ctx, configuration, client.FieldOwner(v1alpha1.BaselineManager)); err != nil {
		return fmt.Errorf("apply the default service account of namespace %s: %w", namespace, err)
	}
	return nil
}
