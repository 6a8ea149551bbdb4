// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"math/rand/v2"
	"testing"

	. "github.com/onsi/gomega"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

func TestClaimsOf(t *testing.T) {
	compiler := newTestCompiler(t)
	for _, tt := range []struct{ name, source, want string }{
		{"nothing is found without a claim", "[]", "false"},
		{"a literal finding is a claim without a condition", "[{'key': 'a', 'text': 'b'}]", "(true)"},
		{"a filter is asked for as it is", "variables.containers.filter(c, c.name == 'a')", `(variables.containers).filter(c, (c.name == "a")) != []`},
		{"what is said of an element is not asked for", "variables.containers.filter(c, c.name == 'a').map(c, {'key': string(c.name), 'text': 'x'})",
			`(variables.containers).filter(c, (c.name == "a")) != []`},
		{"a map with a condition is a filter", "variables.containers.map(c, c.name == 'a', {'key': string(c.name), 'text': 'x'})",
			`(variables.containers).filter(c, (c.name == "a")) != []`},
		{"two loops over one list become one", "variables.containers.filter(c, c.name == 'a') + variables.containers.filter(c, c.name == 'b')",
			`(variables.containers).filter(c, (c.name == "a") || (c.name == "b")) != []`},
		{"loops over different lists stay apart", "variables.containers.filter(c, c.name == 'a') + variables.podSpec.volumes.filter(c, c.name == 'b')",
			"(variables.containers).filter(c, (c.name == \"a\")) != [] ||\n(variables.podSpec.volumes).filter(c, (c.name == \"b\")) != []"},
		{"loops that name their elements differently stay apart", "variables.containers.filter(c, c.name == 'a') + variables.containers.filter(d, d.name == 'b')",
			"(variables.containers).filter(c, (c.name == \"a\")) != [] ||\n(variables.containers).filter(d, (d.name == \"b\")) != []"},
		{"a condition guards its claims", "object.kind == 'Pod' ? [] : variables.containers.filter(c, c.name == 'a')",
			`((object.kind == "Pod") ? false : ((variables.containers).filter(c, (c.name == "a")) != []))`},
		{"both branches have claims", "object.kind == 'Pod' ? variables.containers : variables.podSpec.volumes",
			"(object.kind == \"Pod\") && (((variables.containers).size() > 0)) ||\n((object.kind == \"Pod\") ? false : (((variables.podSpec.volumes).size() > 0)))"},
		{"a loop over the result of another keeps it", "variables.containers.filter(c, c.name != 'a').filter(d, d.image == 'b')",
			`(variables.containers.filter(c, c.name != "a")).filter(d, (d.image == "b")) != []`},
		{"a negation is a choice", "variables.containers.filter(c, !(c.name in ['a']) && !has(c.image))",
			`(variables.containers).filter(c, (((c.name in ["a"]) ? false : true) && (has(c.image) ? false : true))) != []`},
		{"what is unknown is asked for its size", "variables.containers.map(c, c.ports).flatten()", "((variables.containers.map(c, c.ports).flatten()).size() > 0)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWithT(t)
			parsed, issues := compiler.parse.Parse(tt.source)
			w.Expect(issues.Err()).NotTo(HaveOccurred())
			claims, err := claimsOf(parsed.NativeRep())
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(anyOf(claims)).To(Equal(tt.want))
		})
	}
}

func TestARuleWhoseClaimsAMatchConditionCannotAskForHasNone(t *testing.T) {
	for name, source := range map[string]string{
		"it may fail":               "object.spec.replicas == 1 ? [{'key': 'a', 'text': 'b'}] : []",
		"it reads the namespace":    "namespaceObject.metadata.name == 'a' ? [{'key': 'a', 'text': 'b'}] : []",
		"panels do not evaluate it": "request.operation == 'UPDATE' ? [{'key': 'a', 'text': 'b'}] : []",
	} {
		NewWithT(t).Expect(mustCompile(t, findingsSpec(source)).claims).To(BeNil(), name)
	}
	NewWithT(t).Expect(mustCompile(t, findingsSpec("[]")).claims).NotTo(BeNil())
}

// What a policy matches is what its rules find something in: no more, which would cost
// time, and above all no less.
func TestClaimsHoldExactlyWhereARuleFindsSomething(t *testing.T) {
	t.Parallel()
	w := NewWithT(t)
	compiler := newTestCompiler(t)
	random := rand.New(rand.NewPCG(29, 31))
	var inputs []Input
	for range 250 {
		inputs = append(inputs, generatedInput(random))
	}
	for _, p := range catalogueOfPrograms(t) {
		if p.BackgroundOnly() || p.partial != "" {
			continue
		}
		w.Expect(p.claims).NotTo(BeNil(), p.name)
		// As the API server evaluates it.
		asked := *p
		asked.condition = compiler.cel.CompileCondition([]plugincel.ExpressionAccessor{anything(anyOf(p.claims) + " ? [{'key': 'a', 'text': 'b'}] : []")},
			plugincel.OptionalVariableDeclarations{}, environment.StoredExpressions)
		w.Expect(asked.condition.CompilationErrors()).To(BeEmpty(), p.name)
		for _, e := range examples(t, p.name) {
			inputs = append(inputs, Input{Object: e.object})
		}
		for i, in := range inputs {
			after, err := p.subject(in.Object)
			if err != nil {
				continue // An example of another rule, about something else.
			}
			found, _, err := p.run(t.Context(), after, nil, nil, nil)
			w.Expect(err).NotTo(HaveOccurred())
			holds, _, err := asked.run(t.Context(), after, nil, nil, nil)
			w.Expect(err).NotTo(HaveOccurred())
			if len(found) == 0 {
				w.Expect(holds).To(BeEmpty(), "%s on object %d", p.name, i)
			} else {
				w.Expect(holds).NotTo(BeEmpty(), "%s on object %d", p.name, i)
			}
		}
	}
}
