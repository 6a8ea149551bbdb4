// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// parameterized is a rule with one parameter, which it reads as text or as a list.
func parameterized(p v1alpha1.Parameter, findings string) v1alpha1.GuardrailSpec {
	spec := findingsSpec(findings)
	spec.Parameters = []v1alpha1.Parameter{p}
	return spec
}

func set(name, value string) v1alpha1.ParameterSetting {
	return v1alpha1.ParameterSetting{Name: name, Value: &value}
}

func setAll(name string, values ...string) v1alpha1.ParameterSetting {
	return v1alpha1.ParameterSetting{Name: name, Values: values}
}

// reads is a rule whose one finding has the parameter p as its key.
const reads = "[{'key': string(variables.params.p), 'text': 'x'}]"

func TestAParameterHasTheValueThatIsSetOrItsDefault(t *testing.T) {
	text := v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterString, Default: ptr.To("fallback")}
	integer := v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterInteger, Default: ptr.To("3"), Minimum: ptr.To[int64](-5), Maximum: ptr.To[int64](5)}
	boolean := v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterBoolean, Default: ptr.To("false")}
	list := v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterStringList, Defaults: []string{"a", "b"}}
	const joins = "[{'key': variables.params.p.join(','), 'text': 'x'}]"
	for name, c := range map[string]struct {
		parameter v1alpha1.Parameter
		findings  string
		settings  []v1alpha1.ParameterSetting
		want      string
	}{
		"a string by default":               {text, reads, nil, "fallback"},
		"a string that is set":              {text, reads, []v1alpha1.ParameterSetting{set("p", "mine")}, "mine"},
		"a string that is set to nothing":   {text, reads, []v1alpha1.ParameterSetting{set("p", "")}, ""},
		"a string that looks like a number": {text, reads, []v1alpha1.ParameterSetting{set("p", "3")}, "3"},
		"an integer by default":             {integer, reads, nil, "3"},
		"the smallest integer":              {integer, reads, []v1alpha1.ParameterSetting{set("p", "-5")}, "-5"},
		"the largest integer":               {integer, reads, []v1alpha1.ParameterSetting{set("p", "5")}, "5"},
		"a boolean by default":              {boolean, reads, nil, "false"},
		"a boolean that is set":             {boolean, reads, []v1alpha1.ParameterSetting{set("p", "true")}, "true"},
		"a list by default":                 {list, joins, nil, "a,b"},
		"a list that is set":                {list, joins, []v1alpha1.ParameterSetting{setAll("p", "c")}, "c"},
		"a list that is set to nothing":     {list, joins, []v1alpha1.ParameterSetting{setAll("p")}, ""},
		"an integer that is computed with":  {integer, "[{'key': string(1 - variables.params.p), 'text': 'x'}]", []v1alpha1.ParameterSetting{set("p", "-2")}, "3"},
		"in a comprehension":                {list, "variables.params.p.filter(p, p == 'a').map(p, {'key': p, 'text': 'x'})", nil, "a"},
		"over lines and comments":           {text, "[{'key': variables // of\n  . params\n  . p, 'text': 'x'}]", nil, "fallback"},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			p, err := newTestCompiler(t).CompileFor("rule", parameterized(c.parameter, c.findings), Settings{Parameters: c.settings})
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(p.Partial()).To(BeEmpty(), "a declared parameter is certain")
			verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x")})
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(verdict.Findings).To(HaveLen(1))
			w.Expect(verdict.Findings[0].Key).To(Equal(c.want))
		})
	}
}

func TestAParameterIsReadInTheOutermostScopeToo(t *testing.T) {
	w := NewWithT(t)
	text := v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterString, Default: ptr.To("fallback")}
	p := mustCompile(t, parameterized(text, "[1].map(variables, {'key': .variables.params.p, 'text': 'x'})"))
	w.Expect(p.source).To(Equal(`[1].map(variables, {'key': "fallback", 'text': 'x'})`))
}

