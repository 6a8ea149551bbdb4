// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// maxCost is what one rule may cost, in the API server's units, on the largest generated
// workload (100 containers). Above PerCallLimit the API server stops it; half of that
// leaves room for workloads that are larger still.
const maxCost = celconfig.PerCallLimit / 2

// MinServerVersion is the oldest Kubernetes whose CEL can run what is rendered here.
var MinServerVersion = version.MajorMinor(1, 33)

// Compiler turns rules into programs. It is safe for concurrent use.
type Compiler struct {
	cel *plugincel.CompositedCompiler
	// parse knows the macros of the language; what a name means does not matter to it.
	parse *cel.Env
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
	if err != nil {
		return nil, fmt.Errorf("build the CEL environment for Kubernetes %s: %w", server, err)
	}
	return &Compiler{cel: composited, parse: parse}, nil
}

// Program is a rule that compiled. It is immutable and safe for concurrent use.
type Program struct {
	name string
	spec v1alpha1.GuardrailSpec
	// source is the findings expression, before the same on the object before a change.
	source, before string
	// ratcheted says that findings of the old object are forgiven.
	ratcheted bool
	condition plugincel.ConditionEvaluator
	partial   string
	cost      int64
}

// Name of the Guardrail.
func (p *Program) Name() string { return p.name }

// Spec that was compiled. It must not be changed.
func (p *Program) Spec() v1alpha1.GuardrailSpec { return p.spec }

// Digest identifies what the rule decides; see the function Digest.
func (p *Program) Digest() string { return Digest(p.spec) }

// Judges says whether the rule is about workloads of that kind. It finds nothing in others.
func (p *Program) Judges(kind v1alpha1.WorkloadKind) bool {
	return len(p.spec.Kinds) == 0 || slices.Contains(p.spec.Kinds, kind)
}

// Partial says why the rule was not proven to give an answer for every object, with the
// position; empty if it was. A rule that was not is enforced by a policy of its own, where
// a failure to evaluate admits the request.
func (p *Program) Partial() string { return p.partial }

// Cost is what the rule cost on the most expensive generated workload, in the API server's units.
func (p *Program) Cost() int64 { return p.cost }

// Compile checks a rule and makes it executable. Its error joins every *CompileError.
func (c *Compiler) Compile(name string, spec v1alpha1.GuardrailSpec) (*Program, error) {
	rule, err := c.check(spec)
	if err != nil {
		return nil, err
	}
	p := &Program{name: name, spec: *spec.DeepCopy(), source: onlyFor(spec.Kinds, rule.findings)}

	parsed, issues := c.parse.Parse(p.source)
	if issues.Err() != nil {
		return nil, fmt.Errorf("parse the composed rule %s: %w", name, issues.Err())
	}
	identifiers := freeIdentifiers(parsed)
	p.ratcheted = len(identifiers["oldObject"]) == 0 && len(identifiers["request"]) == 0
	if p.before, err = judgingBefore(p.source, identifiers); err != nil {
		return nil, &CompileError{Reason: v1alpha1.ReasonInvalidExpression, Field: rule.field, Message: err.Error()}
	}
	p.condition = c.cel.CompileCondition([]plugincel.ExpressionAccessor{anything(p.source)},
		plugincel.OptionalVariableDeclarations{}, environment.StoredExpressions)
	if errs := p.condition.CompilationErrors(); len(errs) != 0 {
		return nil, fmt.Errorf("compile the composed rule %s: %w", name, errors.Join(errs...))
	}

	p.partial = rule.partial
	if err := p.try(); err != nil {
		return nil, &CompileError{Reason: v1alpha1.ReasonTooExpensive, Field: rule.field, Message: err.Error()}
	}
	return p, nil
}

