// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// The namespaces of the environment of these tests.
var inProduction = []string{"shop-a", "shop-b", "shop-c"}

func testEnvironment() Environment {
	return Environment{
		Name:               "production",
		NamespaceSelector:  metav1.LabelSelector{MatchLabels: map[string]string{"stage": "production"}},
		Namespaces:         inProduction,
		ExcludedNamespaces: []string{"rampart-system"},
		OperatorUser:       operator,
	}
}

// enforced are rules that some namespaces enforce.
func enforced(namespaces []string, programs ...*Program) []Placed {
	all := placed(v1alpha1.Enforce, programs...)
	for i := range all {
		all[i].EnforcedIn, all[i].Announced = namespaces, true
	}
	return all
}

// policyNames are the validating policies that were rendered.
func policyNames(objects Objects) []string {
	var all []string
	for _, policy := range objects.ValidatingPolicies {
		all = append(all, policy.Name)
	}
	return all
}

// policyNamed is one of them.
func policyNamed(t testing.TB, objects Objects, name string) *admissionv1.ValidatingAdmissionPolicy {
	t.Helper()
	for _, policy := range objects.ValidatingPolicies {
		if policy.Name == name {
			return policy
		}
	}
	t.Fatalf("no policy %s among %v", name, policyNames(objects))
	return nil
}

func TestObserveIsNotInThePathOfARequest(t *testing.T) {
	NewWithT(t).Expect(Render(testEnvironment(), placed(v1alpha1.Observe, wholeCatalogue(t)...))).To(Equal(Objects{}))
}

func TestNothingBelowEnforceCanRefuse(t *testing.T) {
	w := NewWithT(t)
	env := testEnvironment()
	env.Defaults = v1alpha1.DefaultsApply
	objects := Render(env, placed(v1alpha1.Warn, wholeCatalogue(t)...))
	w.Expect(objects.MutatingPolicies).To(HaveLen(1))
	warnings := 0
	for i, policy := range objects.ValidatingPolicies {
		w.Expect(policy.Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Ignore)))
		w.Expect(policy.Spec.AuditAnnotations).To(BeEmpty())
		w.Expect(policy.Spec.ParamKind).To(BeNil())
		w.Expect(objects.ValidatingBindings[i].Spec.ValidationActions).To(Equal([]admissionv1.ValidationAction{admissionv1.Warn}))
		warnings += len(policy.Spec.Validations) - 1
	}
	w.Expect(warnings).To(Equal(len(inAdmission(t))), "one for each rule, besides the answer to probes")
	w.Expect(objects.MutatingPolicies[0].Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Ignore)))
	for _, mutation := range objects.MutatingPolicies[0].Spec.Mutations {
		w.Expect(mutation.PatchType).To(Equal(admissionv1.PatchTypeApplyConfiguration))
	}
}

func TestEnforceSharesOnePolicyAmongTotalRules(t *testing.T) {
	w := NewWithT(t)
	partial := compiled(t, guardrailNamed("partial", findingsSpec("object.spec.absent == 1 ? [{'key': 'a', 'text': 'b'}] : []")))
	objects := Render(testEnvironment(), enforced(inProduction, catalogued(t, "image-pinned"), catalogued(t, "replicas"), partial))
	w.Expect(policyNames(objects)).To(Equal([]string{
		"rampart-production-enforce", "rampart-production-enforce-partial", "rampart-production-warn.rest", "rampart-production-warn.rest.2"}))

	pack, single, rest := objects.ValidatingPolicies[0], objects.ValidatingPolicies[1], objects.ValidatingPolicies[2]
	w.Expect(pack.Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Fail)))
	w.Expect(pack.Spec.Validations).To(HaveLen(2), "an answer to probes, and one validation for all rules")
	w.Expect(pack.Spec.Validations[1].Message).To(And(ContainSubstring("environment production"), ContainSubstring("image-pinned, replicas"), Not(ContainSubstring("partial"))))
	w.Expect(pack.Annotations).To(Equal(map[string]string{"rampart.dev/guardrails": "image-pinned replicas"}))
	w.Expect(single.Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Ignore)))
	w.Expect(rest.Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Ignore)))
	for i, action := range []admissionv1.ValidationAction{admissionv1.Deny, admissionv1.Deny, admissionv1.Warn} {
		binding := objects.ValidatingBindings[i]
		w.Expect(binding.Name).To(Equal(objects.ValidatingPolicies[i].Name))
		w.Expect(binding.Spec.PolicyName).To(Equal(binding.Name))
		w.Expect(binding.Spec.ValidationActions).To(Equal([]admissionv1.ValidationAction{action}))
		w.Expect(binding.Labels).To(Equal(map[string]string{"app.kubernetes.io/managed-by": "rampart", "rampart.dev/environment": "production"}))
	}
}

