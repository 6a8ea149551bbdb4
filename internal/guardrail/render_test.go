// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func testEnvironment() Environment {
	return Environment{
		Name:               "production",
		NamespaceSelector:  metav1.LabelSelector{MatchLabels: map[string]string{"stage": "production"}},
		ExcludedNamespaces: []string{"rampart-system"},
		OperatorUser:       operator,
	}
}

func TestObserveIsNotInThePathOfARequest(t *testing.T) {
	NewWithT(t).Expect(Render(testEnvironment(), placed(v1alpha1.Observe, wholeCatalogue(t)...))).To(Equal(Objects{}))
}

func TestNothingBelowEnforceCanRefuse(t *testing.T) {
	w := NewWithT(t)
	env := testEnvironment()
	env.Defaults = v1alpha1.DefaultsApply
	objects := Render(env, placed(v1alpha1.Warn, wholeCatalogue(t)...))
	w.Expect(objects.ValidatingPolicies).To(HaveLen(1))
	w.Expect(objects.MutatingPolicies).To(HaveLen(1))
	policy := objects.ValidatingPolicies[0]
	w.Expect(policy.Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Ignore)))
	w.Expect(policy.Spec.AuditAnnotations).To(BeEmpty())
	w.Expect(policy.Spec.ParamKind).To(BeNil())
	w.Expect(policy.Spec.Validations).To(HaveLen(len(wholeCatalogue(t))))
	w.Expect(objects.ValidatingBindings[0].Spec.ValidationActions).To(Equal([]admissionv1.ValidationAction{admissionv1.Warn}))
	w.Expect(objects.MutatingPolicies[0].Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Ignore)))
	for _, mutation := range objects.MutatingPolicies[0].Spec.Mutations {
		w.Expect(mutation.PatchType).To(Equal(admissionv1.PatchTypeApplyConfiguration))
	}
}

func TestEnforceSharesOnePolicyAmongTotalRules(t *testing.T) {
	w := NewWithT(t)
	partial := compiled(t, guardrailNamed("partial", findingsSpec("object.spec.absent == 1 ? [{'key': 'a', 'text': 'b'}] : []")))
	objects := Render(testEnvironment(), placed(v1alpha1.Enforce, append(wholeCatalogue(t), partial)...))
	w.Expect(objects.ValidatingPolicies).To(HaveLen(2))

	pack, single := objects.ValidatingPolicies[0], objects.ValidatingPolicies[1]
	w.Expect(pack.Name).To(Equal("rampart-production-enforce"))
	w.Expect(pack.Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Fail)))
	w.Expect(pack.Spec.Validations).To(HaveLen(1))
	w.Expect(pack.Spec.Validations[0].Message).To(And(ContainSubstring("environment production"), ContainSubstring("image-pinned, "), Not(ContainSubstring("partial"))))
	w.Expect(single.Name).To(Equal("rampart-production-enforce-partial"))
	w.Expect(single.Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Ignore)))
	for i, binding := range objects.ValidatingBindings {
		w.Expect(binding.Name).To(Equal(objects.ValidatingPolicies[i].Name))
		w.Expect(binding.Spec.PolicyName).To(Equal(binding.Name))
		w.Expect(binding.Spec.ValidationActions).To(Equal([]admissionv1.ValidationAction{admissionv1.Deny}))
		w.Expect(binding.Labels).To(Equal(map[string]string{"app.kubernetes.io/managed-by": "rampart", "rampart.dev/environment": "production"}))
	}
}

func TestRenderingDoesNotDependOnTheOrderOfRules(t *testing.T) {
	env := testEnvironment()
	env.Defaults = v1alpha1.DefaultsApply
	rules := append(placed(v1alpha1.Enforce, wholeCatalogue(t)...), placed(v1alpha1.Warn, wholeCatalogue(t)...)...)
	want := Render(env, rules)
	reversed := make([]Placed, 0, len(rules))
	for i := range rules {
		reversed = append(reversed, rules[len(rules)-1-i])
	}
	NewWithT(t).Expect(Render(env, reversed)).To(Equal(want))
}

func TestGraverRulesSpeakFirst(t *testing.T) {
	w := NewWithT(t)
	var programs []*Program
	for _, severity := range []v1alpha1.Severity{"", v1alpha1.Medium, v1alpha1.Critical, v1alpha1.Low, v1alpha1.High} {
		spec := findingsSpec("[]")
		spec.Severity = severity
		programs = append(programs, compiled(t, guardrailNamed("of-"+string(severity), spec)))
	}
	var names []string
	for _, p := range atLevel(placed(v1alpha1.Warn, programs...), v1alpha1.Warn) {
		names = append(names, p.Name())
	}
	w.Expect(names).To(Equal([]string{"of-Critical", "of-High", "of-Medium", "of-Low", "of-"}))
}

func TestPacksAreSplitByWhatTheyCost(t *testing.T) {
	w := NewWithT(t)
	var programs []*Program
	for i := range 5 {
		programs = append(programs, &Program{name: fmt.Sprint(i), cost: packBudget / runsPerRequest / 2})
	}
	all := packs(programs)
	w.Expect(all).To(HaveLen(3))
	w.Expect(all[0]).To(Equal(programs[:2]))
	w.Expect(all[2]).To(Equal(programs[4:]))
	w.Expect(packs(nil)).To(BeEmpty())
	w.Expect(numbered(testEnvironment(), "warn", 0)).To(Equal("rampart-production-warn"))
	w.Expect(numbered(testEnvironment(), "warn", 1)).To(Equal("rampart-production-warn-2"))
}

func TestTheCallersSelectorIsNotChanged(t *testing.T) {
	w := NewWithT(t)
	env := testEnvironment()
	env.NamespaceSelector.MatchExpressions = make([]metav1.LabelSelectorRequirement, 0, 4)
	Render(env, placed(v1alpha1.Warn, catalogued(t, "replicas")))
	w.Expect(env.NamespaceSelector.MatchExpressions[:1:4][0]).To(Equal(metav1.LabelSelectorRequirement{}))
}