func TestAWrongSettingSaysWhatIsAllowed(t *testing.T) {
	required := v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterString, Pattern: `^[a-z.]+$`}
	integer := v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterInteger, Default: ptr.To("3"), Minimum: ptr.To[int64](1), Maximum: ptr.To[int64](5)}
	allowed := v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterStringList, Allowed: []string{"amd64", "arm64"}}
	boolean := v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterBoolean, Default: ptr.To("true")}
	for name, c := range map[string]struct {
		parameter v1alpha1.Parameter
		settings  []v1alpha1.ParameterSetting
		says      string
	}{
		"a value that is missing":            {required, nil, "it has no default and the environment sets none: set a string that matches ^[a-z.]+$"},
		"a string off the pattern":           {required, []v1alpha1.ParameterSetting{set("p", "UPPER")}, `"UPPER" is not a string that matches ^[a-z.]+$`},
		"a name with a typing error":         {integer, []v1alpha1.ParameterSetting{set("P", "3")}, "parameter P of guardrail rule: it does not exist: the guardrail has p"},
		"text for an integer":                {integer, []v1alpha1.ParameterSetting{set("p", "three")}, `"three" is not an integer from 1 to 5`},
		"a fraction for an integer":          {integer, []v1alpha1.ParameterSetting{set("p", "3.0")}, `"3.0" is not an integer`},
		"an integer that is too large":       {integer, []v1alpha1.ParameterSetting{set("p", "6")}, `"6" is not an integer from 1 to 5`},
		"an integer that is too small":       {integer, []v1alpha1.ParameterSetting{set("p", "0")}, `"0" is not an integer from 1 to 5`},
		"an integer beyond 64 bits":          {integer, []v1alpha1.ParameterSetting{set("p", "9223372036854775808")}, "is not an integer"},
		"a boolean in other words":           {boolean, []v1alpha1.ParameterSetting{set("p", "yes")}, `"yes" is not true or false`},
		"a boolean in another case":          {boolean, []v1alpha1.ParameterSetting{set("p", "True")}, `"True" is not true or false`},
		"a list item that is not allowed":    {allowed, []v1alpha1.ParameterSetting{setAll("p", "amd64", "s390x")}, `"s390x" is not one of amd64, arm64`},
		"one value for a list":               {allowed, []v1alpha1.ParameterSetting{set("p", "amd64")}, "it is a list: set values instead of value, each of them one of amd64, arm64"},
		"several values for what is no list": {integer, []v1alpha1.ParameterSetting{setAll("p", "1", "2")}, "it is no list: set value instead of values, to an integer from 1 to 5"},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			findings := "[{'key': string(variables.params.p), 'text': 'x'}]"
			if c.parameter.Type == v1alpha1.ParameterStringList {
				findings = "variables.params.p.map(p, {'key': p, 'text': 'x'})"
			}
			p, err := newTestCompiler(t).CompileFor("rule", parameterized(c.parameter, findings), Settings{Parameters: c.settings})
			w.Expect(p).To(BeNil())
			w.Expect(err).To(MatchError(ContainSubstring("of guardrail rule: ")))
			w.Expect(err).To(MatchError(ContainSubstring(c.says)))
			var setting *SettingError
			w.Expect(errors.As(err, &setting)).To(BeTrue())
			w.Expect(setting.Guardrail).To(Equal("rule"))
			w.Expect(Reason(err)).To(BeEmpty(), "the rule itself is sound")
		})
	}
}

func TestAnEmptyListIsOneOfStrings(t *testing.T) {
	// Of items of any type, CEL takes a + a for bytes.
	spec := parameterized(v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterStringList}, "variables.params.p.map(a, {'key': a + a, 'text': 'x'})")
	for _, values := range [][]string{nil, {"a"}} {
		w := NewWithT(t)
		p, err := newTestCompiler(t).CompileFor("rule", spec, Settings{Parameters: []v1alpha1.ParameterSetting{setAll("p", values...)}})
		w.Expect(err).NotTo(HaveOccurred())
		verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x")})
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(verdict.Findings).To(HaveLen(len(values)))
	}
}