// try runs the rule on the generated workloads: it learns the cost, and whether a rule
// that looks total fails on one after all. Its error says that the rule is too expensive.
func (p *Program) try() error {
	for _, s := range specimens() {
		_, cost, err := p.run(context.Background(), s.subject, nil, specimenNamespace)
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

// ruleParts are the checked parts of a spec.
type ruleParts struct {
	// field that the findings come from.
	field string
	// findings is the expression for all kinds.
	findings string
	// partial says why it may fail, empty if it cannot.
	partial string
}

// check compiles every expression that the author wrote by itself, so that an error has
// its position there.
func (c *Compiler) check(spec v1alpha1.GuardrailSpec) (ruleParts, error) {
	var errs []error
	parts := ruleParts{field: "findings", findings: strings.TrimSpace(spec.Findings)}
	switch {
	case (spec.Findings != "") == (len(spec.Validations) != 0):
		errs = append(errs, invalid("findings", "set exactly one of findings and validations"))
	case spec.Findings != "":
		errs = append(errs, c.checkFindings(spec.Findings))
		parts.partial = c.partial(spec.Findings, parts.field)
	default:
		parts.field = "validations"
		all := make([]checked, 0, len(spec.Validations))
		for i, v := range spec.Validations {
			field := fmt.Sprintf("validations[%d]", i)
			errs = append(errs, c.checkExpression(field+".expression", &validating.ValidationCondition{Expression: v.Expression}, false))
			if v.MessageExpression != "" {
				errs = append(errs, c.checkExpression(field+".messageExpression", &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression}, false))
			}
			all = append(all, checked{Validation: v, messageTotal: c.partial(v.MessageExpression, "") == ""})
			if parts.partial == "" {
				parts.partial = c.partial(v.Expression, field+".expression")
			}
		}
		parts.findings = findingsOf(all, spec.Title)
	}
	if spec.Default != "" {
		errs = append(errs, c.checkExpression("default", &patch.ApplyConfigurationCondition{Expression: spec.Default}, true))
	}
	return parts, errors.Join(errs...)
}

func (c *Compiler) checkFindings(source string) error {
	accessor := anything(source)
	if err := c.checkExpression("findings", accessor, false); err != nil {
		return err
	}
	output := c.cel.CompileCELExpression(accessor, plugincel.OptionalVariableDeclarations{}, environment.NewExpressions).OutputType
	switch output.Kind() {
	case cel.DynKind, cel.AnyKind:
		return nil
	case cel.ListKind:
		switch element := output.Parameters()[0]; element.Kind() {
		case cel.MapKind, cel.DynKind, cel.AnyKind, cel.TypeParamKind:
			return nil
		}
	}
	return invalid("findings", fmt.Sprintf("returns %s; it must return a list of objects with key and text, as in [{'key': ..., 'text': ...}]", output))
}

// checkExpression compiles as the API server does when it takes a new policy.
func (c *Compiler) checkExpression(field string, accessor plugincel.ExpressionAccessor, patches bool) error {
	result := c.cel.CompileCELExpression(accessor, plugincel.OptionalVariableDeclarations{HasPatchTypes: patches}, environment.NewExpressions)
	if result.Error == nil {
		return nil
	}
	var compilation *apiservercel.CompilationError
	if !errors.As(result.Error.Cause, &compilation) {
		return invalid(field, result.Error.Detail)
	}
	var errs []error
	for _, issue := range compilation.Issues.Errors() {
		errs = append(errs, &CompileError{
			Reason: v1alpha1.ReasonInvalidExpression, Field: field,
			Line: issue.Location.Line(), Column: issue.Location.Column() + 1, // CEL counts columns from 0.
			Message: explained(issue.Message),
		})
	}
	return errors.Join(errs...)
}

// explained adds what to do to the error that most authors of findings meet first.
func explained(message string) string {
	if strings.HasPrefix(message, "expected type 'dyn' but found") || strings.HasSuffix(message, "but found 'dyn'") {
		return message + " (key and text must have one type: wrap what is read from the object in string())"
	}
	return message
}

// partial says why a source may fail, and where; empty if it cannot, or does not parse.
func (c *Compiler) partial(source, field string) string {
	parsed, issues := c.parse.Parse(source)
	if source == "" || issues.Err() != nil {
		return ""
	}
	if doubt := partial(parsed); doubt != "" {
		return field + ", " + doubt
	}
	return ""
}

func invalid(field, message string) error {
	return &CompileError{Reason: v1alpha1.ReasonInvalidExpression, Field: field, Message: message}
}

func isOutOfBudget(err error) bool {
	return errors.Is(err, apiservercel.ErrOutOfBudget)
}

// anything is an expression that may return a value of any type.
type anything string

func (e anything) GetExpression() string    { return string(e) }
func (e anything) ReturnTypes() []*cel.Type { return []*cel.Type{cel.AnyType} }
