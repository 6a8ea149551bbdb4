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

// warnPolicy warns of every finding and cannot refuse: an error in one validation is
// ignored and leaves the others alone. It is a copy of its own, since the failure policy
// belongs to the policy and not to the binding, and has no audit annotations, whose
// errors would be reported whatever the failure policy says.
func warnPolicy(env Environment, name string, programs []*Program) *admissionv1.ValidatingAdmissionPolicy {
	var findings []variable
	var validations []admissionv1.Validation
	for i, variableName := range findingsNames(programs) {
		p := programs[i]
		findings = append(findings, variable{variableName, p.source})
		validations = append(validations, admissionv1.Validation{
			Expression:        fmt.Sprintf("variables.%s.size() == 0", variableName),
			Message:           cutText(prefix(env, p) + p.spec.Title),
			MessageExpression: warning(env, p, variableName),
		})
	}
	return &admissionv1.ValidatingAdmissionPolicy{
		TypeMeta:   admission.TypeMeta("ValidatingAdmissionPolicy"),
		ObjectMeta: metadata(env, name),
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: outsideSystem(env, everyWayToPods),
			MatchConditions:  conditions(env),
			FailurePolicy:    ptr.To(admissionv1.Ignore),
			Variables:        policyVariables(prelude(), findings),
			Validations:      validations,
		},
	}
}

// warning is one short line for all findings of a rule: the API server cuts warnings when
// a response has many.
func warning(env Environment, p *Program, variableName string) string {
	return fmt.Sprintf("variables.%[1]s.size() == 0 ? '' : %[2]s + variables.%[1]s.map(f, %[3]s)[0] +\n"+
		"(variables.%[1]s.size() == 1 ? '' : ' +' + string(variables.%[1]s.size() - 1) + ' more')",
		variableName, strconv.Quote(prefix(env, p)), celText("f"))
}

// prefix tells a developer which environment speaks and which guardrail.
func prefix(env Environment, p *Program) string {
	return fmt.Sprintf("%s: [%s] ", env.Name, p.name)
}
