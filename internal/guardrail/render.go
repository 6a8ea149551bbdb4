// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// Objects are the native policies of an environment, each with its kind set, named and
// ordered the same way each time.
type Objects struct {
	ValidatingPolicies []*admissionv1.ValidatingAdmissionPolicy
	ValidatingBindings []*admissionv1.ValidatingAdmissionPolicyBinding
	// Probes are how each of the validating policies can be seen live, in their order.
	Probes []Probe
	// The mutating ones exist in Kubernetes 1.36 and later.
	MutatingPolicies []*admissionv1.MutatingAdmissionPolicy
	MutatingBindings []*admissionv1.MutatingAdmissionPolicyBinding
}

// Render says which native policies stand for the rules of an environment. A rule at
// Observe has none: it is not in the path of a request. Rules at Warn share policies that
// cannot refuse, and rules at Enforce share one that refuses, so far as they are total; see
// Program.Partial. Where a rule at Enforce is not enforced yet, it warns. Whatever an
// earlier rendering had and this one has not must be deleted.
func Render(env Environment, rules []Placed) Objects {
	var objects Objects
	for _, matter := range matters(rules) {
		objects.addMatter(env, matter)
	}
	if env.Defaults == v1alpha1.DefaultsApply {
		objects.addDefaults(env, rules)
	}
	return objects
}

// addMatter adds the policies of the rules about one matter.
func (o *Objects) addMatter(env Environment, m matter) {
	o.addWarnings(env, m, where{}, m.warning(env), "")
	for _, g := range groupsOf(env, m.rules) {
		o.addGroup(env, m, g)
	}
}

// addGroup adds the policies of rules that are enforced in the same namespaces: those that
// refuse there, and those that warn everywhere else.
func (o *Objects) addGroup(env Environment, m matter, g group) {
	whole, single := splitByTotality(g.rules)
	made := 0
	for i, namespaces := range slices.Collect(slices.Chunk(g.namespaces, maxListed)) {
		here := where{in: namespaces}
		for _, pack := range packs(whole) {
			o.addEnforce(env, m, here, policyName(env, "enforce", m.label, g.label("in"), part(made)), pack, admissionv1.Fail)
			made++
		}
		for _, rule := range single {
			// Fail would refuse every object that the rule was not written for.
			name := policyName(env, "enforce-"+rule.Program.name, part(i))
			o.addEnforce(env, m, here, name, []Placed{rule}, admissionv1.Ignore)
		}
	}
	o.addWarnings(env, m, where{notIn: g.namespaces}, g.rules, cmp.Or(g.label("rest"), "rest"))
}

// addWarnings adds the policies that warn of what the rules find somewhere.
func (o *Objects) addWarnings(env Environment, m matter, stands where, rules []Placed, label string) {
	together, single := apart(rules)
	for i, pack := range packs(together) {
		o.addWarn(env, m, stands, policyName(env, "warn", m.label, label, part(i)), pack)
	}
	for _, rule := range single {
		o.addWarn(env, m, stands, policyName(env, "warn-"+rule.Program.name, label), []Placed{rule})
	}
}

// sorted puts the gravest rules first, so that a message that has to be cut keeps what
// matters most.
func sorted(rules []Placed) []Placed {
	slices.SortFunc(rules, func(a, b Placed) int {
		return cmp.Or(cmp.Compare(b.Program.spec.Severity.Gravity(), a.Program.spec.Severity.Gravity()), cmp.Compare(a.Program.name, b.Program.name))
	})
	return rules
}

func splitByTotality(rules []Placed) (whole, single []Placed) {
	for _, rule := range rules {
		if rule.Program.partial == "" {
			whole = append(whole, rule)
		} else {
			single = append(single, rule)
		}
	}
	return whole, single
}

// policyName names a policy by its environment, its purpose, and what tells it apart from
// others of the same purpose: after a dot, which never follows the purpose in the name of
// a policy for a single rule.
func policyName(env Environment, purpose string, apart ...string) string {
	name := fmt.Sprintf("rampart-%s-%s", env.Name, purpose)
	for _, label := range apart {
		if label != "" {
			name += "." + label
		}
	}
	return name
}

func metadata(env Environment, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name,
		Labels: map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.ManagedBy,
			LabelEnvironment:        env.Name,
		},
	}
}

// addValidating adds a policy with the binding, of the same name, that puts it in force in
// the environment, and the probe that shows it.
func (o *Objects) addValidating(env Environment, stands where, policy *admissionv1.ValidatingAdmissionPolicy, action admissionv1.ValidationAction) {
	o.Probes = append(o.Probes, addProbe(policy, stands.of(env.Namespaces)))
	o.ValidatingPolicies = append(o.ValidatingPolicies, policy)
	o.ValidatingBindings = append(o.ValidatingBindings, &admissionv1.ValidatingAdmissionPolicyBinding{
		TypeMeta:   admission.TypeMeta("ValidatingAdmissionPolicyBinding"),
		ObjectMeta: metadata(env, policy.Name),
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        policy.Name,
			ValidationActions: []admissionv1.ValidationAction{action},
			MatchResources:    inEnvironment(env),
		},
	})
}

// holding is the metadata of a policy with the names of the rules in it.
func holding(env Environment, name string, rules []Placed) metav1.ObjectMeta {
	meta := metadata(env, name)
	meta.Annotations = map[string]string{AnnotationGuardrails: strings.Join(names(rules), " ")}
	return meta
}

func names(rules []Placed) []string {
	all := make([]string, 0, len(rules))
	for _, rule := range rules {
		all = append(all, rule.Program.name)
	}
	return all
}

func policyVariables(all ...[]variable) []admissionv1.Variable {
	var out []admissionv1.Variable
	for _, variables := range all {
		for _, v := range variables {
			out = append(out, admissionv1.Variable{Name: v.name, Expression: v.expression})
		}
	}
	return out
}

// celText is cutText in CEL, of an expression that is a finding.
func celText(finding string) string {
	return fmt.Sprintf(`(%[1]s.text.size() > %[2]d ? %[1]s.text.substring(0, %[2]d) : %[1]s.text).replace('\n', ' ')`, finding, maxText)
}
