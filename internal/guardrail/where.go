// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
)

// maxListed is how many namespaces one expression lists. CEL takes sources of up to
// 100,000 characters, and a namespace's name has up to 63.
const maxListed = 1000

// where narrows a policy to some of the environment's namespaces. It is a condition of
// the policy and not the selector of its binding: the API server parses selectors anew for
// every request, at 0.5 µs for each value, and looks up a name in a literal list at once.
type where struct {
	// in are the only namespaces, at most maxListed. Empty is all that are not in notIn.
	in    []string
	notIn []string
}

// conditions are the narrowing, by the CEL for a request's namespace.
func (w where) conditions(namespace string) []admissionv1.MatchCondition {
	var all []admissionv1.MatchCondition
	if len(w.in) != 0 {
		all = append(all, admissionv1.MatchCondition{
			Name: "where-it-is-enforced", Expression: fmt.Sprintf("%s in %s", namespace, listLiteral(w.in)),
		})
	}
	for i, some := range slices.Collect(slices.Chunk(w.notIn, maxListed)) {
		name := "where-it-is-not-enforced"
		if i > 0 {
			name += "-" + part(i)
		}
		all = append(all, admissionv1.MatchCondition{
			Name: name, Expression: fmt.Sprintf("!(%s in %s)", namespace, listLiteral(some)),
		})
	}
	return all
}

// of are those of the namespaces that the narrowing leaves.
func (w where) of(namespaces []string) []string {
	return slices.DeleteFunc(slices.Clone(namespaces), func(n string) bool {
		return len(w.in) != 0 && !slices.Contains(w.in, n) || slices.Contains(w.notIn, n)
	})
}
