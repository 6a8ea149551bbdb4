// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/internal/admission"
)

// maxListed is how many namespaces one expression lists. CEL takes sources of up to
// 100,000 characters, and a namespace's name has up to 63.
const maxListed = 1000

// maxSelected is how many namespaces a selector lists. The API server parses selectors anew
// for every request that a policy is about, also where it does not stand, at 0.5 to 1 µs for
// each value. To ask a condition takes longer, but is done in the environment only; see ADR 7.
const maxSelected = 10

// where narrows a policy to some of the environment's namespaces, by its selector where they
// are few, and otherwise by a condition, which looks up a name in a literal list at once.
type where struct {
	// in are the only namespaces, at most maxListed, none of them excluded. Empty is all that
	// are not in notIn.
	in    []string
	notIn []string
}

// few says whether the selector lists the namespaces.
func (w where) few() bool { return len(w.in)+len(w.notIn) <= maxSelected }

// selector is that of the policy, by the label that names a namespace. It selects no excluded one.
func (w where) selector(env Environment) *metav1.LabelSelector {
	requirement := admission.OutsideSystem(env.ExcludedNamespaces)
	switch {
	case w.few() && len(w.in) != 0:
		requirement.Operator, requirement.Values = metav1.LabelSelectorOpIn, slices.Clone(w.in)
	case w.few():
		requirement = admission.OutsideSystem(slices.Concat(env.ExcludedNamespaces, w.notIn))
	}
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{requirement}}
}

// conditions are the narrowing, by the CEL for a request's namespace; none where the selector
// does it.
func (w where) conditions(namespace string) []admissionv1.MatchCondition {
	if w.few() {
		return nil
	}
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
