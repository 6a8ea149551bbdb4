// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
)

// A policy evaluates its rules for every request that it matches, and again for the
// message, which the API server composes before it knows whether anybody will read it. So
// a policy matches only what violates one of its rules: the answer for all others, almost
// all of them, is found once and in the cheapest form; see claims.go.

// maxCondition is how many bytes a match condition may have: CEL parses no expression of
// more than 100,000 characters.
const maxCondition = 80 * 1024

// onlyViolators narrows conditions to objects in which one of the rules finds something,
// and to the report by which a policy is seen live. What is exempt, or elsewhere, must not
// pay: the API server evaluates every condition, even when another has failed, so they are
// made one, which asks last what costs most. It returns them as they are if a rule has no claims.
func (m matter) onlyViolators(conditions []admissionv1.MatchCondition, rules []Placed) []admissionv1.MatchCondition {
	var claims []claim
	for _, rule := range rules {
		if rule.Program.claims == nil {
			return conditions
		}
		claims = append(claims, rule.Program.claims...)
	}
	expression := questionOf(claims, len(m.resources) == 0)
	expression = fmt.Sprintf("(request.resource.resource == '%s' ||\n(%s))", reports, expression)
	if len(expression) > maxCondition {
		return conditions
	}
	var apart []admissionv1.MatchCondition
	for _, c := range conditions {
		if len(c.Expression)+len(expression) > maxCondition {
			apart = append(apart, c)
		} else {
			expression = fmt.Sprintf("(%s) &&\n%s", c.Expression, expression)
		}
	}
	return append(apart, admissionv1.MatchCondition{Name: "violates-a-guardrail", Expression: expression})
}

// questionOf is anyOf with what it takes to be asked of a workload, or of another object.
func questionOf(claims []claim, ofWorkload bool) string {
	if !ofWorkload {
		return anyOf(claims)
	}
	return withPrelude(anyOf(claims))
}

// withPrelude binds the variables of the prelude, which a match condition does not have, by
// their names.
func withPrelude(expression string) string {
	for _, v := range slices.Backward([]variable{
		{variablePodTemplate, templateOf("object")},
		{variablePodSpec, specOf(variablePodTemplate)},
		{variableContainers, containersOf(variablePodSpec)},
	}) {
		expression = fmt.Sprintf("[%s].filter(%s,\n%s) != []", v.expression, v.name, expression)
	}
	return expression
}
