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
	// The mutating ones exist in Kubernetes 1.36 and later.
	MutatingPolicies []*admissionv1.MutatingAdmissionPolicy
	MutatingBindings []*admissionv1.MutatingAdmissionPolicyBinding
}

// Render says which native policies stand for the rules of an environment. A rule at
// Observe has none: it is not in the path of a request. Rules at Warn share policies that
// cannot refuse, and rules at Enforce share one that refuses, so far as they are total; see
// Program.Partial. Whatever an earlier rendering had and this one has not must be deleted.
func Render(env Environment, rules []Placed) Objects {
	var objects Objects
	for i, pack := range packs(atLevel(rules, v1alpha1.Warn)) {
		objects.addValidating(env, warnPolicy(env, numbered(env, "warn", i), pack), admissionv1.Warn)
	}
	whole, single := splitByTotality(atLevel(rules, v1alpha1.Enforce))
	for i, pack := range packs(whole) {
		objects.addValidating(env, enforcePolicy(env, numbered(env, "enforce", i), pack, admissionv1.Fail), admissionv1.Deny)
	}
	for _, rule := range single {
		// Fail would refuse every object that the rule was not written for.
		name := policyName(env, "enforce") + "-" + rule.name
		objects.addValidating(env, enforcePolicy(env, name, []*Program{rule}, admissionv1.Ignore), admissionv1.Deny)
	}
	if env.Defaults == v1alpha1.DefaultsApply {
		objects.addDefaults(env, rules)
	}
	return objects
}

// atLevel are the programs placed at a level, the gravest first, so that a message that
// has to be cut keeps what matters most.
func atLevel(rules []Placed, level v1alpha1.Level) []*Program {
	var programs []*Program
	for _, rule := range rules {
		if rule.Level == level {
			programs = append(programs, rule.Program)
		}
	}
	slices.SortFunc(programs, func(a, b *Program) int {
		return cmp.Or(cmp.Compare(gravity(b.spec.Severity), gravity(a.spec.Severity)), cmp.Compare(a.name, b.name))
	})
	return programs
}

func gravity(s v1alpha1.Severity) int {
	return slices.Index([]v1alpha1.Severity{v1alpha1.Low, v1alpha1.Medium, v1alpha1.High, v1alpha1.Critical}, s)
}

func splitByTotality(programs []*Program) (whole, single []*Program) {
	for _, p := range programs {
		if p.partial == "" {
			whole = append(whole, p)
		} else {
			single = append(single, p)
		}
	}
	return whole, single
}

func policyName(env Environment, purpose string) string {
	return fmt.Sprintf("rampart-%s-%s", env.Name, purpose)
}

// numbered names the parts of a pack that had to be split; the first keeps the plain name.
func numbered(env Environment, purpose string, part int) string {
	if part == 0 {
		return policyName(env, purpose)
	}
	return fmt.Sprintf("%s-%d", policyName(env, purpose), part+1)
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

// addValidating adds a policy and the binding, of the same name, that puts it in force.
func (o *Objects) addValidating(env Environment, policy *admissionv1.ValidatingAdmissionPolicy, action admissionv1.ValidationAction) {
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

func policyVariables(all ...[]variable) []admissionv1.Variable {
	var out []admissionv1.Variable
	for _, variables := range all {
		for _, v := range variables {
			out = append(out, admissionv1.Variable{Name: v.name, Expression: v.expression})
		}
	}
	return out
}

// findingsNames gives each program of a policy a variable name: the name of the guardrail
// as far as CEL allows. A prefix keeps it apart from reserved words.
func findingsNames(programs []*Program) []string {
	names := make([]string, 0, len(programs))
	for _, p := range programs {
		name := "of_" + strings.NewReplacer("-", "_", ".", "_").Replace(p.name)
		for slices.Contains(names, name) {
			name += "_"
		}
		names = append(names, name)
	}
	return names
}

// celText is cutText in CEL, of an expression that is a finding.
func celText(finding string) string {
	return fmt.Sprintf(`(%[1]s.text.size() > %[2]d ? %[1]s.text.substring(0, %[2]d) : %[1]s.text).replace('\n', ' ')`, finding, maxText)
}
