// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// ownersFindings asks for a label owner out of the parameter owners.
const ownersFindings = `string(object.metadata.?labels[?'owner'].orValue('')) in variables.params.owners ? [] : [{'key': 'labels/owner', 'text': 'has no known owner'}]`

// ownersGuardrail is accepted, and lets its environments say who the owners are.
func ownersGuardrail(forCase string) *v1alpha1.Guardrail {
	GinkgoHelper()
	rule := newGuardrail(forCase, ownersFindings)
	rule.Spec.Parameters = []v1alpha1.Parameter{{Name: "owners", Type: v1alpha1.ParameterStringList, Pattern: "^[a-z]+$"}}
	Expect(admin.Update(ctx, rule)).To(Succeed())
	Expect(reconcileGuardrail(&eventLog{}, rule)).To(Succeed())
	return rule
}

// setOwners is what the world's policy says of its first entry.
func (w *world) setOwners(name string, owners ...string) {
	GinkgoHelper()
	w.policy.Spec.Guardrails[0].Parameters = []v1alpha1.ParameterSetting{{Name: name, Values: owners}}
	Expect(admin.Update(ctx, w.policy)).To(Succeed())
}

// renders says whether a native policy of the environment has the text in its rules.
func (w *world) renders(text string) bool {
	GinkgoHelper()
	for _, object := range w.nativePolicies() {
		policy, ok := object.(*admissionv1.ValidatingAdmissionPolicy)
		if !ok {
			continue
		}
		rules := []string{}
		for _, v := range policy.Spec.Variables {
			rules = append(rules, v.Expression)
		}
		for _, v := range policy.Spec.Validations {
			rules = append(rules, v.Expression)
		}
		if slices.ContainsFunc(rules, func(rule string) bool { return strings.Contains(rule, text) }) {
			return true
		}
	}
	return false
}

// byName lets the first entry bring one guardrail.
func (w *world) byName(rule *v1alpha1.Guardrail, parameters ...v1alpha1.ParameterSetting) {
	GinkgoHelper()
	w.policy.Spec.Guardrails = []v1alpha1.GuardrailEntry{{Name: rule.Name, StartLevel: v1alpha1.Enforce, Parameters: parameters}}
	w.policy.Spec.Progression = &v1alpha1.Progression{Rings: v1alpha1.RingsOff}
	Expect(admin.Update(ctx, w.policy)).To(Succeed())
}

