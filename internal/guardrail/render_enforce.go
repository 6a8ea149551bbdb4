// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/admission"
)

// A denial longer than maxDenial bytes, or of several lines, would be dropped by the API
// server for the static message. The long form fits if its findings are of one byte a
// character; the short form fits always: 6 findings of 150 characters of 4 bytes, with
// names of at most 48.
const (
	maxDenial     = 5 * 1024
	longFindings  = 20
	shortFindings = 6
	maxNames      = 1024
)

// A policy has few variables: for each of them the API server makes a slot in every
// request, evaluated or not. So several rules share one, as far as they can be evaluated
// together: a variable is one expression, with a cost limit of its own, and what it takes
// to compile grows faster than its length.
const (
	partBudget = celconfig.PerCallLimit / 2
	maxPart    = 8 * 1024
)

// addEnforce adds a policy that refuses what brings new findings, and names all of them at
// once. That takes a single validation, since the API server reports the first that fails
// only.
func (o *Objects) addEnforce(env Environment, m matter, stands where, name string, rules []Placed, onError admissionv1.FailurePolicyType) {
	before, found := foundBy(rules)
	var none, texts []string
	for _, v := range found {
		none = append(none, fmt.Sprintf("variables.%s.size() == 0", v.name))
		texts = append(texts, "variables."+v.name)
	}
	message := []variable{
		{"texts", strings.Join(texts, " +\n")},
		{"count", "string(variables.texts.size()) + (variables.texts.size() == 1 ? ' finding: ' : ' findings: ')"},
		{"long", "variables.count + " + firstTexts(longFindings)},
		{"short", "variables.count + " + firstTexts(shortFindings)},
	}
	o.addValidating(env, stands, &admissionv1.ValidatingAdmissionPolicy{
		TypeMeta:   admission.TypeMeta("ValidatingAdmissionPolicy"),
		ObjectMeta: holding(env, name, rules),
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: outsideSystem(env, stands, m.constraints()),
			MatchConditions:  m.onlyViolators(m.conditions(env, stands), rules),
			FailurePolicy:    ptr.To(onError),
			Variables:        policyVariables(m.variables(), m.variablesBefore(), before, found, message),
			Validations: []admissionv1.Validation{{
				Expression:        strings.Join(none, " &&\n"),
				Message:           staticDenial(env, rules),
				MessageExpression: fmt.Sprintf("bytes(variables.long).size() <= %d ? variables.long : variables.short", maxDenial),
				Reason:            ptr.To(metav1.StatusReasonForbidden),
			}},
		},
	}, admissionv1.Deny)
}

// foundBy are variables with the texts of all new findings, each after the name of its
// guardrail. A rule that is too expensive to judge the old object in the same expression
// has a variable before for that.
func foundBy(rules []Placed) (before, found []variable) {
	var budget int64
	room := 0
	for _, rule := range rules {
		p, keys, cost := rule.Program, keysBefore(rule.Program), 2*rule.Program.cost
		if p.ratcheted && cost > partBudget {
			apart := variable{fmt.Sprintf("before_%d", len(before)+1), keys}
			before, keys, cost = append(before, apart), "variables."+apart.name, p.cost
		}
		texts := newTexts(p, keys)
		if len(found) == 0 || cost > budget || len(texts) > room {
			found = append(found, variable{fmt.Sprintf("found_%d", len(found)+1), texts})
			budget, room = partBudget-cost, maxPart-len(texts)
			continue
		}
		found[len(found)-1].expression += " +\n" + texts
		budget -= cost
		room -= len(texts)
	}
	return before, found
}

// keysBefore are the keys of what a rule finds in the old object.
func keysBefore(p *Program) string {
	return fmt.Sprintf("oldObject == null ? [] : (%s\n).map(f, f.key)", p.before)
}

// newTexts are what a rule says of its new findings: those whose key the old object did
// not have, so that a workload that violated the rule before it was enforced can be scaled
// and mended.
func newTexts(p *Program, before string) string {
	text := strconv.Quote("["+p.name+"] ") + " + " + celText("f")
	if !p.ratcheted {
		return fmt.Sprintf("(%s\n).map(f, %s)", p.source, text)
	}
	return fmt.Sprintf("[%s].map(before,\n(%s\n).filter(f, !(f.key in before)).map(f, %s))[0]", before, p.source, text)
}

// firstTexts joins the first texts and counts those left out.
func firstTexts(n int) string {
	return fmt.Sprintf("variables.texts.transformList(i, t, i < %[1]d, t).join('; ') +\n"+
		"(variables.texts.size() <= %[1]d ? '' : '; +' + string(variables.texts.size() - %[1]d) + ' more')", n)
}

// staticDenial is said when the findings cannot be.
func staticDenial(env Environment, rules []Placed) string {
	return fmt.Sprintf("this change violates guardrails that environment %s enforces, at least one of: %s",
		env.Name, cut(strings.Join(names(rules), ", "), maxNames))
}
