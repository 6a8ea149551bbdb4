// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// ruleParts are the checked parts of a spec.
type ruleParts struct {
	// field that the findings come from.
	field string
	// findings is the expression for all kinds, with the arguments in it.
	findings string
	// mutation is the default for new pods, with the arguments in it; empty without one.
	mutation string
	// partial says why it may fail, empty if it cannot.
	partial string
}

// check is the examination of one rule. It compiles every expression that the author wrote
// by itself, so that an error has its position there.
type check struct {
	compiler  *Compiler
	words     vocabulary
	certain   certainty
	arguments arguments
	// as says which language the expressions are in: that of new ones or of stored ones.
	// Empty, they are only parsed.
	as   environment.Type
	errs []error
}

// newCheck examines a rule that runs with the given arguments.
func (c *Compiler) newCheck(spec v1alpha1.GuardrailSpec, arguments arguments, as environment.Type) *check {
	return &check{compiler: c, words: vocabularyOf(spec), certain: certainOf(spec), arguments: arguments, as: as}
}

// rule examines a rule. Its error joins every *CompileError.
func (k *check) rule(spec v1alpha1.GuardrailSpec) (ruleParts, error) {
	k.add(checkParameters(spec.Parameters))
	k.add(checkResources(spec.Resources))
	var parts ruleParts
	switch {
	case (spec.Findings != "") == (len(spec.Validations) != 0):
		k.add(invalid("findings", "set exactly one of findings and validations"))
	case spec.Findings != "":
		parts = k.findings(spec.Findings)
	default:
		parts = k.validations(spec)
	}
	if spec.Default != "" {
		parts.mutation = k.mutation(spec.Default)
	}
	return parts, errors.Join(k.errs...)
}

func (k *check) add(err error) {
	if err != nil {
		k.errs = append(k.errs, err)
	}
}

func (k *check) findings(source string) ruleParts {
	const field = "findings"
	composed, output := k.expression(field, source, func(source string) plugincel.ExpressionAccessor { return anything(source) })
	if output != nil && !isListOfFindings(output) {
		k.add(invalid(field, fmt.Sprintf("returns %s; it must return a list of objects with key and text, as in [{'key': ..., 'text': ...}]", output)))
	}
	return ruleParts{field: field, findings: strings.TrimSpace(composed.source), partial: k.partial(source, field)}
}

func isListOfFindings(output *cel.Type) bool {
	switch output.Kind() {
	case cel.DynKind, cel.AnyKind:
		return true
	case cel.ListKind:
		switch output.Parameters()[0].Kind() {
		case cel.MapKind, cel.DynKind, cel.AnyKind, cel.TypeParamKind:
			return true
		}
	}
	return false
}

func (k *check) validations(spec v1alpha1.GuardrailSpec) ruleParts {
	parts := ruleParts{field: "validations"}
	all := make([]checked, 0, len(spec.Validations))
	for i, v := range spec.Validations {
		field := fmt.Sprintf("validations[%d]", i)
		one := checked{Validation: v, messageTotal: k.partial(v.MessageExpression, "") == ""}
		if parts.partial == "" {
			parts.partial = k.partial(v.Expression, field+".expression")
		}
		expression, _ := k.expression(field+".expression", v.Expression, func(source string) plugincel.ExpressionAccessor {
			return &validating.ValidationCondition{Expression: source}
		})
		one.Expression = expression.source
		if v.MessageExpression != "" {
			message, _ := k.expression(field+".messageExpression", v.MessageExpression, func(source string) plugincel.ExpressionAccessor {
				return &validating.MessageExpressionCondition{MessageExpression: source}
			})
			one.MessageExpression = message.source
		}
		all = append(all, one)
	}
	parts.findings = findingsOf(all, spec.Title)
	return parts
}

// expression checks one expression of the author's. It returns it with the arguments in
// it, and its type; nil if it is wrong.
func (k *check) expression(field, source string, as func(string) plugincel.ExpressionAccessor) (replaced, *cel.Type) {
	parsed, issues := k.compiler.parse.Parse(source)
	if issues.Err() != nil {
		k.add(errorsIn(field, replaced{source: source, original: source}, issues.Errors()))
		return replaced{}, nil
	}
	written, err := k.words.resolve(field, source, parsed, k.arguments)
	if err != nil {
		k.add(err)
		return replaced{}, nil
	}
	if k.as == "" {
		return written, nil
	}
	output, err := k.compiler.compileAs(k.as, field, written, as(written.source), k.words)
	if err != nil {
		k.add(err)
		return replaced{}, nil
	}
	return written, output
}

// compileAs compiles as the API server does when it takes a new policy, or one that it has
// stored.
func (c *Compiler) compileAs(as environment.Type, field string, r replaced, accessor plugincel.ExpressionAccessor, words vocabulary) (*cel.Type, error) {
	options := plugincel.OptionalVariableDeclarations{HasParams: len(words.surroundings) != 0, HasPatchTypes: words.ofDefault}
	result := c.cel.CompileCELExpression(accessor, options, as)
	if result.Error == nil {
		return result.OutputType, nil
	}
	var compilation *apiservercel.CompilationError
	if !errors.As(result.Error.Cause, &compilation) {
		return nil, invalid(field, result.Error.Detail)
	}
	return nil, errorsIn(field, r, compilation.Issues.Errors())
}

// errorsIn says of each issue where the author's expression has it.
func errorsIn(field string, r replaced, issues []*cel.Error) error {
	var errs []error
	for _, issue := range issues {
		line, column := r.position(issue.Location.Line(), issue.Location.Column()+1) // CEL counts columns from 0.
		errs = append(errs, &CompileError{
			Reason: v1alpha1.ReasonInvalidExpression, Field: field,
			Line: line, Column: column, Message: explained(issue.Message),
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
func (k *check) partial(source, field string) string {
	parsed, issues := k.compiler.parse.Parse(source)
	if source == "" || issues.Err() != nil {
		return ""
	}
	if doubt := partial(parsed, k.certain); doubt != "" {
		return field + ", " + doubt
	}
	return ""
}

func invalid(field, message string) error {
	return &CompileError{Reason: v1alpha1.ReasonInvalidExpression, Field: field, Message: message}
}
