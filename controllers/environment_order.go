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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

// inOrder sorts what is to be applied so that a guardrail that moves from one policy to
// another is taken up before it is let go: API servers load both within the same second. A
// policy stays before its binding, so that no binding ever stands alone.
func (r *EnvironmentReconciler) inOrder(ctx context.Context, desired []client.Object) ([]client.Object, error) {
	turns := map[string]int{}
	for _, object := range desired {
		policy, validating := object.(*admissionv1.ValidatingAdmissionPolicy)
		if !validating {
			continue
		}
		turn, err := r.turn(ctx, policy)
		if err != nil {
			return nil, err
		}
		turns[policy.Name] = turn
	}
	ordered := slices.Clone(desired)
	slices.SortStableFunc(ordered, func(a, b client.Object) int { return cmp.Compare(turns[a.GetName()], turns[b.GetName()]) })
	return ordered, nil
}

func (r *EnvironmentReconciler) turn(ctx context.Context, desired *admissionv1.ValidatingAdmissionPolicy) (int, error) {
	var stored admissionv1.ValidatingAdmissionPolicy
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(desired), &stored)
	if apierrors.IsNotFound(err) {
		return isNew, nil
	}
	if err != nil {
		return 0, fmt.Errorf("get native policy %s: %w", desired.Name, err)
	}
	keeps := strings.Fields(desired.Annotations[guardrail.AnnotationGuardrails])
	for _, name := range strings.Fields(stored.Annotations[guardrail.AnnotationGuardrails]) {
		if !slices.Contains(keeps, name) {
			return letsGo, nil
		}
	}
	return keepsAll, nil
}
