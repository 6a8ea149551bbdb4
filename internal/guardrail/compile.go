// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// maxCost is what one rule may cost, in the API server's units, on the largest generated
// object (a workload of 100 containers). Above PerCallLimit the API server stops it; half
// of that leaves room for objects that are larger still.
const maxCost = celconfig.PerCallLimit / 2

// maxSource is how many characters a rule may have with its arguments in it. CEL parses no
// expression above 100,000; a rendered policy wraps it, and repeats it.
const maxSource = 48 * 1024

// MinServerVersion is the oldest Kubernetes whose CEL can run what is rendered here.
var MinServerVersion = version.MajorMinor(1, 33)

// Compiler turns rules into programs. It is safe for concurrent use.
type Compiler struct {
	cel *plugincel.CompositedCompiler
	// parse knows the macros of the language; what a name means does not matter to it.
	parse *cel.Env
	// planner makes rules ready for a Panel.
	planner *planner
}

// NewCompiler returns a compiler for an API server of the given version, for one cluster
// as for another. A server takes new expressions only if its previous minor version
// knows them too, so that it can be rolled back; so does this compiler.
func NewCompiler(server *version.Version) (*Compiler, error) {
	if server.LessThan(MinServerVersion) {
		return nil, fmt.Errorf("the API server is too old: it is Kubernetes %s, and guardrails need %s or later", server, MinServerVersion)
	}
	composited, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(server.SubtractMinor(1)))
	if err != nil {
		return nil, fmt.Errorf("build the CEL environment for Kubernetes %s: %w", server, err)
	}
	for _, v := range prelude() {
		result := composited.CompileAndStoreVariable(&validating.Variable{Name: v.name, Expression: v.expression},
			plugincel.OptionalVariableDeclarations{}, environment.StoredExpressions)
		if result.Error != nil {
			return nil, fmt.Errorf("compile variable %s: %w", v.name, result.Error)
		}
	}
	parse, err := composited.Env(environment.StoredExpressions)
	if err == nil {
		parse, err = parse.Extend(cel.EnableMacroCallTracking())
	}
	if err != nil {
		return nil, fmt.Errorf("build the CEL environment for Kubernetes %s: %w", server, err)
	}
	planner, err := newPlanner(parse)
	if err != nil {
		return nil, fmt.Errorf("plan for Kubernetes %s: %w", server, err)
	}
	return &Compiler{cel: composited, parse: parse, planner: planner}, nil
}

// Program is a rule that compiled. It is immutable and safe for concurrent use.
type Program struct {
	name string
	spec v1alpha1.GuardrailSpec
	// source is the findings expression, before the same on the object before a change.
	// The values of parameters and the exclusions stand in both.
	source, before string
	// mutation is the default for new pods with the values of parameters; empty without one.
	mutation string
	// ratcheted says that findings of the old object are forgiven.
	ratcheted  bool
	condition  plugincel.ConditionEvaluator
	partial    string
	cost       int64
	digest     string
	exclusions []v1alpha1.Exclusion
	// claims are what the rule looks for; nil where a match condition cannot ask for it.
	claims []claim
	// plan is the rule as a Panel evaluates it; nil if it only can be evaluated by itself.
	plan *plan
	// uncompiled is why the rule cannot be evaluated; nil if it can. See Unchecked.
	uncompiled error
}

// Name of the Guardrail.
func (p *Program) Name() string { return p.name }

// Spec that was compiled. It must not be changed.
func (p *Program) Spec() v1alpha1.GuardrailSpec { return p.spec }

// Digest identifies what the rule decides; see the function Digest.
func (p *Program) Digest() string { return p.digest }

// Partial says why the rule was not proven to give an answer for every object, with the
// position; empty if it was. A rule that was not is enforced by a policy of its own, where
// a failure to evaluate admits the request.
func (p *Program) Partial() string { return p.partial }

// Cost is what the rule cost on the most expensive generated object, in the API server's units.
func (p *Program) Cost() int64 { return p.cost }

// Compile checks a rule and makes it executable as it is by default; a parameter without
// a default gets a value that it might have. Its error joins every *CompileError.
func (c *Compiler) Compile(name string, spec v1alpha1.GuardrailSpec) (*Program, error) {
	return c.compile(name, spec, Settings{}, plausibleArguments(spec), environment.NewExpressions)
}

// Recompile is Compile for a rule that was accepted before; see CompileAccepted.
func (c *Compiler) Recompile(name string, spec v1alpha1.GuardrailSpec) (*Program, error) {
	return c.compile(name, spec, Settings{}, plausibleArguments(spec), environment.StoredExpressions)
}

// CompileFor checks a rule and makes it executable as an environment has set it. Its error
// joins every *SettingError of the settings or, when it is the rule that is wrong, every
// *CompileError.
func (c *Compiler) CompileFor(name string, spec v1alpha1.GuardrailSpec, settings Settings) (*Program, error) {
	return c.compileFor(name, spec, settings, environment.NewExpressions)
}

