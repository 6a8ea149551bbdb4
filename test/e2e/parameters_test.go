// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// Whatever somebody sets a guardrail's parameters to, nothing is refused that complies, what
// was set before stays in force, and the policy says what is wrong.
func TestAbsurdParametersChangeNothing(t *testing.T) {
	w := theWorld(t)
	sound := []v1alpha1.ParameterSetting{{Name: "registries", Values: []string{"registry.example"}}}
	for name, absurd := range map[string][]v1alpha1.ParameterSetting{
		"none of them exists":           {{Name: "absent", Value: ptr.To("1")}},
		"a list is a text":              {{Name: "registries", Value: ptr.To("registry.example")}},
		"a value is CEL":                {{Name: "registries", Values: []string{`"] + ["`, `'] == [] || true || ['`, "a\nb", "${x}"}}},
		"they are larger than a policy": {{Name: "registries", Values: slices.Repeat([]string{strings.Repeat("a", 253)}, 64)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			namespace := w.namespace(t)
			dev := w.developer(t, "edit", namespace)
			policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
				Stage: v1alpha1.Production, Progression: settled,
				Guardrails: []v1alpha1.GuardrailEntry{{Name: "allowed-registries", StartLevel: v1alpha1.Enforce, Parameters: sound}},
			})
			foreign := testenv.Deployment("foreign", namespace, testenv.Image("elsewhere.example/foreign:1.0.0"))
			refused := func(g Gomega) {
				g.Expect(attempt(t.Context(), dev, foreign)).To(MatchError(ContainSubstring("allowed-registries")))
				g.Expect(attempt(t.Context(), dev, testenv.Deployment("ours", namespace))).To(Succeed())
			}
			g.Eventually(refused).Should(Succeed())

			changed := policy.DeepCopy()
			changed.Spec.Guardrails[0].Parameters = absurd
			g.Expect(w.admin.Patch(t.Context(), changed, client.MergeFrom(policy))).To(Succeed())
			g.Eventually(func(g Gomega) {
				refused(g)
				g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(changed), changed)).To(Succeed())
				said := meta.FindStatusCondition(changed.Status.Conditions, v1alpha1.ConditionReady)
				g.Expect(said.ObservedGeneration).To(Equal(changed.Generation))
				g.Expect(said.Message).To(ContainSubstring("allowed-registries"))
			}).Should(Succeed())
			g.Consistently(refused).WithTimeout(refresh).Should(Succeed())
		})
	}
}