func TestEveryWrongSettingIsReported(t *testing.T) {
	spec := findingsSpec("[]")
	spec.Parameters = []v1alpha1.Parameter{{Name: "a", Type: v1alpha1.ParameterString}, {Name: "b", Type: v1alpha1.ParameterInteger}}
	_, err := newTestCompiler(t).CompileFor("rule", spec, Settings{Parameters: []v1alpha1.ParameterSetting{set("b", "x"), set("c", "x")}})
	NewWithT(t).Expect(err).To(MatchError(And(
		ContainSubstring("parameter a of"), ContainSubstring("parameter b of"), ContainSubstring("parameter c of"))))
}

func TestADeclarationThatContradictsItselfIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		parameter v1alpha1.Parameter
		says      string
	}{
		"a pattern that is none": {v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterString, Pattern: "("},
			"parameters[0].pattern: is no regular expression (RE2)"},
		"a pattern with look-ahead, which RE2 has not": {v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterString, Pattern: "(?=a)"},
			"parameters[0].pattern: is no regular expression (RE2)"},
		"a default off the pattern": {v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterString, Default: ptr.To("A"), Pattern: "^a$"},
			`parameters[0].default: "A" is not a string that matches ^a$`},
		"a default that is not allowed": {v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterString, Default: ptr.To("A"), Allowed: []string{"a"}},
			`parameters[0].default: "A" is not one of a`},
		"a default above the maximum": {v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterInteger, Default: ptr.To("2"), Maximum: ptr.To[int64](1)},
			`parameters[0].default: "2" is not an integer of at most 1`},
		"a default below the minimum": {v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterInteger, Default: ptr.To("2"), Minimum: ptr.To[int64](3)},
			`parameters[0].default: "2" is not an integer of at least 3`},
		"a default of another type": {v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterBoolean, Default: ptr.To("1")},
			`parameters[0].default: "1" is not true or false`},
		"an item of the default off the pattern": {v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterStringList, Defaults: []string{"a", "B"}, Pattern: "^[a-z]$"},
			`parameters[0].defaults: "B" is not a string that matches ^[a-z]$`},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			spec := parameterized(c.parameter, "[]")
			_, err := newTestCompiler(t).Compile("rule", spec)
			w.Expect(err).To(MatchError(ContainSubstring(c.says)))
			w.Expect(Reason(err)).To(Equal(v1alpha1.ReasonInvalidExpression))
			_, err = newTestCompiler(t).CompileFor("rule", spec, Settings{})
			w.Expect(Reason(err)).To(Equal(v1alpha1.ReasonInvalidExpression), "it is no fault of the environment")
		})
	}
}

func TestARuleCompilesByItselfBeforeAnEnvironmentSetsWhatItNeeds(t *testing.T) {
	for _, p := range []v1alpha1.Parameter{
		{Name: "p", Type: v1alpha1.ParameterString},
		{Name: "p", Type: v1alpha1.ParameterString, Allowed: []string{"a"}},
		{Name: "p", Type: v1alpha1.ParameterInteger, Minimum: ptr.To[int64](7)},
		{Name: "p", Type: v1alpha1.ParameterInteger, Maximum: ptr.To[int64](-7)},
		{Name: "p", Type: v1alpha1.ParameterBoolean},
	} {
		_, err := newTestCompiler(t).Compile("rule", parameterized(p, reads))
		NewWithT(t).Expect(err).NotTo(HaveOccurred(), "%+v", p)
	}
}

