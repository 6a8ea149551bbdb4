// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// conditionsOf are the match conditions of a policy in one text.
func conditionsOf(policy *admissionv1.ValidatingAdmissionPolicy) string {
	all := make([]string, 0, len(policy.Spec.MatchConditions))
	for _, condition := range policy.Spec.MatchConditions {
		all = append(all, condition.Expression)
	}
	return strings.Join(all, " &&\n")
}

// selectorOf is the namespace selector of a policy, as kubectl takes it.
func selectorOf(policy *admissionv1.ValidatingAdmissionPolicy) string {
	return metav1.FormatLabelSelector(policy.Spec.MatchConstraints.NamespaceSelector)
}

// numbered are names of namespaces.
func numbered(n int) []string {
	all := make([]string, 0, n)
	for i := range n {
		all = append(all, fmt.Sprintf("namespace-%05d", i))
	}
	return all
}

func TestARuleIsEnforcedWhereItIsListedAndWarnsElsewhere(t *testing.T) {
	w := NewWithT(t)
	objects := Render(testEnvironment(), enforced([]string{"shop-b", "shop-a"}, catalogued(t, "replicas")))
	w.Expect(policyNames(objects)).To(Equal([]string{"rampart-production-enforce", "rampart-production-warn.rest"}))

	here, rest := objects.ValidatingPolicies[0], objects.ValidatingPolicies[1]
	w.Expect(selectorOf(here)).To(Equal("kubernetes.io/metadata.name in (shop-a,shop-b)"))
	w.Expect(selectorOf(rest)).To(Equal("kubernetes.io/metadata.name notin (kube-node-lease,kube-public,kube-system,rampart-system,shop-a,shop-b)"))
	w.Expect(objects.Probes[0].Namespaces).To(Equal([]string{"shop-a", "shop-b"}))
	w.Expect(objects.Probes[1].Namespaces).To(Equal([]string{"shop-c"}))
	w.Expect(rest.Spec.Validations[1].MessageExpression).To(ContainSubstring("; Enforce is next"))
	for _, binding := range objects.ValidatingBindings {
		w.Expect(binding.Spec.MatchResources).To(Equal(inEnvironment(testEnvironment())), "no binding is wider than the environment")
	}
}

// The API server parses selectors for each request; a condition takes any number of names.
func TestManyNamespacesAreACondition(t *testing.T) {
	w := NewWithT(t)
	env := testEnvironment()
	env.Namespaces = numbered(maxSelected + 1)
	objects := Render(env, enforced(env.Namespaces, catalogued(t, "replicas")))
	here, rest := objects.ValidatingPolicies[0], objects.ValidatingPolicies[1]
	w.Expect(conditionsOf(here)).To(HavePrefix(`(request.?namespace.orValue('') in ["namespace-00000", `))
	w.Expect(conditionsOf(rest)).To(HavePrefix(`(!(request.?namespace.orValue('') in ["namespace-00000", `))
	for _, policy := range objects.ValidatingPolicies {
		w.Expect(selectorOf(policy)).To(Equal("kubernetes.io/metadata.name notin (kube-node-lease,kube-public,kube-system,rampart-system)"))
	}

	env.Namespaces = env.Namespaces[:maxSelected]
	for _, policy := range Render(env, enforced(env.Namespaces, catalogued(t, "replicas"))).ValidatingPolicies {
		w.Expect(selectorOf(policy)).To(ContainSubstring("namespace-00009"))
		w.Expect(conditionsOf(policy)).NotTo(ContainSubstring("request.?namespace"))
	}
}

func TestAnExcludedNamespaceIsNotEnforcedWhoeverListsIt(t *testing.T) {
	w := NewWithT(t)
	objects := Render(testEnvironment(), enforced([]string{"kube-system", "shop-a", "rampart-system"}, catalogued(t, "replicas")))
	w.Expect(selectorOf(objects.ValidatingPolicies[0])).To(Equal("kubernetes.io/metadata.name in (shop-a)"))

	objects = Render(testEnvironment(), enforced([]string{"kube-system"}, catalogued(t, "replicas")))
	w.Expect(policyNames(objects)).To(Equal([]string{"rampart-production-warn"}), "it is enforced nowhere, and so warns")
}

func TestANamespaceThatJoinsIsWarnedBeforeItIsListed(t *testing.T) {
	w := NewWithT(t)
	objects := Render(testEnvironment(), enforced(inProduction, catalogued(t, "replicas")))
	rest := policyNamed(t, objects, "rampart-production-warn.rest")
	w.Expect(selectorOf(rest)).To(HaveSuffix(",shop-a,shop-b,shop-c)"))
	w.Expect(objects.Probes[1].Namespaces).To(BeEmpty(), "it stands nowhere yet, so there is nowhere to see it")
}

func TestARuleThatNoNamespaceEnforcesWarnsEverywhere(t *testing.T) {
	w := NewWithT(t)
	objects := Render(testEnvironment(), enforced(nil, catalogued(t, "replicas")))
	w.Expect(policyNames(objects)).To(Equal([]string{"rampart-production-warn"}))
	w.Expect(objects.ValidatingPolicies[0].Spec.Validations[1].MessageExpression).To(ContainSubstring("; Enforce is next"))
}

