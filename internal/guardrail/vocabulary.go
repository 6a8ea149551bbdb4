// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/cel-go/cel"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// vocabulary is what the expressions of a rule may read besides the object.
type vocabulary struct {
	// workloads says that the rule is over workloads, and may read the prelude.
	workloads    bool
	parameters   []v1alpha1.Parameter
	surroundings []v1alpha1.Surrounding
	// ofDefault says that the expression is a default for new pods, which admission evaluates.
	ofDefault bool
}

func vocabularyOf(spec v1alpha1.GuardrailSpec) vocabulary {
	return vocabulary{workloads: len(spec.Resources) == 0, parameters: spec.Parameters, surroundings: spec.Surroundings}
}

// forDefault is what the rule's default for new pods may read.
func (v vocabulary) forDefault() vocabulary {
	v.surroundings, v.ofDefault = nil, true
	return v
}

// resolve replaces what an expression reads of parameters and surroundings by what stands
// for it where the expression is compiled. Its error joins every *CompileError, each with
// the position at which the author reads what there is not.
func (v vocabulary) resolve(field, source string, parsed *cel.Ast, values arguments) (replaced, error) {
	identifiers := freeIdentifiers(parsed)
	var edits []edit
	var errs []error
	refuse := func(offset int, message string) {
		line, column := positionAt(source, offset)
		errs = append(errs, &CompileError{Reason: v1alpha1.ReasonInvalidExpression, Field: field, Line: line, Column: column, Message: message})
	}
	for _, offset := range identifiers[paramsName] {
		refuse(int(offset), "undeclared reference to 'params': a rule reads its parameters as variables.params.<name>")
	}
	tested := testedFields(parsed)
	for _, r := range readsOf(source, identifiers) {
		surrounding, surrounds := surroundingVariables[r.name]
		switch {
		case r.name == "":
			refuse(r.start, "variables are read one by one, as in variables."+variablePodSpec)
		case r.name == variableParams && tested[r.path()]:
			refuse(r.start, "a parameter always has a value: read it without has()")
		case r.name == variableParams:
			if message := v.doubtParameter(r.field); message != "" {
				refuse(r.start, message)
				continue
			}
			edits = append(edits, edit{r.start, r.fieldEnd, values[r.field]})
		case surrounds && v.ofDefault:
			refuse(r.start, fmt.Sprintf("variables.%s is not known to admission, which applies the default", r.name))
		case surrounds && !slices.Contains(v.surroundings, surrounding):
			refuse(r.start, fmt.Sprintf("variables.%s is not declared: add surroundings: [%s]; the rule is then evaluated in the background only", r.name, surrounding))
		case surrounds:
			edits = append(edits, edit{r.start, r.end, paramsName + "." + r.name})
		case !v.workloads && isPrelude(r.name):
			refuse(r.start, fmt.Sprintf("variables.%s is of workloads, and this rule is over resources: read it from object", r.name))
		}
	}
	return replace(source, edits), errors.Join(errs...)
}

// doubtParameter says why a field of variables.params cannot be read; empty if it can.
func (v vocabulary) doubtParameter(name string) string {
	switch {
	case name == "":
		return "a parameter is read by its name: variables.params.<name>"
	case !slices.ContainsFunc(v.parameters, func(p v1alpha1.Parameter) bool { return p.Name == name }):
		return fmt.Sprintf("there is no parameter %s: declare it under parameters (%s)", name, declaredNames(v.parameters))
	}
	return ""
}

func isPrelude(name string) bool {
	return slices.ContainsFunc(prelude(), func(v variable) bool { return v.name == name })
}
