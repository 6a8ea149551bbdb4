// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// forgotten is a rule that calls a function which this compiler does not know.
func forgotten(t testing.TB) *Program {
	t.Helper()
	spec := findingsSpec("object.metadata.name.rot13() == variables.params.name ? [] : [{'key': 'name', 'text': 'is not it'}]")
	spec.Parameters = []v1alpha1.Parameter{{Name: "name", Type: v1alpha1.ParameterString, Default: new("shop")}}
	compiler := newTestCompiler(t)
	_, err := compiler.CompileAccepted("forgotten", spec, Settings{})
	if err == nil {
		t.Fatal("it compiles")
	}
	return compiler.Unchecked("forgotten", spec, Settings{}, err)
}

func TestARuleThatDoesNotCompileAnyMoreStaysInAdmissionByItself(t *testing.T) {
	w := NewWithT(t)
	objects := Render(testEnvironment(), append(
		enforced([]string{"shop-a"}, catalogued(t, "replicas"), forgotten(t)),
		placed(v1alpha1.Warn, catalogued(t, "image-pinned"))...))
	w.Expect(policyNames(objects)).To(ConsistOf(
		"rampart-production-enforce", "rampart-production-enforce-forgotten",
		"rampart-production-warn", "rampart-production-warn.rest", "rampart-production-warn-forgotten.rest"))
	for _, policy := range objects.ValidatingPolicies {
		about := strings.Contains(policy.Name, "forgotten")
		w.Expect(strings.Contains(policy.String(), "rot13()")).To(Equal(about), "%s: no other rule depends on it", policy.Name)
		if about {
			w.Expect(policy.Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Ignore)), "an error in it refuses nothing")
			w.Expect(policy.String()).To(ContainSubstring(`== "shop"`), "it is as the environment has set it")
		}
	}
	warned := Render(testEnvironment(), placed(v1alpha1.Warn, catalogued(t, "image-pinned"), forgotten(t)))
	w.Expect(policyNames(warned)).To(ConsistOf("rampart-production-warn", "rampart-production-warn-forgotten"))
}

func TestARuleThatDoesNotCompileAnyMoreIsNeverClean(t *testing.T) {
	w := NewWithT(t)
	p := forgotten(t)
	w.Expect(p.Renderable()).To(BeTrue())
	w.Expect(p.Uncompiled()).To(MatchError(ContainSubstring("rot13")))
	_, err := p.Evaluate(t.Context(), Input{Object: &appsv1.Deployment{}})
	w.Expect(err).To(MatchError(ContainSubstring("does not compile any more")))
	results := NewPanel([]*Program{catalogued(t, "replicas"), p}).Evaluate(t.Context(), Input{Object: &appsv1.Deployment{}})
	w.Expect(results[0].Err).NotTo(HaveOccurred())
	w.Expect(results[1].Err).To(MatchError(ContainSubstring("does not compile any more")))
	w.Expect(p.Digest()).To(Equal(Digest(p.Spec(), nil)), "its evidence stays its own")
}

func TestARuleThatDoesNotCompileAnyMoreSharesNoPolicyThatCanRefuseForAnError(t *testing.T) {
	w := NewWithT(t)
	total := catalogued(t, "replicas")
	w.Expect(total.Partial()).To(BeEmpty())
	p := newTestCompiler(t).Unchecked(total.Name(), total.Spec(), Settings{}, errors.New("too expensive"))
	w.Expect(policyNames(Render(testEnvironment(), enforced(inProduction, p)))).To(ContainElement("rampart-production-enforce-replicas"))
}

func TestARuleThatCannotEvenBeReadIsNotRendered(t *testing.T) {
	w := NewWithT(t)
	p := newTestCompiler(t).Unchecked("torn", findingsSpec("object.metadata.("), Settings{}, errors.New("torn"))
	w.Expect(p.Renderable()).To(BeFalse())
	_, err := p.Evaluate(t.Context(), Input{Object: &appsv1.Deployment{}})
	w.Expect(err).To(MatchError(ContainSubstring("torn")))
}
