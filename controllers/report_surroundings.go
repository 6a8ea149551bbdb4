// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/workload"
)

// declared are the surroundings that some of the guardrails read.
func declared(guardrails []standing) map[v1alpha1.Surrounding]bool {
	needed := map[v1alpha1.Surrounding]bool{}
	for _, g := range guardrails {
		for _, s := range g.around {
			needed[s] = true
		}
	}
	return needed
}

// newSurroundings has gathered nothing yet. Of the kinds that cannot be read now it says so.
func newSurroundings(kinds *Kinds, needed map[v1alpha1.Surrounding]bool) *surroundings {
	around := &surroundings{unread: map[v1alpha1.Surrounding]string{}}
	for s := range needed {
		for _, kind := range kindsAround(s) {
			if state := kinds.of(kind); !state.readable {
				around.unread[s] = state.trouble.message
			}
		}
	}
	return around
}

// readable says whether surroundings are wanted, and can be read now.
func (s *surroundings) readable(needed map[v1alpha1.Surrounding]bool, what v1alpha1.Surrounding) bool {
	_, unread := s.unread[what]
	return needed[what] && !unread
}

// gatherSurroundings reads what the guardrails of the workload read besides it, and nothing
// that none of them does.
func (r *ReportReconciler) gatherSurroundings(ctx context.Context, l *look) error {
	needed := declared(l.guardrails)
	l.surroundings = newSurroundings(r.Kinds, needed)
	template := l.workload.Template
	if l.surroundings.readable(needed, v1alpha1.SurroundingServices) {
		l.surroundings.Services = compliance.ServicesBefore(template.Labels, l.services)
	}
	if l.surroundings.readable(needed, v1alpha1.SurroundingDisruptionBudgets) {
		var list policyv1.PodDisruptionBudgetList
		if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("list disruption budgets of namespace %s: %w", l.key.Namespace, err)
		}
		l.surroundings.DisruptionBudgets = compliance.BudgetsOver(template.Labels, list.Items)
	}
	if l.surroundings.readable(needed, v1alpha1.SurroundingReferences) {
		references := workload.ReferencesOf(template.Spec)
		present, err := r.present(ctx, l.key.Namespace, references)
		if err != nil {
			return err
		}
		l.surroundings.Missing = compliance.Missing(references, func(of workload.Reference) compliance.Present {
			return present[workload.Reference{Kind: of.Kind, Name: of.Name}]
		})
	}
	return nil
}

// present looks up the objects that a pod refers to, each once.
func (r *ReportReconciler) present(ctx context.Context, namespace string, references []workload.Reference) (map[workload.Reference]compliance.Present, error) {
	found := map[workload.Reference]compliance.Present{}
	for _, reference := range references {
		of := workload.Reference{Kind: reference.Kind, Name: reference.Name}
		if _, looked := found[of]; looked {
			continue
		}
		object := referredKind(of.Kind).new(r.Client.Scheme())
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: of.Name}, object)
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("get %s %s/%s: %w", of.Kind, namespace, of.Name, err)
		}
		found[of] = compliance.Present{Exists: !apierrors.IsNotFound(err), Keys: keysOf(object)}
	}
	return found, nil
}

// referredKind is how objects are watched to which a pod may refer.
func referredKind(kind string) watchedKind {
	switch kind {
	case workload.RefersToServiceAccount:
		return serviceAccountNames
	case workload.RefersToClaim:
		return claimNames
	default:
		return configMapKeys
	}
}

// keysOf a ConfigMap; none of any other object.
func keysOf(object client.Object) map[string]bool {
	configMap, is := object.(*corev1.ConfigMap)
	if !is {
		return nil
	}
	keys := make(map[string]bool, len(configMap.Data)+len(configMap.BinaryData))
	for key := range configMap.Data {
		keys[key] = true
	}
	for key := range configMap.BinaryData {
		keys[key] = true
	}
	return keys
}
