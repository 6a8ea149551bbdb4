// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// What an expression returns for objects that are excluded: a rule finds nothing, a default
// sets nothing.
const (
	noFindings = "[]"
	noDefault  = "Object{}"
)

// Excluded is the reason why the rule does not judge an object where it was compiled for;
// empty if it does, or if the rule is not about such objects at all. The first exclusion
// that fits gives the reason.
func (p *Program) Excluded(object runtime.Object) string {
	if len(p.exclusions) == 0 {
		return ""
	}
	s, err := p.subject(object)
	if err != nil {
		return ""
	}
	for _, e := range p.exclusions {
		if e.Covers(s.namespace(), s.gvk.Kind, s.object.GetName()) {
			return e.Reason
		}
	}
	return ""
}

// exceptFor limits an expression to what is not excluded, for which the answer is the
// given one.
func exceptFor(exclusions []v1alpha1.Exclusion, otherwise, expression string) string {
	if len(exclusions) == 0 {
		return expression
	}
	// A Namespace is in itself.
	const (
		name      = "object.metadata.?name.orValue('')"
		namespace = "object.metadata.?namespace.orValue(object.kind == 'Namespace' ? " + name + " : '')"
	)
	terms := make([]string, 0, len(exclusions))
	for _, e := range exclusions {
		term := fmt.Sprintf("%s == %s", namespace, stringLiteral(e.Namespace))
		if e.Kind != "" {
			term += " && object.kind == " + stringLiteral(e.Kind)
		}
		if e.Name != "" {
			term += fmt.Sprintf(" && %s == %s", name, stringLiteral(e.Name))
		}
		terms = append(terms, term)
	}
	return fmt.Sprintf("(%s) ? %s : (%s\n)", strings.Join(terms, " ||\n"), otherwise, expression)
}