func TestAMisuseOfAParameterHasItsPosition(t *testing.T) {
	text := v1alpha1.Parameter{Name: "registry", Type: v1alpha1.ParameterString, Default: ptr.To("a registry with a long name")}
	list := v1alpha1.Parameter{Name: "registry", Type: v1alpha1.ParameterStringList}
	for name, c := range map[string]struct {
		parameter v1alpha1.Parameter
		findings  string
		says      string
	}{
		"a name that is not declared": {text, "[] +\n  [{'key': variables.params.registries, 'text': 'x'}]",
			"findings, line 2, column 12: there is no parameter registries: declare it under parameters (the guardrail has registry)"},
		"all of them at once": {text, "variables.params == {} ? [] : []",
			"findings, line 1, column 1: a parameter is read by its name: variables.params.<name>"},
		"by an index": {text, "variables.params['registry'] == '' ? [] : []",
			"findings, line 1, column 1: a parameter is read by its name"},
		"by an optional select": {text, "variables.params.?registry.orValue('') == '' ? [] : []",
			"findings, line 1, column 1: a parameter is read by its name"},
		"asked for with has()": {text, "has(variables.params.registry) ? [] : []",
			"findings, line 1, column 5: a parameter always has a value: read it without has()"},
		"as params alone": {text, "params.registry == '' ? [] : []",
			"findings, line 1, column 1: undeclared reference to 'params': a rule reads its parameters as variables.params.<name>"},
		"variables at large": {text, "[variables].map(v, {'key': 'a', 'text': 'b'})",
			"findings, line 1, column 2: variables are read one by one"},
		"a string as a number": {text, "variables.params.registry > 3 ? [] : []",
			"findings, line 1, column 27: found no matching overload for '_>_'"},
		"an error after a long value is where the author has it": {text, "variables.params.registry == 'x' && objekt.kind == 'x' ? [] : []",
			"findings, line 1, column 37: undeclared reference to 'objekt'"},
		"items of an empty list as numbers": {list, "variables.params.registry.exists(r, r > 3) ? [] : []",
			"findings, line 1, column 39: found no matching overload for '_>_'"},
		"in a validation and its message": {text, "", "validations[0].messageExpression, line 1, column 1: there is no parameter nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := parameterized(c.parameter, c.findings)
			if c.findings == "" {
				spec.Validations = []v1alpha1.Validation{{Expression: "variables.params.registry != ''", MessageExpression: "variables.params.nobody"}}
			}
			_, err := newTestCompiler(t).Compile("rule", spec)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.says)))
		})
	}
}

func TestParametersStandInDefaultsAndMessagesToo(t *testing.T) {
	w := NewWithT(t)
	spec := parameterized(v1alpha1.Parameter{Name: "name", Type: v1alpha1.ParameterString, Default: ptr.To("robot")}, "")
	spec.Validations = []v1alpha1.Validation{{
		Expression:        "variables.podSpec.?serviceAccountName.orValue('') == variables.params.name",
		Message:           "has another service account",
		MessageExpression: "'its service account is not ' + variables.params.name",
	}}
	spec.Default = "object.metadata.name == variables.params.name ? Object{} : Object{}"
	p, err := newTestCompiler(t).CompileFor("rule", spec, Settings{Parameters: []v1alpha1.ParameterSetting{set("name", "bot")}})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(p.mutation).To(Equal(`object.metadata.name == "bot" ? Object{} : Object{}`))
	verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x")})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(verdict.Findings).To(Equal([]v1alpha1.Finding{{Key: "has another service account", Text: "its service account is not bot"}}))
	w.Expect(p.Partial()).To(BeEmpty())
}

