// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// ownerFindings asks for the label owner.
const ownerFindings = `object.metadata.?labels[?'owner'].orValue('') == '' ? [{'key': 'labels/owner', 'text': 'has no label owner'}] : []`

// newGuardrail stands in the environments of one test, and is not yet accepted.
func newGuardrail(forCase, findings string, edit ...func(*v1alpha1.GuardrailSpec)) *v1alpha1.Guardrail {
	GinkgoHelper()
	rule := &v1alpha1.Guardrail{
		ObjectMeta: metav1.ObjectMeta{Name: "rule-" + rand.String(8), Labels: map[string]string{"case": forCase}},
		Spec: v1alpha1.GuardrailSpec{
			Title: "A rule", Category: "Ownership", Severity: v1alpha1.Critical, Findings: findings,
		},
	}
	for _, e := range edit {
		e(&rule.Spec)
	}
	Expect(admin.Create(ctx, rule)).To(Succeed())
	DeferCleanup(func() { Expect(client.IgnoreNotFound(admin.Delete(ctx, rule))).To(Succeed()) })
	return rule
}

// acceptedGuardrail is one that is in force.
func acceptedGuardrail(forCase, findings string, edit ...func(*v1alpha1.GuardrailSpec)) *v1alpha1.Guardrail {
	GinkgoHelper()
	rule := newGuardrail(forCase, findings, edit...)
	Expect(reconcileGuardrail(&eventLog{}, rule)).To(Succeed())
	return rule
}

// reconcileGuardrail is one pass of the loop; rule is what stands afterwards.
func reconcileGuardrail(events *eventLog, rule *v1alpha1.Guardrail) error {
	GinkgoHelper()
	loop := &controllers.GuardrailReconciler{Client: operator, Compiler: compiler, Events: events}
	_, err := loop.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(rule)})
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(rule), rule)).To(Succeed())
	return err
}

var _ = Describe("Guardrail", func() {
	It("is accepted when it compiles", func() {
		rule := acceptedGuardrail("none", ownerFindings)

		Expect(rule.Status.Accepted.Spec).To(Equal(rule.Spec))
		Expect(meta.IsStatusConditionTrue(rule.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
		Expect(rule.Status.ObservedGeneration).To(Equal(rule.Generation))
	})

	It("keeps its last accepted version through a broken edit, and says where it broke and why", func() {
		events := &eventLog{}
		rule := acceptedGuardrail("none", ownerFindings)
		accepted := rule.Status.Accepted.DeepCopy()

		rule.Spec.Findings = "[] +\nobject.metadata.labels["
		Expect(admin.Update(ctx, rule)).To(Succeed())
		Expect(reconcileGuardrail(events, rule)).NotTo(Succeed(), "only a new edit helps, and nothing is tried again")

		Expect(rule.Status.Accepted).To(Equal(accepted))
		ready := meta.FindStatusCondition(rule.Status.Conditions, v1alpha1.ConditionReady)
		Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		Expect(ready.Reason).To(Equal(v1alpha1.ReasonInvalidExpression))
		Expect(ready.Message).To(And(ContainSubstring("line 2, column 24"), ContainSubstring("yntax"), ContainSubstring("generation 1 stays in force")))
		Expect(meta.IsStatusConditionTrue(rule.Status.Conditions, v1alpha1.ConditionStalled)).To(BeTrue())
		Expect(events.all()).To(ConsistOf(HavePrefix(telemetry.ReasonRuleRejected)))

		By("saying so once, and no more")
		version := rule.ResourceVersion
		Expect(reconcileGuardrail(events, rule)).NotTo(Succeed())
		Expect(rule.ResourceVersion).To(Equal(version))
		Expect(events.all()).To(HaveLen(1))
	})

	It("goes on judging with the accepted version while an edit is broken", func() {
		w := newWorld(v1alpha1.Staging)
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		w.joined("empty")
		loop := w.environments()
		w.reconcileEnvironment(loop)
		w.deploy("shop")
		w.look("shop")
		w.reconcileEnvironment(loop)
		before := w.report("shop")
		Expect(before.Status.Findings).To(BeEquivalentTo(1))

		rule.Spec.Findings = "nonsense("
		Expect(admin.Update(ctx, rule)).To(Succeed())
		Expect(reconcileGuardrail(w.events, rule)).NotTo(Succeed())
		policyVersion := w.policy.ResourceVersion
		w.reconcileEnvironment(loop)
		w.look("shop")

		Expect(w.report("shop").ResourceVersion).To(Equal(before.ResourceVersion))
		Expect(w.policy.ResourceVersion).To(Equal(policyVersion))
	})

	It("judges nothing while it was never accepted", func() {
		rule := newGuardrail("none", "nonsense(")
		Expect(reconcileGuardrail(&eventLog{}, rule)).NotTo(Succeed())

		Expect(rule.Status.Accepted).To(BeNil())
		Expect(meta.FindStatusCondition(rule.Status.Conditions, v1alpha1.ConditionReady).Message).To(ContainSubstring("judges nothing"))
	})
})
