// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"strings"
	"testing"
)

// rule is the YAML of a Guardrail with the fields added to its spec.
func rule(fields string) string {
	return "spec: {title: Title, category: Resources, " + fields + "}"
}

func TestAGuardrailIsValidated(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	validation := "{expression: 'true', message: m}"
	validations := func(n int) string {
		return "validations: [" + strings.TrimSuffix(strings.Repeat(validation+", ", n), ", ") + "]"
	}
	tried(t, "Guardrail", "", []example{
		{"a rule is an expression of findings", rule("findings: '[]'"), ""},
		{"a rule is a list of validations", rule(validations(1)), ""},
		{"everything may be said at once", rule("findings: '[]', description: d, howToFix: h, severity: Critical, kinds: [Deployment, Pod], default: d"), ""},
		{"a rule is not both", rule("findings: '[]', " + validations(1)), "exactly one of findings and validations"},
		{"a rule is not neither", rule("severity: Low"), "exactly one of findings and validations"},
		{"a title is required", "spec: {category: Resources, findings: '[]'}", "spec.title: Required value"},
		{"a title is not empty", "spec: {title: '', category: Resources, findings: '[]'}", "spec.title"},
		{"a title of 80 characters fits", "spec: {title: " + long(80) + ", category: Resources, findings: '[]'}", ""},
		{"a title of 81 characters is too long", "spec: {title: " + long(81) + ", category: Resources, findings: '[]'}", "spec.title"},
		{"a category is required", "spec: {title: Title, findings: '[]'}", "spec.category: Required value"},
		{"a category is one of the known", "spec: {title: Title, category: Other, findings: '[]'}", "spec.category"},
		{"a severity is one of the known", rule("findings: '[]', severity: Fatal"), "spec.severity"},
		{"a description fits", rule("findings: '[]', description: " + long(2048)), ""},
		{"a description that is too long is refused", rule("findings: '[]', description: " + long(2049)), "spec.description"},
		{"a remedy fits", rule("findings: '[]', howToFix: " + long(2048)), ""},
		{"a remedy that is too long is refused", rule("findings: '[]', howToFix: " + long(2049)), "spec.howToFix"},
		{"a kind is one that makes pods", rule("findings: '[]', kinds: [Service]"), "spec.kinds[0]"},
		{"a kind is named once", rule("findings: '[]', kinds: [Pod, Pod]"), "Duplicate value"},
		{"an expression is not empty", rule("findings: ''"), "spec.findings"},
		{"an expression fits", rule("findings: " + long(8192)), ""},
		{"an expression that is too long is refused", rule("findings: " + long(8193)), "spec.findings"},
		{"a default is not empty", rule("findings: '[]', default: ''"), "spec.default"},
		{"a default that is too long is refused", rule("findings: '[]', default: " + long(8193)), "spec.default"},
		{"16 validations fit", rule(validations(16)), ""},
		{"17 validations are too many", rule(validations(17)), "spec.validations"},
		{"no validations are no rule", rule("validations: []"), "spec.validations"},
		{"a validation has an expression", rule("validations: [{message: m}]"), "spec.validations[0].expression: Required value"},
		{"a validation's expression is not empty", rule("validations: [{expression: '', message: m}]"), "spec.validations[0].expression"},
		{"a validation has a message", rule("validations: [{expression: 'true'}]"), "set message or messageExpression"},
		{"a validation's message may be an expression", rule(`validations: [{expression: 'true', messageExpression: "'m'"}]`), ""},
		{"a validation has both, for when the expression fails", rule(`validations: [{expression: 'true', message: m, messageExpression: "'m'"}]`), ""},
		{"a validation's message is not empty", rule("validations: [{expression: 'true', message: ''}]"), "spec.validations[0].message"},
		{"a validation's message is short", rule("validations: [{expression: 'true', message: " + long(257) + "}]"), "spec.validations[0].message"},
		{"a validation's message expression is short", rule("validations: [{expression: 'true', messageExpression: " + long(4097) + "}]"), "spec.validations[0].messageExpression"},
		{"a name of 48 characters fits", "metadata: {name: " + long(48) + "}\n" + rule("findings: '[]'"), ""},
		{"a name of 49 characters is too long", "metadata: {name: " + long(49) + "}\n" + rule("findings: '[]'"), "at most 48 characters"},
	})
}
