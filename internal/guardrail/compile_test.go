// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func findingsSpec(expression string, kinds ...v1alpha1.WorkloadKind) v1alpha1.GuardrailSpec {
	return v1alpha1.GuardrailSpec{Title: "A rule", Category: "Resources", Kinds: kinds, Findings: expression}
}

func validationsSpec(validations ...v1alpha1.Validation) v1alpha1.GuardrailSpec {
	return v1alpha1.GuardrailSpec{Title: "A rule", Category: "Resources", Validations: validations}
}

func mustCompile(t testing.TB, spec v1alpha1.GuardrailSpec) *Program {
	t.Helper()
	return compiled(t, guardrailNamed("rule", spec))
}

func guardrailNamed(name string, spec v1alpha1.GuardrailSpec) v1alpha1.Guardrail {
	var g v1alpha1.Guardrail
	g.Name, g.Spec = name, spec
	return g
}

func TestCompileRefusesAndSaysWhere(t *testing.T) {
	for name, c := range map[string]struct {
		spec   v1alpha1.GuardrailSpec
		reason string
		says   []string
	}{
		"a syntax error has its position": {
			findingsSpec("[].filter(f,\n  f.key ==)"), v1alpha1.ReasonInvalidExpression,
			[]string{"findings, line 2, column 11", "Syntax error"},
		},
		"an unknown variable is named": {
			findingsSpec("variables.nodes.map(n, {'key': 'a', 'text': 'b'})"), v1alpha1.ReasonInvalidExpression,
			[]string{"findings, line 1, column 10", "undefined field 'nodes'"},
		},
		"the authorizer exists only within a request": {
			findingsSpec("authorizer.path('/').check('get').allowed() ? [] : []"), v1alpha1.ReasonInvalidExpression,
			[]string{"undeclared reference to 'authorizer'"},
		},
		"findings must be a list": {
			findingsSpec("object.kind == 'Pod'"), v1alpha1.ReasonInvalidExpression,
			[]string{"findings: returns bool", "'key'"},
		},
		"findings must be a list of objects": {
			findingsSpec("['a finding']"), v1alpha1.ReasonInvalidExpression,
			[]string{"returns list(string)"},
		},
		"mixed types are explained": {
			findingsSpec("variables.containers.map(c, {'key': c.name, 'text': 'x'})"), v1alpha1.ReasonInvalidExpression,
			[]string{"column 53", "string()"},
		},
		"a validation must be true or false": {
			validationsSpec(v1alpha1.Validation{Expression: "1", Message: "m"}), v1alpha1.ReasonInvalidExpression,
			[]string{"validations[0].expression: must evaluate to bool"},
		},
		"every error is reported": {
			validationsSpec(
				v1alpha1.Validation{Expression: "objekt.spec == 1", MessageExpression: "1"},
				v1alpha1.Validation{Expression: "true &&", Message: "m"},
			), v1alpha1.ReasonInvalidExpression,
			[]string{"validations[0].expression, line 1", "validations[0].messageExpression", "validations[1].expression, line 1"},
		},
		"a default must be an apply configuration": {
			v1alpha1.GuardrailSpec{Title: "t", Findings: "[]", Default: "[JSONPatch{op: 'remove', path: '/spec'}]"}, v1alpha1.ReasonInvalidExpression,
			[]string{"default: must evaluate to Object"},
		},
		"a rule cubic in the containers is too expensive": {
			findingsSpec("variables.containers.filter(a, variables.containers.exists(b, variables.containers.exists(c, a.name + b.name == c.name))).map(a, {'key': a.name, 'text': a.name})"),
			v1alpha1.ReasonTooExpensive, []string{"findings: on a", "units"},
		},
		"neither form is no rule": {
			v1alpha1.GuardrailSpec{Title: "t"}, v1alpha1.ReasonInvalidExpression, []string{"exactly one of findings and validations"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			p, err := newTestCompiler(t).Compile("rule", c.spec)
			w.Expect(err).To(HaveOccurred())
			w.Expect(p).To(BeNil())
			w.Expect(Reason(err)).To(Equal(c.reason), err.Error())
			for _, part := range c.says {
				w.Expect(err.Error()).To(ContainSubstring(part))
			}
		})
	}
}

func TestCompileTakesOnlyWhatTheServerTakes(t *testing.T) {
	// flatten came with 1.34: a server of 1.34 could still be rolled back to one without it.
	spec := findingsSpec("[[object.kind]].flatten().map(k, {'key': k, 'text': k})")
	w := NewWithT(t)
	old, err := NewCompiler(version.MajorMinor(1, 34))
	w.Expect(err).NotTo(HaveOccurred())
	_, err = old.Compile("rule", spec)
	w.Expect(Reason(err)).To(Equal(v1alpha1.ReasonInvalidExpression))
	_, err = old.CompileFor("rule", spec, Settings{})
	w.Expect(Reason(err)).To(Equal(v1alpha1.ReasonInvalidExpression), "offline too, where a rule is new")

	_, err = newTestCompiler(t).Compile("rule", spec)
	w.Expect(err).NotTo(HaveOccurred())

	accepted, err := old.CompileAccepted("rule", spec, Settings{})
	w.Expect(err).NotTo(HaveOccurred(), "what was accepted by a later version goes on")
	verdict, err := accepted.Evaluate(t.Context(), Input{Object: &appsv1.Deployment{}})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(verdict.Findings).To(HaveLen(1))

	_, err = NewCompiler(version.MajorMinor(1, 30))
	w.Expect(err).To(MatchError(ContainSubstring("too old")))
}