func TestListsThatMakeASoundRuleTooExpensiveAreTheEnvironmentsFault(t *testing.T) {
	w := NewWithT(t)
	spec := parameterized(v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterStringList}, `
		variables.containers.filter(c, variables.params.p.exists(a, variables.params.p.exists(b, c.name == a + b))).map(c, {'key': c.name, 'text': c.name})`)
	many := v1alpha1.ParameterSetting{Name: "p"}
	for range 64 {
		many.Values = append(many.Values, "a value of some length, of which the environment sets very many")
	}
	_, err := newTestCompiler(t).CompileFor("rule", spec, Settings{Parameters: []v1alpha1.ParameterSetting{many}})
	w.Expect(err).To(MatchError(And(HavePrefix("parameters of guardrail rule: they are too many or too long"), ContainSubstring("shorten"))))
	var setting *SettingError
	w.Expect(errors.As(err, &setting)).To(BeTrue())
}

func TestTheDigestFollowsWhatIsSet(t *testing.T) {
	w := NewWithT(t)
	spec := parameterized(v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterInteger, Default: ptr.To("3")}, reads)
	with := func(settings ...v1alpha1.ParameterSetting) string {
		return Digest(spec, settings)
	}
	byDefault := with()
	w.Expect(with(set("p", "3"))).To(Equal(byDefault), "it is the same rule, however the value came")
	w.Expect(with(set("p", "03"))).To(Equal(byDefault), "or was written")
	w.Expect(with(set("p", "4"))).NotTo(Equal(byDefault))
	w.Expect(with(set("p", "x"))).NotTo(Equal(byDefault))

	p, err := newTestCompiler(t).CompileFor("rule", spec, Settings{
		Parameters: []v1alpha1.ParameterSetting{set("p", "4")}, Exclusions: []v1alpha1.Exclusion{{Namespace: "a", Reason: "r"}},
	})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(p.Digest()).To(Equal(with(set("p", "4"))), "exclusions are no part of it")
}

func TestTheParametersOfARuleAreBoundedInAll(t *testing.T) {
	w := NewWithT(t)
	spec := parameterized(v1alpha1.Parameter{Name: "p", Type: v1alpha1.ParameterStringList}, "[]")
	values := make([]string, 33)
	for i := range values {
		values[i] = strings.Repeat("a", 248)
	}
	_, err := newTestCompiler(t).CompileFor("rule", spec, Settings{Parameters: []v1alpha1.ParameterSetting{setAll("p", values...)}})
	w.Expect(err).NotTo(HaveOccurred(), "8 KiB fit")
	_, err = newTestCompiler(t).CompileFor("rule", spec, Settings{Parameters: []v1alpha1.ParameterSetting{setAll("p", append(values, "a lot more text")...)}})
	w.Expect(err).To(MatchError("parameters of guardrail rule: they have 8200 bytes in all, more than 8192: shorten the lists"))
}

// The author's expression is compiled with other text in it; errors must not show.
func TestPositionsAreThoseOfTheAuthor(t *testing.T) {
	const original = "first é variables.params.p\n  + variables.params.p + wrong\nlast variables.params.p wrong"
	var edits []edit
	for _, start := range []int{8, 31, 64} {
		edits = append(edits, edit{start, start + len("variables.params.p"), `"✓ a much longer literal than what it stands for"`})
	}
	r := replace(original, edits)
	for name, c := range map[string]struct {
		in, at       string
		line, column int
	}{
		"before any":            {"first", "first", 1, 1},
		"in the literal":        {"much", "much", 1, 9},
		"on the next line":      {"wrong", "wrong", 2, 26},
		"after a later literal": {"\nlast", "last", 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			at := strings.Index(r.source, c.in) + strings.Index(c.in, c.at)
			line, column := positionAt(r.source, len([]rune(r.source[:at])))
			gotLine, gotColumn := r.position(line, column)
			NewWithT(t).Expect([]int{gotLine, gotColumn}).To(Equal([]int{c.line, c.column}), r.source)
		})
	}
	end := replace(original, edits)
	line, column := positionAt(end.source, len([]rune(end.source)))
	gotLine, gotColumn := end.position(line, column)
	NewWithT(t).Expect([]int{gotLine, gotColumn}).To(Equal([]int{3, 30}), "the very end")
}
