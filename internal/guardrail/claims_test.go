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
		{"a literal finding is a claim without a condition", "[{'key': 'a', 'text': 'b'}]", "true"},
		{"a filter is asked for as it is", "variables.containers.filter(c, c.ready)", "(containers).filter(c, c.ready) != []"},
		{"what is said of an element is not asked for", "variables.containers.filter(c, c.ready).map(c, {'key': string(c.name), 'text': 'x'})",
			"(containers).filter(c, c.ready) != []"},
		{"a map with a condition is a filter", "variables.containers.map(c, c.ready, {'key': string(c.name), 'text': 'x'})",
			"(containers).filter(c, c.ready) != []"},
		{"a text is looked for in a set", "variables.containers.filter(c, c.name == 'a')", `(containers).filter(c, c.name in ["a"]) != []`},
		{"two loops over one list become one", "variables.containers.filter(c, c.a) + variables.containers.filter(c, c.b)",
			"(containers).filter(c, (c.a) ||\n(c.b)) != []"},
		{"loops over different lists stay apart", "variables.containers.filter(c, c.a) + variables.podSpec.volumes.filter(c, c.b)",
			"((containers).filter(c, c.a) != []) ||\n((podSpec.volumes).filter(c, c.b) != [])"},
		{"loops that name their elements differently stay apart", "variables.containers.filter(c, c.a) + variables.containers.filter(d, d.b)",
			"((containers).filter(c, c.a) != []) ||\n((containers).filter(d, d.b) != [])"},
		{"what a loop is given is asked last, of an element that is bad otherwise", "object.a ? [] : variables.containers.filter(c, c.a)",
			"(containers).filter(c, (c.a) && (((object.a) ? false : true))) != []"},
		{"what is given is asked first where the list depends on it", "has(object.a) ? object.a.filter(c, c.a) : []",
			"(has(object.a)) && ((object.a).filter(c, c.a) != [])"},
		{"what is given is asked first where it is a loop itself", "variables.containers.exists(c, c.a) ? [] : variables.containers.filter(c, c.b)",
			"((containers.exists(c, c.a)) ? false : (containers).filter(c, c.b) != [])"},
		{"what is asked anyway is not asked again for less", "(object.a ? [] : variables.containers.filter(c, c.a)) + variables.containers.filter(c, c.a)",
			"(containers).filter(c, c.a) != []"},
		{"both branches have claims", "object.a ? variables.containers : variables.podSpec.volumes",
			"((object.a) && ((containers).size() > 0)) ||\n(((object.a) ? false : (podSpec.volumes).size() > 0))"},
		{"what claims ask first is asked once", "object.a ? variables.containers + variables.podSpec.volumes : []",
			"(object.a) && (((containers).size() > 0) ||\n((podSpec.volumes).size() > 0))"},
		{"a loop over the result of another keeps it", "variables.containers.filter(c, c.a).filter(d, d.b)",
			"(containers.filter(c, c.a)).filter(d, d.b) != []"},
		{"negations are gathered", "variables.containers.filter(c, !c.a && c.name != 'b')",
			"(containers).filter(c, ((c.a || c.name in [\"b\"]) ?\n(false) : true)) != []"},
		{"a negation guards what comes after it", "variables.containers.filter(c, !c.a && c.b || (!c.c || c.d))",
			"(containers).filter(c, (c.a ? false : c.b) || (c.c ? c.d : true)) != []"},
		{"claims that are negations are one question", "(object.a ? [] : variables.containers.filter(c, !c.a)) + variables.containers.filter(c, !c.b) + variables.containers.filter(c, c.c)",
			"(containers).filter(c, ((((c.a) || (object.a)) &&\n(c.b)) ?\n(c.c) : true)) != []"},
		{"what is unknown is asked for its size", "variables.containers.map(c, c.ports).flatten()", "(containers.map(c, c.ports).flatten()).size() > 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWithT(t)
			parsed, issues := compiler.parse.Parse(tt.source)
			w.Expect(issues.Err()).NotTo(HaveOccurred())
			claims, err := claimsOf(parsed.NativeRep(), false)
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(anyOf(claims)).To(Equal(tt.want))
		})
	}
}

func TestClaimsOfARuleTakenAtItsWord(t *testing.T) {
	compiler := newTestCompiler(t)
	for _, tt := range []struct{ name, source, want string }{
		{"where all elements are well nothing is found", "variables.containers.all(c, c.a) ? [] : variables.containers.map(c, c.b).flatten()",
			"(containers).filter(c, ((c.a) ?\n(false) : true)) != []"},
		{"its loop is one with the others", "(object.a ? [] : variables.containers.all(c, !c.a) ? [] : [{'key': 'a', 'text': 'b'}]) + variables.containers.filter(c, c.b)",
			"(containers).filter(c, ((c.a) && (((object.a) ? false : true))) ||\n(c.b)) != []"},
		{"what is found where all are well is asked for as ever", "variables.containers.all(c, c.a) ? [{'key': 'a', 'text': 'b'}] : []", "containers.all(c, c.a)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWithT(t)
			parsed, issues := compiler.parse.Parse(tt.source)
			w.Expect(issues.Err()).NotTo(HaveOccurred())
			claims, err := claimsOf(parsed.NativeRep(), true)
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(anyOf(claims)).To(Equal(tt.want))
		})
	}
}

func TestARuleTakenAtItsWordMustKeepIt(t *testing.T) {
	w := NewWithT(t)
	// Not all containers have a name of one letter, and yet it finds nothing.
	p := mustCompile(t, findingsSpec("variables.containers.all(c, c.name == 'a') ? [] : variables.containers.filter(c, c.name == 'b')"))
	w.Expect(anyOf(p.claims)).To(ContainSubstring(`"b"`))
}

func TestARuleThatUsesTheNameOfAVariableHasNoClaims(t *testing.T) {
	w := NewWithT(t)
	w.Expect(mustCompile(t, findingsSpec("variables.podSpec.?volumes.orValue([]).filter(podSpec, podSpec.name == 'a')")).claims).To(BeNil())
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
		asked.condition = compiler.cel.CompileCondition([]plugincel.ExpressionAccessor{anything(questionOf(p.claims, len(p.spec.Resources) == 0) + " ? [{'key': 'a', 'text': 'b'}] : []")},
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
