// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// over is a rule over resources that asks for a label.
func over(t testing.TB, name string, resources ...v1alpha1.ResourceRule) *Program {
	t.Helper()
	spec := findingsSpec("'owner' in object.metadata.?labels.orValue({}) ? [] : [{'key': 'owner', 'text': 'has no owner'}]")
	spec.Resources = resources
	return compiled(t, guardrailNamed(name, spec))
}

func TestRulesOverTheSameResourcesShareAPolicy(t *testing.T) {
	w := NewWithT(t)
	objects := Render(testEnvironment(), placed(v1alpha1.Warn,
		over(t, "a", services, ingresses), over(t, "b", ingresses, services), over(t, "c", services), catalogued(t, "replicas")))
	w.Expect(policyNames(objects)).To(ConsistOf("rampart-production-warn",
		MatchRegexp(`^rampart-production-warn\.services-[0-9a-f]{8}$`), MatchRegexp(`^rampart-production-warn\.services-[0-9a-f]{8}$`)))
	w.Expect(objects.ValidatingPolicies[1].Name).NotTo(Equal(objects.ValidatingPolicies[2].Name))
	for _, policy := range objects.ValidatingPolicies[1:] {
		w.Expect(policy.Spec.Variables).To(BeEmpty(), "what is no workload has no pod template")
	}
}

func TestARuleMatchesItsResourcesAndNothingElse(t *testing.T) {
	w := NewWithT(t)
	objects := Render(testEnvironment(), enforced(inProduction, over(t, "a", namespaces, ingresses)))
	policy := objects.ValidatingPolicies[0]
	rules := policy.Spec.MatchConstraints.ResourceRules
	w.Expect(rules).To(HaveLen(3), "two resources, and the probe's")
	w.Expect(rules[0].Rule).To(Equal(admissionv1.Rule{
		APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"namespaces"}, Scope: new(admissionv1.ClusterScope)}))
	w.Expect(rules[1].Rule).To(Equal(admissionv1.Rule{
		APIGroups: []string{"networking.k8s.io"}, APIVersions: []string{"v1"}, Resources: []string{"ingresses"}, Scope: new(admissionv1.NamespacedScope)}))
	for _, rule := range rules[:2] {
		w.Expect(rule.Operations).To(Equal([]admissionv1.OperationType{admissionv1.Create, admissionv1.Update}))
	}
	w.Expect(policy.Spec.MatchConstraints.MatchPolicy).To(HaveValue(Equal(admissionv1.Equivalent)))
	w.Expect(conditionsOf(policy)).To(ContainSubstring(admission.NotBuiltInUpkeep().Expression))

	many := Render(testEnvironment(), enforced(numbered(maxSelected+1), over(t, "a", namespaces, ingresses))).ValidatingPolicies[0]
	w.Expect(conditionsOf(many)).To(ContainSubstring("(request.resource.resource == 'namespaces' ? request.?name.orValue('')"))
}

func TestWhatOnlyTheBackgroundCanJudgeIsNeverInAdmission(t *testing.T) {
	w := NewWithT(t)
	spec := findingsSpec("variables.services.map(s, {'key': string(s.name), 'text': 'found'})")
	spec.Surroundings = []v1alpha1.Surrounding{v1alpha1.SurroundingServices}
	p := compiled(t, guardrailNamed("background", spec))
	for _, level := range v1alpha1.Levels {
		rule := Placed{Program: p, Level: level, EnforcedIn: inProduction}
		w.Expect(Render(testEnvironment(), []Placed{rule})).To(Equal(Objects{}), string(level))
	}
}

// The controller manager compiles a policy once for each validation and each kind that is
// named by version: see unchecked.
func TestWarningsOfWorkloadsSpareTheControllerManager(t *testing.T) {
	w := NewWithT(t)
	objects := Render(testEnvironment(), placed(v1alpha1.Warn, catalogued(t, "replicas")))
	for _, rule := range objects.ValidatingPolicies[0].Spec.MatchConstraints.ResourceRules {
		w.Expect(rule.APIVersions).To(Equal([]string{"*"}))
	}
	objects = Render(testEnvironment(), enforced(inProduction, catalogued(t, "replicas")))
	for _, rule := range objects.ValidatingPolicies[0].Spec.MatchConstraints.ResourceRules[:3] {
		w.Expect(rule.APIVersions).To(Equal([]string{"v1"}), "what refuses reads the version that it was written for")
	}
}