var _ = Describe("The parameters of a guardrail", func() {
	It("are those that the environment sets, in admission and in the background", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		rule := ownersGuardrail(w.policy.Name)
		w.joined("empty")
		loop := w.environments()
		w.setOwners("owners", "nobody", "somebody")
		w.reconcileEnvironment(loop)

		state := w.policy.Status.Guardrails[0]
		Expect(state.Name).To(Equal(rule.Name))
		Expect(state.Parameters).To(Equal([]v1alpha1.ParameterSetting{{Name: "owners", Values: []string{"nobody", "somebody"}}}))
		Expect(w.renders(`in ["nobody", "somebody"]`)).To(BeTrue())
		w.deploy("shop")
		w.look("shop")
		Expect(w.report("shop").Status.Guardrails[0].Rule).To(Equal(state.Rule))
	})

	It("stay as they were when the environment sets them wrong, whatever restarts", func() {
		w := newWorld(v1alpha1.Production)
		rule := ownersGuardrail(w.policy.Name)
		w.byName(rule, v1alpha1.ParameterSetting{Name: "owners", Values: []string{"team"}})
		loop := w.environments()
		w.reconcileEnvironment(loop)
		before := w.policy.Status.Guardrails[0]
		Expect(before.Level).To(Equal(v1alpha1.Enforce))
		Expect(w.renders(`in ["team"]`)).To(BeTrue())

		for _, wrong := range []v1alpha1.ParameterSetting{
			{Name: "owners", Values: []string{"TEAM"}},
			{Name: "ownerz", Values: []string{"team"}},
			{Name: "owners", Value: ptr.To("team")},
		} {
			w.byName(rule, wrong)
			w.reconcileEnvironment(w.environments()) // a new operator, which remembers nothing
			state := w.policy.Status.Guardrails[0]
			Expect(state.Level).To(Equal(v1alpha1.Enforce))
			Expect(state.Parameters).To(Equal(before.Parameters))
			Expect(state.Rule).To(Equal(before.Rule), "nothing was rewritten, and no evidence is lost")
			Expect(w.renders(`in ["team"]`)).To(BeTrue())
			Expect(w.ready().Reason).To(Equal(v1alpha1.ReasonInvalidParameters))
			Expect(w.ready().Message).To(And(ContainSubstring("of guardrail "+rule.Name), ContainSubstring("what was set before stays in force")))
			Expect(meta.IsStatusConditionTrue(w.policy.Status.Conditions, v1alpha1.ConditionStalled)).To(BeTrue())
		}

		By("and follow again once it is corrected")
		w.byName(rule, v1alpha1.ParameterSetting{Name: "owners", Values: []string{"crew"}})
		w.reconcileEnvironment(loop)
		Expect(w.ready().Reason).NotTo(Equal(v1alpha1.ReasonInvalidParameters))
		Expect(w.policy.Status.Guardrails[0].Parameters[0].Values).To(Equal([]string{"crew"}))
	})

	It("keep a new guardrail out until they are right, and nothing else", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		other := acceptedGuardrail(w.policy.Name, ownerFindings)
		needy := newGuardrail(w.policy.Name, "variables.params.owners > 3 ? [{'key': 'a', 'text': 'b'}] : []")
		needy.Spec.Parameters = []v1alpha1.Parameter{{Name: "owners", Type: v1alpha1.ParameterInteger, Maximum: ptr.To[int64](3)}}
		Expect(admin.Update(ctx, needy)).To(Succeed())
		Expect(reconcileGuardrail(&eventLog{}, needy)).To(Succeed())
		loop := w.environments()
		w.reconcileEnvironment(loop)

		Expect(w.policy.Status.Guardrails).To(HaveLen(1))
		Expect(w.policy.Status.Guardrails[0].Name).To(Equal(other.Name))
		Expect(w.ready().Reason).To(Equal(v1alpha1.ReasonInvalidParameters))
		Expect(w.ready().Message).To(And(
			ContainSubstring("parameter owners of guardrail "+needy.Name+": it has no default and the environment sets none: set an integer of at most 3"),
			ContainSubstring("does not stand here")))
	})

	It("stay, as far as the rule still has them, when the rule itself takes one away", func() {
		w := newWorld(v1alpha1.Production)
		rule := ownersGuardrail(w.policy.Name)
		w.byName(rule, v1alpha1.ParameterSetting{Name: "owners", Values: []string{"team"}})
		loop := w.environments()
		w.reconcileEnvironment(loop)

		rule.Spec.Parameters, rule.Spec.Findings = nil, ownerFindings
		Expect(admin.Update(ctx, rule)).To(Succeed())
		Expect(reconcileGuardrail(&eventLog{}, rule)).To(Succeed())
		w.reconcileEnvironment(loop)

		Expect(w.policy.Status.Guardrails).To(HaveLen(1), "the guardrail stands")
		Expect(w.policy.Status.Guardrails[0].Parameters).To(BeEmpty())
		Expect(w.ready().Message).To(ContainSubstring("the guardrail has no parameters"))
	})

	It("leave when nothing of them is right any more, and history says why", func() {
		w := newWorld(v1alpha1.Production)
		rule := ownersGuardrail(w.policy.Name)
		w.byName(rule, v1alpha1.ParameterSetting{Name: "owners", Values: []string{"team"}})
		loop := w.environments()
		w.reconcileEnvironment(loop)

		rule.Spec.Parameters[0].Pattern = "^[0-9]+$"
		Expect(admin.Update(ctx, rule)).To(Succeed())
		Expect(reconcileGuardrail(&eventLog{}, rule)).To(Succeed())
		w.reconcileEnvironment(loop)

		Expect(w.policy.Status.Guardrails).To(BeEmpty())
		Expect(w.policy.Status.History[0].Why).To(ContainSubstring(`"team" is not a string that matches ^[0-9]+$`))
		Expect(w.validating()).To(BeZero())
	})

	It("that no selected guardrail has are told, and change nothing", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		ownersGuardrail(w.policy.Name)
		w.setOwners("ownerz", "team")
		w.reconcileEnvironment(w.environments())

		Expect(w.policy.Status.Guardrails).To(HaveLen(1))
		Expect(w.policy.Status.Guardrails[0].Parameters).To(BeEmpty())
		Expect(w.ready().Message).To(ContainSubstring("spec.guardrails[0].parameters: no guardrail that the selector selects has a parameter ownerz"))
	})
})

var _ = Describe("The exclusions of a guardrail", func() {
	It("leave objects out of admission and of the reports, each with its reason", func() {
		w := newWorld(v1alpha1.Production, startAtWarn, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Guardrails[0].Exclusions = []v1alpha1.Exclusion{{Namespace: "legacy", Reason: "goes away in May"}}
		})
		acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())
		Expect(w.renders(`"legacy"`)).To(BeTrue())
	})
})

var _ = Describe("A guardrail that reads surroundings", func() {
	It("is accepted, and says that it stays at Observe", func() {
		rule := newGuardrail("none", "variables.missing.map(m, {'key': string(m.kind) + string(m.name), 'text': string(m.from)})")
		rule.Spec.Surroundings = []v1alpha1.Surrounding{v1alpha1.SurroundingReferences}
		Expect(admin.Update(ctx, rule)).To(Succeed())
		Expect(reconcileGuardrail(&eventLog{}, rule)).To(Succeed())
		ready := meta.FindStatusCondition(rule.Status.Conditions, v1alpha1.ConditionReady)
		Expect(ready.Message).To(ContainSubstring("it stays at Observe, because admission cannot read its surroundings"))
	})

	It("says where it reads a parameter that there is not", func() {
		rule := newGuardrail("none", "[] +\n  variables.params.nobody")
		Expect(reconcileGuardrail(&eventLog{}, rule)).NotTo(Succeed())
		ready := meta.FindStatusCondition(rule.Status.Conditions, v1alpha1.ConditionReady)
		Expect(ready.Reason).To(Equal(v1alpha1.ReasonInvalidExpression))
		Expect(ready.Message).To(ContainSubstring("findings, line 2, column 3: there is no parameter nobody"))
	})
})
