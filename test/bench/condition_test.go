// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	celenvironment "k8s.io/apiserver/pkg/cel/environment"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// BenchmarkMatchCondition evaluates what 25 guardrails at Enforce, and their twins that
// warn elsewhere, ask of a Pod that complies, with the API server's libraries.
func BenchmarkMatchCondition(b *testing.B) {
	w := NewWithT(b)
	b.Chdir("../..")
	all, err := readCatalogue()
	w.Expect(err).NotTo(HaveOccurred())
	programs, err := compileAll(newest, pick(inRequests(all), 25))
	w.Expect(err).NotTo(HaveOccurred())
	var placed []guardrail.Placed
	for _, p := range programs {
		placed = append(placed, guardrail.Placed{Program: p, Level: v1alpha1.Enforce, EnforcedIn: []string{namespace}})
	}
	objects := guardrail.Render(guardrail.Environment{Name: environment, Namespaces: []string{namespace}}, placed)
	for _, policy := range objects.ValidatingPolicies {
		b.Run(policy.Name, func(b *testing.B) { matchPod(b, policy.Spec.MatchConditions) })
	}
}

// matchPod evaluates conditions of a policy, one of which must not let the Pod in.
func matchPod(b *testing.B, conditions []admissionv1.MatchCondition) {
	w := NewWithT(b)
	compiler, err := plugincel.NewCompositedCompiler(celenvironment.MustBaseEnvSet(newest))
	w.Expect(err).NotTo(HaveOccurred())
	var accessors []plugincel.ExpressionAccessor
	for _, c := range conditions {
		accessors = append(accessors, (*matchconditions.MatchCondition)(&c))
	}
	condition := compiler.ConditionCompiler.CompileCondition(accessors, plugincel.OptionalVariableDeclarations{HasAuthorizer: true}, celenvironment.StoredExpressions)
	w.Expect(condition.CompilationErrors()).To(BeEmpty())
	object, kind := pod("checkout"), corev1.SchemeGroupVersion.WithKind("Pod")
	record := admission.NewAttributesRecord(object, nil, kind, namespace, object.Name, corev1.SchemeGroupVersion.WithResource("pods"),
		"", admission.Create, nil, true, &user.DefaultInfo{Name: "alice"})

	var left int64
	b.ReportAllocs()
	for b.Loop() {
		attributes := &admission.VersionedAttributes{Attributes: record, VersionedKind: kind, VersionedObject: admission.NewLazyObject(object)}
		request := plugincel.CreateAdmissionRequest(record, metav1.GroupVersionResource(record.GetResource()), metav1.GroupVersionKind(kind))
		var results []plugincel.EvaluationResult
		results, left, err = condition.ForInput(b.Context(), attributes, request, plugincel.OptionalVariableBindings{}, nil, celconfig.RuntimeCELCostBudgetMatchConditions)
		if err != nil {
			b.Fatal(err)
		}
		matches := true
		for _, result := range results {
			if result.Error != nil {
				b.Fatal(result.Error)
			}
			matches = matches && result.EvalResult.Value() == true
		}
		if matches {
			b.Fatal("the policy matches a pod that complies")
		}
	}
	b.ReportMetric(float64(celconfig.RuntimeCELCostBudgetMatchConditions-left), "cost/op")
}
