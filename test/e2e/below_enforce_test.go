// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// Whatever becomes of a native policy below Enforce, by a fault of the operator's or of
// somebody who edits it, requests pass.
func TestBelowEnforceNothingIsRefused(t *testing.T) {
	w := theWorld(t)
	namespace := w.namespace(t)
	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Staging, Guardrails: only("image-pinned", v1alpha1.Warn),
	})
	dev := w.developer(t, "edit", namespace)
	violator := testenv.Deployment("violator", namespace, testenv.Image("registry.example/violator:latest"))
	name := client.ObjectKey{Name: "rampart-" + policy.Name + "-warn"}

	warns := func(g Gomega) {
		dev.warned()
		g.Expect(attempt(t.Context(), dev, violator)).To(Succeed())
		g.Expect(dev.warned()).To(ContainElement(ContainSubstring("image-pinned")))
	}
	NewWithT(t).Eventually(warns).Should(Succeed(), "a sound policy warns")
	w.withoutOperator(t) // It would mend the policy at once.

	for _, test := range []struct {
		name string
		harm func(*admissionv1.ValidatingAdmissionPolicy, *admissionv1.ValidatingAdmissionPolicyBinding)
	}{
		{"when a rule fails on every object", func(p *admissionv1.ValidatingAdmissionPolicy, _ *admissionv1.ValidatingAdmissionPolicyBinding) {
			for i := range p.Spec.Validations {
				p.Spec.Validations[i].Expression = "object.spec.absent.absent == 1"
			}
		}},
		{"when a match condition fails", func(p *admissionv1.ValidatingAdmissionPolicy, _ *admissionv1.ValidatingAdmissionPolicyBinding) {
			p.Spec.MatchConditions = append(p.Spec.MatchConditions, admissionv1.MatchCondition{Name: "broken", Expression: "object.spec.absent.absent == 1"})
		}},
		{"when the parameters of the policy are missing", func(p *admissionv1.ValidatingAdmissionPolicy, b *admissionv1.ValidatingAdmissionPolicyBinding) {
			p.Spec.ParamKind = &admissionv1.ParamKind{APIVersion: "v1", Kind: "ConfigMap"}
			b.Spec.ParamRef = &admissionv1.ParamRef{Name: "absent", Namespace: "default", ParameterNotFoundAction: ptr.To(admissionv1.DenyAction)}
		}},
		{"when the kind of the parameters does not exist", func(p *admissionv1.ValidatingAdmissionPolicy, b *admissionv1.ValidatingAdmissionPolicyBinding) {
			p.Spec.ParamKind = &admissionv1.ParamKind{APIVersion: "absent.example/v1", Kind: "Absent"}
			b.Spec.ParamRef = &admissionv1.ParamRef{Name: "absent", ParameterNotFoundAction: ptr.To(admissionv1.DenyAction)}
		}},
		{"when the binding names no policy", func(_ *admissionv1.ValidatingAdmissionPolicy, b *admissionv1.ValidatingAdmissionPolicyBinding) {
			b.Spec.PolicyName = "absent"
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			var rule admissionv1.ValidatingAdmissionPolicy
			var binding admissionv1.ValidatingAdmissionPolicyBinding
			g.Expect(w.admin.Get(t.Context(), name, &rule)).To(Succeed())
			g.Expect(w.admin.Get(t.Context(), name, &binding)).To(Succeed())
			harmedRule, harmedBinding := rule.DeepCopy(), binding.DeepCopy()
			test.harm(harmedRule, harmedBinding)
			g.Expect(w.admin.Patch(t.Context(), harmedRule.DeepCopy(), client.MergeFrom(&rule))).To(Succeed())
			g.Expect(w.admin.Patch(t.Context(), harmedBinding.DeepCopy(), client.MergeFrom(&binding))).To(Succeed())

			g.Eventually(func(g Gomega) {
				dev.warned()
				g.Expect(attempt(t.Context(), dev, violator)).To(Succeed())
				g.Expect(dev.warned()).To(BeEmpty(), "the API server still has the sound policy")
			}).Should(Succeed())
			g.Expect(dev.Create(t.Context(), testenv.Deployment("compliant", namespace))).To(Succeed())
			g.Expect(dev.Delete(t.Context(), testenv.Deployment("compliant", namespace))).To(Succeed())

			g.Expect(w.admin.Patch(t.Context(), rule.DeepCopy(), client.MergeFrom(harmedRule))).To(Succeed())
			g.Expect(w.admin.Patch(t.Context(), binding.DeepCopy(), client.MergeFrom(harmedBinding))).To(Succeed())
			g.Eventually(warns).Should(Succeed())
		})
	}
}
