// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func surroundedSpec(findings string, surroundings ...v1alpha1.Surrounding) v1alpha1.GuardrailSpec {
	spec := findingsSpec(findings)
	spec.Surroundings = surroundings
	return spec
}

func TestARuleReadsTheSurroundingsThatItDeclares(t *testing.T) {
	for name, c := range map[string]struct {
		spec         v1alpha1.GuardrailSpec
		surroundings Surroundings
		keys         []string
	}{
		"references": {
			surroundedSpec("variables.missing.map(m, {'key': m.kind + '/' + m.name + '/' + m.key, 'text': string(m.from)})", v1alpha1.SurroundingReferences),
			Surroundings{Missing: []MissingReference{{Kind: "ConfigMap", Name: "a", Key: "k", From: "container x"}, {Kind: "ServiceAccount", Name: "b"}}},
			[]string{"ConfigMap/a/k", "ServiceAccount/b/"},
		},
		"disruption budgets": {
			surroundedSpec("variables.disruptionBudgets.filter(b, b.?maxUnavailable.orValue(1) == 0 || b.?minAvailable.orValue('') == '100%')."+
				"map(b, {'key': string(b.name) + string(b.disruptionsAllowed), 'text': 'x'})", v1alpha1.SurroundingDisruptionBudgets),
			Surroundings{DisruptionBudgets: []DisruptionBudget{
				{Name: "a", MaxUnavailable: ptr.To(intstr.FromInt32(0)), DisruptionsAllowed: 2},
				{Name: "b", MinAvailable: ptr.To(intstr.FromString("100%"))}, {Name: "c", MatchesAll: true},
			}},
			[]string{"a2", "b0"},
		},
		"services": {
			surroundedSpec("variables.services.map(s, {'key': s.name + string(s.?ports.orValue([]).size()) + string(s.?ports.orValue([]).exists(p, p.targetPort == 8080)), 'text': 'x'})", v1alpha1.SurroundingServices),
			Surroundings{Services: []Service{{Name: "a", Ports: []ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}}, {Name: "b"}}},
			[]string{"a1true", "b0false"},
		},
		"claimed hosts": {
			surroundedSpec("variables.claimedHosts.map(h, {'key': string(h.host), 'text': h.namespace + '/' + h.name})", v1alpha1.SurroundingIngressHosts),
			Surroundings{ClaimedHosts: []ClaimedHost{{Host: "example.com", Namespace: "a", Name: "b"}}},
			[]string{"example.com"},
		},
		"none of them": {
			surroundedSpec("variables.missing.map(m, {'key': 'a', 'text': string(m.from)})", v1alpha1.SurroundingReferences),
			Surroundings{Missing: []MissingReference{}}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			p := mustCompile(t, c.spec)
			w.Expect(p.BackgroundOnly()).To(BeTrue())
			verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x"), Surroundings: &c.surroundings})
			w.Expect(err).NotTo(HaveOccurred())
			var keys []string
			for _, f := range verdict.Findings {
				keys = append(keys, f.Key)
			}
			w.Expect(keys).To(Equal(c.keys))
		})
	}
}

func TestSurroundingsThatNobodyLookedForAreUnknownAndNeverClean(t *testing.T) {
	p := mustCompile(t, surroundedSpec("variables.missing.map(m, {'key': 'a', 'text': 'b'})", v1alpha1.SurroundingReferences))
	for name, s := range map[string]*Surroundings{
		"nothing was looked for":        nil,
		"something else was looked for": {Services: []Service{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x"), Surroundings: s})
			w.Expect(err).To(MatchError(ContainSubstring("its surroundings are not known: References")))
			w.Expect(verdict.Outcome).To(Equal(OutcomeUnknown))
		})
	}
}

func TestSurroundingsAreCertainWhereTheyAreDeclared(t *testing.T) {
	for name, c := range map[string]struct {
		spec  v1alpha1.GuardrailSpec
		doubt string
	}{
		"their fields":                           {surroundedSpec("variables.missing.map(m, {'key': m.kind + m.name, 'text': m.key + m.from})", v1alpha1.SurroundingReferences), ""},
		"but not what a budget leaves out":       {surroundedSpec("variables.disruptionBudgets.filter(b, b.maxUnavailable == 0).map(b, {'key': string(b.name), 'text': ''})", v1alpha1.SurroundingDisruptionBudgets), "maxUnavailable may be absent"},
		"what only containers have, no port has": {surroundedSpec("variables.services.map(s, {'key': string(s.?ports.orValue([]).exists(p, p.containerPort == 1)), 'text': ''})", v1alpha1.SurroundingServices), "containerPort may be absent"},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			p := mustCompile(t, c.spec)
			if c.doubt == "" {
				w.Expect(p.Partial()).To(BeEmpty())
			} else {
				w.Expect(p.Partial()).To(ContainSubstring(c.doubt))
			}
		})
	}
}

func TestSurroundingsThatAreNotDeclaredHaveTheirPosition(t *testing.T) {
	withDefault := surroundedSpec("[]", v1alpha1.SurroundingServices)
	withDefault.Default = "variables.services.size() == 0 ? Object{} : Object{}"
	for name, c := range map[string]struct {
		spec v1alpha1.GuardrailSpec
		says string
	}{
		"a rule without any": {findingsSpec("[] +\n variables.missing.map(m, {'key': 'a', 'text': 'b'})"),
			"findings, line 2, column 2: variables.missing is not declared: add surroundings: [References]"},
		"a rule with others": {surroundedSpec("variables.services.size() == 0 ? [] : variables.claimedHosts", v1alpha1.SurroundingServices),
			"findings, line 1, column 39: variables.claimedHosts is not declared: add surroundings: [IngressHosts]"},
		"a default, which admission applies": {withDefault, "default, line 1, column 1: variables.services is not known to admission"},
		"by the name that the library has for them": {surroundedSpec("params.services.size() == 0 ? [] : []", v1alpha1.SurroundingServices),
			"undeclared reference to 'params'"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newTestCompiler(t).Compile("rule", c.spec)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.says)))
		})
	}
	NewWithT(t).Expect(mustCompile(t, findingsSpec("[]")).BackgroundOnly()).To(BeFalse())
}

func TestARuleIsTriedInManySurroundings(t *testing.T) {
	w := NewWithT(t)
	p := mustCompile(t, surroundedSpec("variables.missing.filter(m, m.kind > 3).map(m, {'key': 'a', 'text': 'b'})", v1alpha1.SurroundingReferences))
	w.Expect(p.Partial()).To(ContainSubstring("it fails on"))
	_, err := newTestCompiler(t).Compile("rule", surroundedSpec(
		"variables.claimedHosts.filter(a, variables.claimedHosts.exists(b, variables.claimedHosts.exists(c, a.host + b.host == c.host))).map(m, {'key': 'a', 'text': 'b'})", v1alpha1.SurroundingIngressHosts))
	w.Expect(Reason(err)).To(Equal(v1alpha1.ReasonTooExpensive))
}
