// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestEachPolicyAnswersToANameOfItsOwn(t *testing.T) {
	w := NewWithT(t)
	objects := Render(testEnvironment(), append(enforced([]string{"shop-a"}, catalogued(t, "replicas")), placed(v1alpha1.Warn, catalogued(t, "image-pinned"))...))
	reports := map[string]bool{}
	for i, policy := range objects.ValidatingPolicies {
		probe := objects.Probes[i]
		w.Expect(probe.Policy).To(Equal(policy.Name))
		w.Expect(ProbedBy(policy)).To(Equal(probe.Report))
		w.Expect(policy.Spec.Validations[0].Message).To(Equal(probe.Answer), "the API server tells the first failure only")
		reports[probe.Report] = true
	}
	w.Expect(reports).To(HaveLen(3))
}

func TestAnotherContentHasAnotherProbe(t *testing.T) {
	w := NewWithT(t)
	before := Render(testEnvironment(), enforced([]string{"shop-a"}, catalogued(t, "replicas"))).Probes[0]
	w.Expect(Render(testEnvironment(), enforced([]string{"shop-a"}, catalogued(t, "replicas"))).Probes[0]).To(Equal(before))
	for name, rules := range map[string][]Placed{
		"another rule": enforced([]string{"shop-a"}, catalogued(t, "image-pinned")),
		"another ring": enforced([]string{"shop-b"}, catalogued(t, "replicas")),
	} {
		after := Render(testEnvironment(), rules).Probes[0]
		w.Expect(after.Report).NotTo(Equal(before.Report), name)
		w.Expect(after.Answer).NotTo(Equal(before.Answer), name)
	}
}

func TestAnErrorThatNamesTheProbeIsNoAnswer(t *testing.T) {
	w := NewWithT(t)
	probe := Render(testEnvironment(), placed(v1alpha1.Warn, catalogued(t, "replicas"))).Probes[0]
	w.Expect(probe.Answered(`readinessreports.rampart.dev "` + probe.Report + `" is forbidden: exceeded quota`)).To(BeFalse())
	w.Expect(probe.Answered("Validation failed for ValidatingAdmissionPolicy 'a' with binding 'a': " + probe.Answer)).To(BeTrue())
	w.Expect(probe.Answered()).To(BeFalse())
}

func TestAPolicyOfAnEarlierOperatorHasNoProbe(t *testing.T) {
	w := NewWithT(t)
	policy := Render(testEnvironment(), placed(v1alpha1.Warn, catalogued(t, "replicas"))).ValidatingPolicies[0]
	rules := policy.Spec.MatchConstraints.ResourceRules
	policy.Spec.MatchConstraints.ResourceRules = rules[:len(rules)-1]
	w.Expect(ProbedBy(policy)).To(BeEmpty())
	policy.Spec.MatchConstraints = nil
	w.Expect(ProbedBy(policy)).To(BeEmpty())
}
