// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Whatever somebody does to a native policy, the operator makes it again what it was: what
// they change, what they add, and what they delete.
func TestTheOperatorMendsItsNativePolicies(t *testing.T) {
	w := theWorld(t)
	namespace := w.namespace(t)
	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Staging, Guardrails: only("image-pinned", v1alpha1.Warn), Progression: settled,
	})
	sound := w.native(t, policy.Name)

	for name, sabotage := range map[string]func(*native){
		"a rule that fails on every object": eachValidation(func(v *admissionv1.Validation) { v.Expression = failing }),
		"one validation more": func(n *native) {
			n.policy.Spec.Validations = append(n.policy.Spec.Validations, admissionv1.Validation{Expression: "false"})
		},
		"one match condition more": func(n *native) {
			n.policy.Spec.MatchConditions = append(n.policy.Spec.MatchConditions, admissionv1.MatchCondition{Name: "never", Expression: "false"})
		},
		"one variable more": func(n *native) {
			n.policy.Spec.Variables = append(n.policy.Spec.Variables, admissionv1.Variable{Name: "more", Expression: "1"})
		},
		"an audit annotation that fails": func(n *native) {
			n.policy.Spec.AuditAnnotations = []admissionv1.AuditAnnotation{{Key: "broken", ValueExpression: "string(" + failingValue + ")"}}
		},
		"a failure policy that refuses": func(n *native) { n.policy.Spec.FailurePolicy = ptr.To(admissionv1.Fail) },
		"parameters that are missing":   parameters("v1", "ConfigMap", "absent"),
		"a binding that refuses":        func(n *native) { n.binding.Spec.ValidationActions = []admissionv1.ValidationAction{admissionv1.Deny} },
		"a binding that audits too": func(n *native) {
			n.binding.Spec.ValidationActions = append(n.binding.Spec.ValidationActions, admissionv1.Audit)
		},
		"a binding that names no policy": func(n *native) { n.binding.Spec.PolicyName = "absent" },
		"a binding that selects no object": func(n *native) {
			n.binding.Spec.MatchResources.ObjectSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
		},
		"a policy that leaves out Deployments": func(n *native) {
			n.policy.Spec.MatchConstraints.ExcludeResourceRules = []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.OperationAll},
				Rule:       admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"*"}, Resources: []string{"deployments"}},
			}}}
		},
		"no policy":  func(n *native) { n.policy.Name = "" },
		"no binding": func(n *native) { n.binding.Name = "" },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			live := w.native(t, policy.Name)
			g.Expect(live.policy.Spec).To(Equal(sound.policy.Spec))
			g.Expect(live.binding.Spec).To(Equal(sound.binding.Spec))
			w.sabotage(t, live, sabotage)
			g.Eventually(func(g Gomega) {
				g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(sound.policy), live.policy)).To(Succeed())
				g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(sound.binding), live.binding)).To(Succeed())
				g.Expect(live.policy.Spec).To(Equal(sound.policy.Spec))
				g.Expect(live.binding.Spec).To(Equal(sound.binding.Spec))
			}).WithTimeout(10e9).Should(Succeed())
		})
	}
}

// sabotage the native policy. A name that is taken away stands for its deletion.
func (w *world) sabotage(t *testing.T, of *native, sabotage func(*native)) {
	t.Helper()
	g := NewWithT(t)
	harmed := &native{policy: of.policy.DeepCopy(), binding: of.binding.DeepCopy()}
	sabotage(harmed)
	for _, pair := range [][2]client.Object{{of.policy, harmed.policy}, {of.binding, harmed.binding}} {
		if pair[1].GetName() == "" {
			g.Expect(w.admin.Delete(t.Context(), pair[0])).To(Succeed())
			continue
		}
		g.Expect(w.admin.Patch(t.Context(), pair[1], client.MergeFrom(pair[0]))).To(Succeed())
	}
}
