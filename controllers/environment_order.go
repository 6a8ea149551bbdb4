// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// The order in which native policies are applied, each with its binding.
const (
	// isNew are there before any other lets go of a guardrail.
	isNew = iota
	// keepsAll only gain guardrails.
	keepsAll
	// letsGo hand some over to others.
	letsGo
)

// storedGuardrails are the guardrails in each validating policy of the environment that is
// stored, by its name.
func (r *EnvironmentReconciler) storedGuardrails(ctx context.Context, policy *v1alpha1.EnvironmentPolicy) (map[string][]string, error) {
	var policies admissionv1.ValidatingAdmissionPolicyList
	own := client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, guardrail.LabelEnvironment: policy.Name}
	if err := r.Client.List(ctx, &policies, own); err != nil {
		return nil, fmt.Errorf("list native policies: %w", err)
	}
	stored := map[string][]string{}
	for i := range policies.Items {
		if metav1.IsControlledBy(&policies.Items[i], policy) {
			stored[policies.Items[i].Name] = guardrailsIn(&policies.Items[i])
		}
	}
	return stored, nil
}

// guardrailsIn are the guardrails in a native policy.
func guardrailsIn(native client.Object) []string {
	return strings.Fields(native.GetAnnotations()[guardrail.AnnotationGuardrails])
}

// inOrder sorts what is to be applied so that a guardrail that moves from one policy to
// another is taken up before it is let go: API servers load both within the same second. A
// policy stays before its binding, so that no binding ever stands alone. stored are the
// guardrails in the policies that are there.
func inOrder(stored map[string][]string, desired []client.Object) []client.Object {
	turns := map[string]int{}
	for _, object := range desired {
		if _, validating := object.(*admissionv1.ValidatingAdmissionPolicy); validating {
			turns[object.GetName()] = turn(stored, object)
		}
	}
	ordered := slices.Clone(desired)
	slices.SortStableFunc(ordered, func(a, b client.Object) int { return cmp.Compare(turns[a.GetName()], turns[b.GetName()]) })
	return ordered
}

func turn(stored map[string][]string, desired client.Object) int {
	held, found := stored[desired.GetName()]
	switch keeps := guardrailsIn(desired); {
	case !found:
		return isNew
	case slices.ContainsFunc(held, func(name string) bool { return !slices.Contains(keeps, name) }):
		return letsGo
	default:
		return keepsAll
	}
}
