// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"cmp"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// matter is what a policy judges, with the rules about it: workloads, or the same other
// resources. Rules about different matters share no policy, because each would be
// evaluated for the other's requests.
type matter struct {
	// label tells it apart in names; empty for workloads.
	label string
	// resources are sorted; none for workloads.
	resources []v1alpha1.ResourceRule
	rules     []Placed
}

// matters sorts the rules that admission can judge by what they are about: workloads
// first, then the others by their names.
func matters(rules []Placed) []matter {
	byLabel := map[string]*matter{}
	for _, rule := range rules {
		if rule.Program.BackgroundOnly() {
			continue // Admission cannot read what it needs.
		}
		resources := resourcesOf(rule.Program)
		label := labelOf(resources)
		if byLabel[label] == nil {
			byLabel[label] = &matter{label: label, resources: resources}
		}
		byLabel[label].rules = append(byLabel[label].rules, rule)
	}
	all := make([]matter, 0, len(byLabel))
	for _, m := range byLabel {
		sorted(m.rules)
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b matter) int { return cmp.Compare(a.label, b.label) })
	return all
}

func resourcesOf(p *Program) []v1alpha1.ResourceRule {
	resources := slices.Clone(p.Resources())
	slices.SortFunc(resources, func(a, b v1alpha1.ResourceRule) int { return cmp.Compare(written(a), written(b)) })
	return slices.Compact(resources)
}

// labelOf names resources by the first of them, and by a digest of them all.
func labelOf(resources []v1alpha1.ResourceRule) string {
	if len(resources) == 0 {
		return ""
	}
	var all []string
	for _, r := range resources {
		all = append(all, written(r))
	}
	return resources[0].Resource + "-" + shortDigest(all...)
}

func written(r v1alpha1.ResourceRule) string {
	return strings.Join([]string{r.Group, r.Version, r.Resource, r.Kind}, "/")
}

// warning are the rules that warn everywhere: those at Warn, and those that no namespace
// enforces.
func (m matter) warning(env Environment) []Placed {
	var rules []Placed
	for _, rule := range m.rules {
		if rule.Level == v1alpha1.Warn || rule.Level == v1alpha1.Enforce && len(env.enforcing(rule)) == 0 {
			rules = append(rules, rule)
		}
	}
	return rules
}

// constraints are the requests that the matter is in: all that makes or changes such an object.
func (m matter) constraints() []admissionv1.NamedRuleWithOperations {
	if len(m.resources) == 0 {
		return slices.Clone(everyWayToPods)
	}
	rules := make([]admissionv1.NamedRuleWithOperations, 0, len(m.resources))
	for _, r := range m.resources {
		rule := admission.Writes(r.Group, r.Resource)
		rule.APIVersions = []string{r.Version}
		if isNamespaces(r) {
			rule.Scope = ptr.To(admissionv1.ClusterScope)
		}
		rules = append(rules, rule)
	}
	return rules
}

// unchecked are the same requests for a policy that warns, in a form that spares the
// cluster a check. The controller manager compiles a policy anew for each validation and
// each kind that it names by version, which for 100 rules takes minutes of CPU, to say
// what the operator's compiler has said already. Each workload kind has one version only,
// so that nothing needs to be converted; another resource may have more.
func (m matter) unchecked() []admissionv1.NamedRuleWithOperations {
	rules := m.constraints()
	if len(m.resources) == 0 {
		for i := range rules {
			rules[i].APIVersions = anyVersion
		}
	}
	return rules
}

func isNamespaces(r v1alpha1.ResourceRule) bool { return r.Group == "" && r.Resource == "namespaces" }

// namespace is CEL for the name of the namespace that a request is about. A Namespace is
// judged as a part of itself, and a request that makes one is in none yet.
func (m matter) namespace() string {
	const in = "request.?namespace.orValue('')"
	if !slices.ContainsFunc(m.resources, isNamespaces) {
		return in
	}
	return "(request.resource.resource == 'namespaces' ? request.?name.orValue('') : " + in + ")"
}

// conditions leave out who is not judged, and where the policy does not stand.
func (m matter) conditions(env Environment, w where) []admissionv1.MatchCondition {
	judged := []admissionv1.MatchCondition{admission.NotBuiltInStep(), admission.HoldsPodTemplate()}
	if len(m.resources) != 0 {
		judged = []admissionv1.MatchCondition{admission.NotBuiltInUpkeep()}
	}
	return slices.Concat(judged, notTheOperator(env), w.conditions(m.namespace()))
}

func (m matter) variables() []variable {
	if len(m.resources) != 0 {
		return nil
	}
	return prelude()
}

func (m matter) variablesBefore() []variable {
	if len(m.resources) != 0 {
		return nil
	}
	return preludeBefore()
}