// CompileAccepted is CompileFor for a rule that was accepted before. Like the API server
// with what it has stored, it knows the language of all versions then: what was accepted
// goes on when the API server, or the version that it is compatible with, goes back.
func (c *Compiler) CompileAccepted(name string, spec v1alpha1.GuardrailSpec, settings Settings) (*Program, error) {
	return c.compileFor(name, spec, settings, environment.StoredExpressions)
}

func (c *Compiler) compileFor(name string, spec v1alpha1.GuardrailSpec, settings Settings, as environment.Type) (*Program, error) {
	if err := checkParameters(spec.Parameters); err != nil {
		return nil, err
	}
	arguments, err := argumentsOf(name, spec, settings.Parameters)
	if err != nil {
		return nil, err
	}
	program, err := c.compile(name, spec, settings, arguments, as)
	if Reason(err) == v1alpha1.ReasonTooExpensive && len(settings.Parameters) != 0 {
		if _, byItself := c.compile(name, spec, Settings{}, plausibleArguments(spec), as); byItself == nil {
			return nil, &SettingError{Guardrail: name, Message: fmt.Sprintf("they are too many or too long: %s; shorten the lists", err)}
		}
	}
	return program, err
}

func (c *Compiler) compile(name string, spec v1alpha1.GuardrailSpec, settings Settings, arguments arguments, as environment.Type) (*Program, error) {
	k := c.newCheck(spec, arguments, as)
	rule, err := k.rule(spec)
	if err != nil {
		return nil, err
	}
	p, parsed, err := c.compose(name, spec, settings, rule)
	if err != nil {
		return nil, err
	}
	p.condition = c.cel.CompileCondition([]plugincel.ExpressionAccessor{anything(p.source)},
		plugincel.OptionalVariableDeclarations{HasParams: p.BackgroundOnly()}, environment.StoredExpressions)
	if errs := p.condition.CompilationErrors(); len(errs) != 0 {
		return nil, fmt.Errorf("compile the composed rule %s: %w", name, errors.Join(errs...))
	}
	specimens := specimensFor(spec, parsed)
	if err := p.try(specimens); err != nil {
		return nil, tooExpensive(rule, err.Error())
	}
	// A rule that cannot be planned is evaluated by itself, as if there were no panels.
	if drawn, err := c.planner.plan(p.source); err == nil {
		p.plan = drawn
	}
	p.claims = c.claimsFor(p, parsed, specimens)
	return p, nil
}

// compose writes the rule as it is evaluated and rendered. It needs to be parsed for that,
// and no more.
func (c *Compiler) compose(name string, spec v1alpha1.GuardrailSpec, settings Settings, rule ruleParts) (*Program, *cel.Ast, error) {
	p := &Program{
		name: name, spec: *spec.DeepCopy(), digest: Digest(spec, settings.Parameters), exclusions: settings.Exclusions,
		source:   exceptFor(settings.Exclusions, noFindings, onlyFor(spec, rule.findings)),
		mutation: rule.mutation, partial: rule.partial,
	}
	if length := utf8.RuneCountInString(p.source); length > maxSource {
		return nil, nil, tooExpensive(rule, fmt.Sprintf("it has %d characters with the values of its parameters, more than %d", length, maxSource))
	}
	parsed, issues := c.parse.Parse(p.source)
	if issues.Err() != nil {
		return nil, nil, fmt.Errorf("parse the composed rule %s: %w", name, issues.Err())
	}
	identifiers := freeIdentifiers(parsed)
	p.ratcheted = len(identifiers["oldObject"]) == 0 && len(identifiers["request"]) == 0
	var err error
	if p.before, err = judgingBefore(p.source, identifiers); err != nil {
		return nil, nil, invalid(rule.field, err.Error())
	}
	return p, parsed, nil
}

func tooExpensive(rule ruleParts, message string) error {
	return &CompileError{Reason: v1alpha1.ReasonTooExpensive, Field: rule.field, Message: message}
}

// try runs the rule on generated objects: it learns the cost, and whether a rule that
// looks total fails on one after all. Its error says that the rule is too expensive.
func (p *Program) try(specimens []specimen) error {
	for _, s := range specimens {
		_, cost, err := p.run(context.Background(), s.subject, nil, specimenNamespace, s.surroundings)
		p.cost = max(p.cost, cost)
		switch {
		case isOutOfBudget(err):
			return fmt.Errorf("on %s it exceeds the cost limit of the API server", s.description)
		case p.cost > maxCost:
			return fmt.Errorf("on %s it costs %d units, more than the %d that one rule may cost", s.description, p.cost, maxCost)
		case err != nil && p.partial == "":
			p.partial = fmt.Sprintf("it fails on %s: %v", s.description, err)
		}
	}
	return nil
}

func isOutOfBudget(err error) bool {
	return errors.Is(err, apiservercel.ErrOutOfBudget)
}

// anything is an expression that may return a value of any type.
type anything string

func (e anything) GetExpression() string    { return string(e) }
func (e anything) ReturnTypes() []*cel.Type { return []*cel.Type{cel.AnyType} }