func TestOnlyWhatIsAnnouncedSaysSo(t *testing.T) {
	w := NewWithT(t)
	rules := placed(v1alpha1.Warn, catalogued(t, "image-pinned"), catalogued(t, "replicas"))
	rules[1].Announced = true
	policy := policyNamed(t, Render(testEnvironment(), rules), "rampart-production-warn")
	for _, validation := range policy.Spec.Validations[1:] {
		announced := ContainSubstring("; Enforce is next")
		if validation.Message == "production: [replicas] "+catalogued(t, "replicas").spec.Title+"; Enforce is next" {
			w.Expect(validation.MessageExpression).To(announced)
		} else {
			w.Expect(validation.Message).NotTo(announced)
			w.Expect(validation.MessageExpression).NotTo(announced)
		}
	}
}

func TestElsewhereAWarningSaysWhetherEnforceComes(t *testing.T) {
	w := NewWithT(t)
	rules := enforced([]string{"shop-a"}, catalogued(t, "replicas"))
	rules[0].Announced = false
	rest := policyNamed(t, Render(testEnvironment(), rules), "rampart-production-warn.rest")
	w.Expect(rest.Spec.Validations[1].MessageExpression).NotTo(ContainSubstring("Enforce is next"), "nothing moves")
}

func TestRulesOfOneRingShareAPolicy(t *testing.T) {
	w := NewWithT(t)
	rules := slices.Concat(
		enforced([]string{"shop-a"}, catalogued(t, "replicas")),
		enforced([]string{"shop-c", "shop-b", "shop-a"}, catalogued(t, "image-pinned")),
		enforced(inProduction, catalogued(t, "no-privileged")),
	)
	objects := Render(testEnvironment(), rules)
	w.Expect(policyNames(objects)).To(ConsistOf(
		"rampart-production-enforce", MatchRegexp(`^rampart-production-enforce\.in-[0-9a-f]{8}$`),
		"rampart-production-warn.rest", MatchRegexp(`^rampart-production-warn\.rest-[0-9a-f]{8}$`)))
	w.Expect(policyNamed(t, objects, "rampart-production-enforce").Annotations).To(HaveKeyWithValue(AnnotationGuardrails, "no-privileged image-pinned"))
}

// A namespace joins: it is listed where all are, and not where few are.
func TestNamesStayWhenANamespaceJoins(t *testing.T) {
	rules := func(members ...string) []Placed {
		return slices.Concat(
			enforced(members, catalogued(t, "no-privileged")),
			enforced(slices.DeleteFunc(slices.Clone(members), func(n string) bool { return n == "laggard" }), catalogued(t, "image-pinned")),
			enforced([]string{"first"}, catalogued(t, "replicas")),
		)
	}
	render := func(members ...string) []string {
		env := testEnvironment()
		env.Namespaces = members
		return policyNames(Render(env, rules(members...)))
	}
	w := NewWithT(t)
	before := render("a", "first", "laggard")
	w.Expect(before).To(HaveLen(6))
	w.Expect(render("a", "b", "first", "laggard")).To(Equal(before))
	w.Expect(render("a", "first", "laggard", "z")).To(Equal(before))
}

func TestMoreNamespacesThanOneExpressionListsAreDivided(t *testing.T) {
	w := NewWithT(t)
	env := testEnvironment()
	env.Namespaces = numbered(maxListed + 1)
	partial := compiled(t, guardrailNamed("partial", findingsSpec("object.spec.absent == 1 ? [{'key': 'a', 'text': 'b'}] : []")))
	objects := Render(env, enforced(env.Namespaces, catalogued(t, "replicas"), partial))
	w.Expect(policyNames(objects)).To(Equal([]string{
		"rampart-production-enforce", "rampart-production-enforce-partial",
		"rampart-production-enforce.2", "rampart-production-enforce-partial.2", "rampart-production-warn.rest", "rampart-production-warn.rest.2"}))
	w.Expect(objects.Probes[0].Namespaces).To(HaveLen(maxListed))
	w.Expect(objects.Probes[2].Namespaces).To(Equal([]string{"namespace-01000"}))
	w.Expect(selectorOf(objects.ValidatingPolicies[2])).To(Equal("kubernetes.io/metadata.name in (namespace-01000)"))
	rest := objects.ValidatingPolicies[4]
	w.Expect(conditionsOf(rest)).To(ContainSubstring("namespace-00999"))
	w.Expect(conditionsOf(rest)).To(ContainSubstring(`!(request.?namespace.orValue('') in ["namespace-01000"])`))
}

func TestAPolicyForOneRuleIsNeverNamedAsAnother(t *testing.T) {
	w := NewWithT(t)
	var rules []Placed
	for _, name := range []string{"2", "in", "rest", "partial"} {
		rules = append(rules, enforced(inProduction, compiled(t, guardrailNamed(name, findingsSpec("object.spec.absent == 1 ? [{'key': 'a', 'text': 'b'}] : []"))))...)
	}
	rules = append(rules, enforced([]string{"shop-a"}, catalogued(t, "replicas"))...)
	rules = append(rules, enforced(inProduction, catalogued(t, "image-pinned"))...)
	all := policyNames(Render(testEnvironment(), rules))
	w.Expect(slices.Compact(slices.Sorted(slices.Values(all)))).To(HaveLen(len(all)))
}
