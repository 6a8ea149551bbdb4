// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// addEnforce adds a policy that refuses what brings new findings, and names all of them at
// once. That takes a single validation, since the API server reports the first that fails
// only.
func (o *Objects) addEnforce(env Environment, m matter, stands where, name string, rules []Placed, onError admissionv1.FailurePolicyType) {
	var findings []variable
	var none, texts []string
	for i, variableName := range findingsNames(rules) {
		p := rules[i].Program
		findings = append(findings, newFindings(p, variableName)...)
		none = append(none, fmt.Sprintf("variables.%s.size() == 0", variableName))
		texts = append(texts, fmt.Sprintf("variables.%s.map(f, %s + %s)", variableName, strconv.Quote("["+p.name+"] "), celText("f")))
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
			MatchConstraints: outsideSystem(env, m.constraints()),
			MatchConditions:  m.onlyViolators(m.conditions(env, stands), rules),
			FailurePolicy:    ptr.To(onError),
			Variables:        policyVariables(m.variables(), m.variablesBefore(), findings, message),
			Validations: []admissionv1.Validation{{
				Expression:        strings.Join(none, " &&\n"),
				Message:           staticDenial(env, rules),
				MessageExpression: fmt.Sprintf("bytes(variables.long).size() <= %d ? variables.long : variables.short", maxDenial),
				Reason:            ptr.To(metav1.StatusReasonForbidden),
			}},
		},
	}, admissionv1.Deny)
}

// newFindings are the findings whose key the old object did not have, so that a workload
// that violated the rule before it was enforced can be scaled and mended.
func newFindings(p *Program, name string) []variable {
	if !p.ratcheted {
		return []variable{{name, p.source}}
	}
	before := name + "_before"
	return []variable{
		{before, fmt.Sprintf("oldObject == null ? [] : (%s\n).map(f, f.key)", p.before)},
		{name, fmt.Sprintf("(%s\n).filter(f, !(f.key in variables.%s))", p.source, before)},
	}
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