func TestCompileTellsTotalRulesFromOthers(t *testing.T) {
	list := func(condition string) string { return condition + " ? [{'key': 'a', 'text': 'b'}] : []" }
	cpuLimits := func(condition string) string {
		return "variables.containers.filter(c, " + condition + ").map(c, {'key': 'cpu', 'text': 'b'})"
	}
	for name, c := range map[string]struct {
		spec  v1alpha1.GuardrailSpec
		doubt string // empty: total
	}{
		"an optional read is total":                   {findingsSpec(list("object.spec.?replicas.orValue(1) == 1")), ""},
		"a field that every workload has is total":    {findingsSpec(list("object.kind == 'Pod'")), ""},
		"the name of a container is total":            {findingsSpec("variables.containers.map(c, {'key': c.name, 'text': c.name})"), ""},
		"a bare read is not":                          {findingsSpec(list("object.spec.replicas == 1")), "line 1, column 12: replicas may be absent"},
		"has() guards what && follows":                {findingsSpec(list("has(object.spec.replicas) && object.spec.replicas == 1")), ""},
		"has() guards nothing before it":              {findingsSpec(list("object.spec.replicas == 1 && has(object.spec.replicas)")), "replicas may be absent"},
		"has() does not guard what || follows":        {findingsSpec(list("has(object.spec.replicas) || object.spec.replicas == 1")), "replicas may be absent"},
		"!has() guards what || follows":               {findingsSpec(list("!has(object.spec.replicas) || object.spec.replicas == 1")), ""},
		"a condition guards its branch":               {findingsSpec(list("(has(object.spec.replicas) ? object.spec.replicas : 1) == 1")), ""},
		"a condition does not guard the other branch": {findingsSpec(list("(has(object.spec.replicas) ? 1 : object.spec.replicas) == 1")), "replicas may be absent"},
		"has() of a deep field needs its parents":     {findingsSpec(list("has(object.metadata.labels.owner)")), "labels may be absent"},
		"has() level by level is total":               {findingsSpec(list("has(object.metadata.labels) && has(object.metadata.labels.owner) && object.metadata.labels.owner == 'x'")), ""},
		"in guards an index":                          {findingsSpec(list("has(object.metadata.labels) && 'a' in object.metadata.labels && object.metadata.labels['a'] == 'x'")), ""},
		"an index into a list is not total":           {findingsSpec(list("variables.containers[0].name == 'x'")), "index"},
		"has() on one container guards no other":      {findingsSpec(list("variables.containers.all(c, has(c.image)) && variables.containers.all(c, c.image != '')")), "image may be absent"},
		"has() in a filter guards its own predicate":  {findingsSpec("variables.containers.filter(c, has(c.image) && c.image == 'x').map(c, {'key': 'k' + c.name, 'text': 'x'})"), ""},
		"a variable called object is no object":       {findingsSpec("variables.podSpec.?volumes.orValue([]).map(object, {'key': 'v' + object.metadata, 'text': 'x'})"), "metadata may be absent"},
		"optMap is total":                             {findingsSpec(list("object.spec.?replicas.optMap(r, r == 1).orValue(true)")), ""},
		"value() is not":                              {findingsSpec(list("object.spec.?replicas.value() == 1")), "value() fails"},
		"a conversion is not":                         {findingsSpec(list("int(object.metadata.?labels[?'n'].orValue('1')) == 1")), "int() can fail"},
		"isQuantity() guards quantity() of the same":  {findingsSpec(cpuLimits("isQuantity(c.?resources.?limits[?'cpu'].orValue('')) && quantity(c.?resources.?limits[?'cpu'].orValue('')).isGreaterThan(quantity(c.?resources.?limits[?'cpu'].orValue('')))")), ""},
		"isQuantity() guards no other":                {findingsSpec(cpuLimits("isQuantity(c.?resources.?limits[?'cpu'].orValue('')) && quantity(c.?resources.?limits[?'memory'].orValue('')).isLessThan(quantity('1'))")), "quantity() fails"},
		"isQuantity() guards no other default":        {findingsSpec(cpuLimits("isQuantity(c.?resources.?limits[?'cpu'].orValue('1')) && quantity(c.?resources.?limits[?'cpu'].orValue('x')).isLessThan(quantity('1'))")), "quantity() fails"},
		"isQuantity() guards nothing once it is lost": {findingsSpec(cpuLimits("isQuantity(c.?resources.?limits[?'cpu'].orValue('')) && variables.containers.exists(c, quantity(c.?resources.?limits[?'cpu'].orValue('')).isLessThan(quantity('1')))")), "quantity() fails"},
		"quantity() by itself is not":                 {findingsSpec(cpuLimits("quantity(c.?resources.?limits[?'cpu'].orValue('')).isLessThan(quantity('1'))")), "quantity() fails"},
		"quantity() of what is none is not":           {findingsSpec(cpuLimits("quantity('one').isLessThan(quantity('1'))")), "quantity() fails"},
		"a product of doubles is total":               {findingsSpec(cpuLimits("isQuantity(c.?resources.?limits[?'cpu'].orValue('')) && quantity(c.?resources.?limits[?'cpu'].orValue('')).asApproximateFloat() * quantity(c.?resources.?limits[?'cpu'].orValue('')).asApproximateFloat() > 2.0")), ""},
		"a product of integers is not":                {findingsSpec(list("object.spec.?replicas.orValue(1) * 2 == 1")), "may overflow"},
		"double() of what is read is not":             {findingsSpec(list("double(object.spec.?replicas.orValue(1)) == 1.0")), "double() can fail"},
		"a finding without a key is not":              {findingsSpec("object.kind == 'Pod' ? [{'text': 'b'}] : []"), "needs a key"},
		"wrong types show on a generated object":      {findingsSpec(list("object.spec.?replicas.orValue('1').startsWith('1')")), "fails on"},
		"a validation is judged by its expression":    {validationsSpec(v1alpha1.Validation{Expression: "object.spec.replicas > 1", Message: "m"}), "validations[0].expression, line 1"},
		"a message that can fail is replaced":         {validationsSpec(v1alpha1.Validation{Expression: "object.spec.?replicas.orValue(1) > 1", Message: "m", MessageExpression: "'replicas: ' + string(object.spec.replicas)"}), ""},
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

func TestRulesThatReadTheChangeAreNotRatcheted(t *testing.T) {
	for expression, ratcheted := range map[string]bool{
		"object.kind == 'Pod' ? [{'key': 'a', 'text': 'b'}] : []":                 true,
		"oldObject == null ? [{'key': 'a', 'text': 'b'}] : []":                    false,
		"request.operation == 'CREATE' ? [{'key': 'a', 'text': 'b'}] : []":        false,
		"['x'].map(oldObject, {'key': oldObject, 'text': 'a variable, no more'})": true,
	} {
		p := mustCompile(t, findingsSpec(expression))
		NewWithT(t).Expect(p.ratcheted).To(Equal(ratcheted), expression)
	}
}

func TestJudgingBeforeChangesOnlyWhatTheRuleReads(t *testing.T) {
	for name, c := range map[string]struct{ source, before string }{
		"object and variables": {
			"object.kind == 'Pod' ? variables.containers.map(c, {'key': string(c.name), 'text': ''}) : []",
			"oldObject.kind == 'Pod' ? variables.before.containers.map(c, {'key': string(c.name), 'text': ''}) : []",
		},
		"within has() and macros": {
			"has(object.spec) && variables.containers.exists(c, c == object) ? [{'key': '', 'text': ''}] : []",
			"has(oldObject.spec) && variables.before.containers.exists(c, c == oldObject) ? [{'key': '', 'text': ''}] : []",
		},
		"no strings, comments, fields or bound names": {
			"[object].map(object, {'key': 'object', 'text': string(object.?object.orValue(''))}) // object",
			"[oldObject].map(object, {'key': 'object', 'text': string(object.?object.orValue(''))}) // object",
		},
		"after characters of several bytes": {
			"'é✓😀' == '' ? [] : [{'key': '😀', 'text': string(object.kind)}]",
			"'é✓😀' == '' ? [] : [{'key': '😀', 'text': string(oldObject.kind)}]",
		},
		"the outermost scope, by a leading dot": {
			"[1].map(object, {'key': string(.object.kind), 'text': string(object)})",
			"[1].map(object, {'key': string(.oldObject.kind), 'text': string(object)})",
		},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(mustCompile(t, findingsSpec(c.source)).before).To(Equal(c.before))
		})
	}
}

func TestDigestFollowsTheDecisionAndNotTheWords(t *testing.T) {
	w := NewWithT(t)
	spec := findingsSpec("[]", v1alpha1.KindPod, v1alpha1.KindJob)
	digest := Digest(spec, nil)
	w.Expect(digest).To(HaveLen(16))

	reworded := *spec.DeepCopy()
	reworded.Title, reworded.HowToFix = "Another title", "Another way"
	reworded.Kinds = []v1alpha1.WorkloadKind{v1alpha1.KindJob, v1alpha1.KindPod}
	w.Expect(Digest(reworded, nil)).To(Equal(digest))
	w.Expect(reworded.Kinds).To(Equal([]v1alpha1.WorkloadKind{v1alpha1.KindJob, v1alpha1.KindPod}), "the caller's list was sorted")

	other := *spec.DeepCopy()
	other.Kinds = nil
	w.Expect(Digest(other, nil)).NotTo(Equal(digest))
}

func TestSpecimensAreTheSameInEveryProcess(t *testing.T) {
	w := NewWithT(t)
	all := workloadSpecimens()
	w.Expect(all).To(HaveLen(8 * specimensPerKind))
	w.Expect(strings.Count(all[specimensPerKind-1].description, "100 containers")).To(Equal(1))
}
