// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/testenv"
)

const (
	// costlyFindings is ownerFindings in a form that this operator takes for too expensive,
	// and the API server does not.
	costlyFindings = `variables.containers.all(a, variables.containers.all(b, variables.containers.all(c, c.name != ''))) && ` +
		`object.metadata.?labels[?'owner'].orValue('') != '' ? [] : [{'key': 'labels/owner', 'text': 'has no label owner'}]`
	// unknownFindings calls what nobody knows.
	unknownFindings = `object.metadata.name.rot13() == '' ? [] : [{'key': 'name', 'text': 'is not it'}]`
)

// acceptedOnce makes a rule that an operator before this one has accepted, and has brought
// to Enforce in the world's namespace.
func (w *world) acceptedOnce(rule *v1alpha1.Guardrail, findings string) {
	GinkgoHelper()
	before := rule.DeepCopy()
	rule.Status.Accepted.Spec.Findings = findings
	Expect(admin.Status().Patch(ctx, rule, client.MergeFrom(before))).To(Succeed())
	w.put(rule.Name, enforcedIn(w.namespace))
	w.put(rule.Name, func(state *v1alpha1.GuardrailState) { state.Rule = guardrail.Digest(rule.Status.Accepted.Spec, nil) })
}

func (w *world) refusesOwnerless() bool {
	return admin.Create(ctx, testenv.Deployment("violator", w.namespace), client.DryRunAll) != nil
}

func (w *world) guardrailState(name string) v1alpha1.GuardrailState {
	GinkgoHelper()
	for _, state := range w.policy.Status.Guardrails {
		if state.Name == name {
			return state
		}
	}
	Fail("no guardrail " + name)
	return v1alpha1.GuardrailState{}
}

