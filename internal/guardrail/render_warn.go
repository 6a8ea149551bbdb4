// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strconv"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/admission"
)

// addWarn adds a policy that warns of every finding and cannot refuse: an error in one
// validation is ignored and leaves the others alone. It is a copy of its own, since the
// failure policy belongs to the policy and not to the binding, and has no audit
// annotations, whose errors would be reported whatever the failure policy says.
func (o *Objects) addWarn(env Environment, m matter, stands where, name string, rules []Placed) {
	validations := make([]admissionv1.Validation, 0, len(rules))
	for _, rule := range rules {
		p := rule.Program
		validations = append(validations, admissionv1.Validation{
			Expression:        fmt.Sprintf("(%s\n).size() == 0", p.source),
			Message:           cutText(prefix(env, p)+p.spec.Title) + rule.announcement(),
			MessageExpression: warning(env, rule),
		})
	}
	o.addValidating(env, stands, &admissionv1.ValidatingAdmissionPolicy{
		TypeMeta:   admission.TypeMeta("ValidatingAdmissionPolicy"),
		ObjectMeta: holding(env, name, rules),
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: outsideSystem(env, stands, m.unchecked()),
			MatchConditions:  m.onlyViolators(m.conditions(env, stands), rules),
			FailurePolicy:    ptr.To(admissionv1.Ignore),
			Variables:        policyVariables(m.variables()),
			Validations:      validations,
		},
	}, admissionv1.Warn)
}

// warning is one short line for all findings of a rule: the API server cuts warnings when
// a response has many.
func warning(env Environment, rule Placed) string {
	return fmt.Sprintf("[%[1]s\n].map(found, found.size() == 0 ? '' : %[2]s + found.map(f, %[3]s)[0] +\n"+
		"(found.size() == 1 ? %[4]s : ' +' + string(found.size() - 1) + ' more' + %[4]s))[0]",
		rule.Program.source, strconv.Quote(prefix(env, rule.Program)), celText("f"), stringLiteral(rule.announcement()))
}

// announcement ends a warning of a rule that is going to be enforced where it warns.
func (p Placed) announcement() string {
	if p.Announced {
		return "; Enforce is next"
	}
	return ""
}

// prefix tells a developer which environment speaks and which guardrail.
func prefix(env Environment, p *Program) string {
	return fmt.Sprintf("%s: [%s] ", env.Name, p.name)
}