func TestRenderingDoesNotDependOnTheOrderOfRules(t *testing.T) {
	env := testEnvironment()
	env.Defaults = v1alpha1.DefaultsApply
	rules := append(enforced(inProduction, wholeCatalogue(t)...), placed(v1alpha1.Warn, wholeCatalogue(t)...)...)
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
	w.Expect(names(sorted(placed(v1alpha1.Warn, programs...)))).To(Equal([]string{"of-Critical", "of-High", "of-", "of-Medium", "of-Low"}))
}

func TestPacksAreSplit(t *testing.T) {
	half := strings.Repeat(" ", maxPackSize/4)
	for name, program := range map[string]Program{
		"by what they cost":    {cost: packBudget / runsPerRequest / 2},
		"by how long they are": {source: half, before: half},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			var rules []Placed
			for i := range 5 {
				p := program
				p.name = fmt.Sprint(i)
				rules = append(rules, Placed{Program: &p, Level: v1alpha1.Warn})
			}
			all := packs(rules)
			w.Expect(all).To(HaveLen(3))
			w.Expect(all[0]).To(Equal(rules[:2]))
			w.Expect(all[2]).To(Equal(rules[4:]))
			w.Expect(packs(nil)).To(BeEmpty())
			w.Expect(policyNames(Render(testEnvironment(), rules))).To(Equal([]string{
				"rampart-production-warn", "rampart-production-warn.2", "rampart-production-warn.3"}))
		})
	}
}

func TestTheCallersSelectorIsNotChanged(t *testing.T) {
	w := NewWithT(t)
	env := testEnvironment()
	env.NamespaceSelector.MatchExpressions = make([]metav1.LabelSelectorRequirement, 0, 4)
	Render(env, placed(v1alpha1.Warn, catalogued(t, "replicas")))
	w.Expect(env.NamespaceSelector.MatchExpressions[:1:4][0]).To(Equal(metav1.LabelSelectorRequirement{}))
}

// A rule that is evaluated for the object and for the old one in one expression may cost
// no more than half of what stops an expression.
func TestRulesShareAVariableAsFarAsTheirCostAllows(t *testing.T) {
	rule := func(name string, cost int64) Placed {
		return Placed{Program: &Program{name: name, source: "[]", before: "[]", ratcheted: true, cost: cost}}
	}
	names := func(rules ...Placed) []string {
		before, found := foundBy(rules)
		all := []string{}
		for _, v := range append(before, found...) {
			all = append(all, v.name)
		}
		return all
	}
	w := NewWithT(t)
	w.Expect(names(rule("a", 10), rule("b", 10))).To(Equal([]string{"found_1"}))
	w.Expect(names(rule("a", partBudget/4), rule("b", partBudget/4), rule("c", 10))).To(Equal([]string{"found_1", "found_2"}))
	w.Expect(names(rule("a", partBudget), rule("b", 10))).To(Equal([]string{"before_1", "found_1", "found_2"}))
	_, found := foundBy([]Placed{rule("a", partBudget)})
	w.Expect(found[0].expression).To(ContainSubstring("variables.before_1"))
}