var _ = Describe("A rule that does not compile any more", func() {
	It("stays enforced by itself, says so, and keeps no other from moving", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		w.joined("empty")
		rule, other := acceptedGuardrail(w.policy.Name, ownerFindings), acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())
		w.acceptedOnce(rule, costlyFindings)
		w.reconcileEnvironment(w.environments())

		Expect(w.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonNotCompiled),
			HaveField("Message", And(ContainSubstring(rule.Name), ContainSubstring("cost")))))
		Expect(w.guardrailState(rule.Name)).To(And(
			HaveField("Level", v1alpha1.Enforce), HaveField("Uncompiled", ContainSubstring("cost")), HaveField("Next", ContainSubstring("compile"))))
		environment := "rampart-" + w.policy.Name
		Expect(w.policiesNamed()).To(ConsistOf(
			environment+"-enforce-"+rule.Name, environment+"-warn-"+rule.Name+".rest", environment+"-warn"))
		Eventually(w.refusesOwnerless).Should(BeTrue())
		Expect(meta.IsStatusConditionTrue(w.policy.Status.Conditions, v1alpha1.ConditionAdmissionLive)).To(BeTrue())

		w.put(other.Name, enforcedIn(w.namespace))
		w.reconcileEnvironment(w.environments())
		Expect(w.policiesNamed()).To(ContainElement(environment + "-enforce"))
	})

	It("stays enforced where it stood when the API server does not take it either, and others follow their levels", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		w.joined("empty")
		rule, other := acceptedGuardrail(w.policy.Name, ownerFindings), acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())
		w.put(rule.Name, enforcedIn(w.namespace))
		w.reconcileEnvironment(w.environments())
		enforce := "rampart-" + w.policy.Name + "-enforce"
		var stood admissionv1.ValidatingAdmissionPolicy
		Expect(admin.Get(ctx, client.ObjectKey{Name: enforce}, &stood)).To(Succeed())

		w.acceptedOnce(rule, unknownFindings)
		w.policy.Spec.Guardrails = append(w.policy.Spec.Guardrails, v1alpha1.GuardrailEntry{Name: other.Name, MaxLevel: v1alpha1.Observe})
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		for range 2 {
			w.reconcileEnvironment(w.environments())
			Expect(w.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonFailed),
				HaveField("Message", And(ContainSubstring("refuses native policy "+enforce+"-"+rule.Name), ContainSubstring("rot13")))))
		}

		var stands admissionv1.ValidatingAdmissionPolicy
		Expect(admin.Get(ctx, client.ObjectKey{Name: enforce}, &stands)).To(Succeed())
		Expect(stands.Generation).To(Equal(stood.Generation))
		Expect(stands.Spec).To(Equal(stood.Spec))
		Expect(admin.Get(ctx, client.ObjectKey{Name: enforce}, &admissionv1.ValidatingAdmissionPolicyBinding{})).To(Succeed())
		Eventually(w.refusesOwnerless).Should(BeTrue())
		Expect(w.guardrailState(rule.Name).Level).To(Equal(v1alpha1.Enforce))
		Expect(w.guardrailState(other.Name).Level).To(Equal(v1alpha1.Observe))
		Expect(w.policiesNamed()).NotTo(ContainElement("rampart-"+w.policy.Name+"-warn"), "the other one's")

		By("compiling again")
		w.acceptedOnce(rule, ownerFindings)
		w.reconcileEnvironment(w.environments())
		Expect(w.guardrailState(rule.Name)).To(And(HaveField("Level", v1alpha1.Enforce), HaveField("Uncompiled", BeEmpty())))
	})

	It("holds itself and what shares its policy, and nothing else, when the API server does not take it", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		w.joined("empty")
		rule, neighbour, other := acceptedGuardrail(w.policy.Name, ownerFindings), acceptedGuardrail(w.policy.Name, ownerFindings), acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())
		for _, enforced := range []string{rule.Name, neighbour.Name} {
			w.put(enforced, enforcedIn(w.namespace))
		}
		w.reconcileEnvironment(w.environments())
		w.acceptedOnce(rule, unknownFindings)
		loop := w.environments()
		w.reconcileEnvironment(loop)
		w.later(time.Minute)
		w.reconcileEnvironment(loop)

		Expect(w.ready().Message).To(ContainSubstring("rot13"))
		Expect(w.live()).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Message", ContainSubstring("some stand as they were"))))
		Expect(w.guardrailState(rule.Name).Standstill).To(ContainSubstring("rot13"))
		Expect(w.guardrailState(neighbour.Name)).To(And(HaveField("Level", v1alpha1.Enforce), HaveField("Standstill", ContainSubstring("rot13"))))
		Expect(w.guardrailState(other.Name)).To(And(HaveField("Level", v1alpha1.Warn), HaveField("Standstill", BeEmpty()),
			HaveField("Next", Not(ContainSubstring("native admission")))))

		By("writing nothing at rest, and trying again")
		written := w.policy.ResourceVersion
		Expect(w.lookAtEnvironment(loop)).To(Equal(time.Minute))
		Expect(w.policy.ResourceVersion).To(Equal(written))

		By("telling why those that stand still do not rise, whatever the operator has in memory")
		w.put(neighbour.Name, func(state *v1alpha1.GuardrailState) { state.Level = v1alpha1.Warn })
		w.lookAtEnvironment(w.environments())
		Expect(w.guardrailState(neighbour.Name).Next).To(ContainSubstring("native admission is seen to work"))

		By("compiling again")
		w.acceptedOnce(rule, ownerFindings)
		w.reconcileEnvironment(w.environments())
		Expect(w.ready().Status).To(Equal(metav1.ConditionTrue))
		Expect(w.policy.Status.Guardrails).To(HaveEach(HaveField("Standstill", BeEmpty())))
	})

	It("stays enforced where it stood when it cannot even be written down", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		w.joined("empty")
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())
		w.put(rule.Name, enforcedIn(w.namespace))
		w.reconcileEnvironment(w.environments())
		w.acceptedOnce(rule, "object.metadata.(")
		w.reconcileEnvironment(w.environments())
		Expect(w.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Message", ContainSubstring("cannot be rendered"))))
		Expect(w.guardrailState(rule.Name).Standstill).To(ContainSubstring("cannot be rendered"))
		Expect(w.live().Status).To(Equal(metav1.ConditionTrue))
		Expect(w.policiesNamed()).To(ContainElement("rampart-" + w.policy.Name + "-enforce"))
		Eventually(w.refusesOwnerless).Should(BeTrue())
	})

	It("begins nowhere", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		w.joined("empty")
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		before := rule.DeepCopy()
		rule.Status.Accepted.Spec.Findings = unknownFindings
		Expect(admin.Status().Patch(ctx, rule, client.MergeFrom(before))).To(Succeed())
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Guardrails).To(BeEmpty())
	})
})

var _ = Describe("More guardrails than can stand", func() {
	It("are named, and take the place of none that stands", func() {
		w := newWorld(v1alpha1.Production)
		w.joined("empty")
		for range 257 {
			acceptedGuardrail(w.policy.Name, "[]")
		}
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Guardrails).To(HaveLen(256))
		Expect(w.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonTooManyGuardrails),
			HaveField("Message", ContainSubstring("selects 257 guardrails and at most 256 can stand"))))
		stood := w.policy.Status.Guardrails

		early := newGuardrail(w.policy.Name, "[]")
		first := early.DeepCopy()
		first.ObjectMeta = metav1.ObjectMeta{Name: "a-" + w.policy.Name, Labels: early.Labels}
		Expect(admin.Delete(ctx, early)).To(Succeed())
		Expect(admin.Create(ctx, first)).To(Succeed())
		DeferCleanup(func() { Expect(admin.Delete(ctx, first)).To(Succeed()) })
		Expect(reconcileGuardrail(&eventLog{}, first)).To(Succeed())
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Guardrails).To(HaveLen(256))
		for i := range stood {
			Expect(w.policy.Status.Guardrails[i].Name).To(Equal(stood[i].Name))
		}
		Expect(w.ready().Message).To(ContainSubstring(first.Name))
	})
})
