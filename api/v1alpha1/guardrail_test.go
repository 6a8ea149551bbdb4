// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
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
	resources := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("{version: v1, resource: things-%d, kind: Thing}", i))
		}
		return strings.Join(all, ", ")
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

		{"a rule is over resources", rule("findings: '[]', resources: [{version: v1, resource: services, kind: Service}]"), ""},
		{"a rule is over Namespaces", rule("findings: '[]', resources: [{version: v1, resource: namespaces, kind: Namespace}]"), ""},
		{"a rule is over a custom resource", rule("findings: '[]', resources: [{group: example.com, version: v1beta1, resource: widgets, kind: Widget}]"), ""},
		{"8 resources fit", rule("findings: '[]', resources: [" + resources(8) + "]"), ""},
		{"9 resources are too many", rule("findings: '[]', resources: [" + resources(9) + "]"), "spec.resources"},
		{"no resources are no rule over resources", rule("findings: '[]', resources: []"), "spec.resources"},
		{"a rule is not over workloads and resources", rule("findings: '[]', kinds: [Pod], resources: [" + resources(1) + "]"), "not both"},
		{"a rule over resources has no default", rule("findings: '[]', default: d, resources: [" + resources(1) + "]"), "a rule over other resources cannot have one"},
		{"a rule over resources predicts nothing", rule("findings: '[]', predicts: SafeFailure, resources: [" + resources(1) + "]"), "predicts is for rules over workloads"},
		{"a rule over workloads may predict", rule("findings: '[]', predicts: SafeFailure"), ""},
		{"a prediction is one of the qualities", rule("findings: '[]', predicts: Speed"), "spec.predicts"},
		{"the operator's own objects are not judged", rule("findings: '[]', resources: [{group: rampart.dev, version: v1alpha1, resource: guardrails, kind: Guardrail}]"), "the operator's own objects are not judged"},
		{"Secrets are never read", rule("findings: '[]', resources: [{version: v1, resource: secrets, kind: Secret}]"), "Secrets are never read"},
		{"secrets of another group are no Secrets", rule("findings: '[]', resources: [{group: example.com, version: v1, resource: secrets, kind: Vault}]"), ""},
		{"Pods are workloads", rule("findings: '[]', resources: [{version: v1, resource: pods, kind: Pod}]"), "workloads are judged by kinds"},
		{"Deployments are workloads", rule("findings: '[]', resources: [{group: apps, version: v1, resource: deployments, kind: Deployment}]"), "workloads are judged by kinds"},
		{"CronJobs are workloads", rule("findings: '[]', resources: [{group: batch, version: v1, resource: cronjobs, kind: CronJob}]"), "workloads are judged by kinds"},
		{"a resource has a version", rule("findings: '[]', resources: [{resource: services, kind: Service}]"), "spec.resources[0].version: Required value"},
		{"a resource's version is one of an API", rule("findings: '[]', resources: [{version: V1, resource: services, kind: Service}]"), "spec.resources[0].version"},
		{"a resource has a plural", rule("findings: '[]', resources: [{version: v1, kind: Service}]"), "spec.resources[0].resource: Required value"},
		{"a resource is no subresource", rule("findings: '[]', resources: [{version: v1, resource: services/status, kind: Service}]"), "spec.resources[0].resource"},
		{"a resource has a kind", rule("findings: '[]', resources: [{version: v1, resource: services}]"), "spec.resources[0].kind: Required value"},
		{"a resource's kind begins with a capital", rule("findings: '[]', resources: [{version: v1, resource: services, kind: service}]"), "spec.resources[0].kind"},

		{"a rule may read all surroundings", rule("findings: '[]', surroundings: [References, DisruptionBudgets, Services, IngressHosts]"), ""},
		{"surroundings are known ones", rule("findings: '[]', surroundings: [Nodes]"), "spec.surroundings[0]"},
		{"surroundings are named once", rule("findings: '[]', surroundings: [Services, Services]"), "Duplicate value"},
		{"a rationale fits", rule("findings: '[]', rationale: " + long(2048)), ""},
		{"a rationale that is too long is refused", rule("findings: '[]', rationale: " + long(2049)), "spec.rationale"},

		{"a name of 48 characters fits", "metadata: {name: " + long(48) + "}\n" + rule("findings: '[]'"), ""},
		{"a name of 49 characters is too long", "metadata: {name: " + long(49) + "}\n" + rule("findings: '[]'"), "at most 48 characters"},
	})
}

func TestTheParametersOfAGuardrailAreValidated(t *testing.T) {
	parameters := func(list string) string { return rule("findings: '[]', parameters: [" + list + "]") }
	named := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("{name: p%d, type: String}", i))
		}
		return strings.Join(all, ", ")
	}
	texts := func(n, length int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(strings.Repeat("a", length)+", ", n), ", ") + "]"
	}
	tried(t, "Guardrail", "", []example{
		{"a parameter is a string", parameters("{name: p, type: String, description: d, default: a, pattern: '^a', allowed: [a, b]}"), ""},
		{"a parameter is an integer", parameters("{name: p, type: Integer, default: '3', minimum: 1, maximum: 3}"), ""},
		{"a parameter is a boolean", parameters("{name: p, type: Boolean, default: 'true'}"), ""},
		{"a parameter is a list", parameters("{name: p, type: StringList, defaults: [a], pattern: '^a', allowed: [a]}"), ""},
		{"a parameter is nothing else", parameters("{name: p, type: Float}"), "spec.parameters[0].type"},
		{"a parameter has a type", parameters("{name: p}"), "spec.parameters[0].type: Required value"},
		{"a parameter has a name", parameters("{type: String}"), "spec.parameters[0].name: Required value"},
		{"a parameter's name is one of CEL", parameters("{name: allowed-registries, type: String}"), "spec.parameters[0].name"},
		{"a parameter's name begins small", parameters("{name: Registry, type: String}"), "spec.parameters[0].name"},
		{"a parameter's name fits", parameters("{name: " + strings.Repeat("a", 48) + ", type: String}"), ""},
		{"a parameter's name that is too long is refused", parameters("{name: " + strings.Repeat("a", 49) + ", type: String}"), "spec.parameters[0].name"},
		{"a parameter is declared once", parameters("{name: p, type: String}, {name: p, type: Integer}"), "Duplicate value"},
		{"16 parameters fit", parameters(named(16)), ""},
		{"17 parameters are too many", parameters(named(17)), "spec.parameters"},

		{"a string has one default", parameters("{name: p, type: String, defaults: [a]}"), "a StringList has defaults, every other type has default"},
		{"a list has several", parameters("{name: p, type: StringList, default: a}"), "a StringList has defaults, every other type has default"},
		{"a string has no bounds", parameters("{name: p, type: String, minimum: 1}"), "minimum and maximum are for the type Integer"},
		{"a boolean has no bounds", parameters("{name: p, type: Boolean, maximum: 1}"), "minimum and maximum are for the type Integer"},
		{"an integer has no pattern", parameters("{name: p, type: Integer, pattern: a}"), "pattern and allowed are for the types String and StringList"},
		{"a boolean has no list of what is allowed", parameters("{name: p, type: Boolean, allowed: ['true']}"), "pattern and allowed are for the types String and StringList"},
		{"bounds may meet", parameters("{name: p, type: Integer, minimum: 3, maximum: 3}"), ""},
		{"bounds do not cross", parameters("{name: p, type: Integer, minimum: 4, maximum: 3}"), "minimum is above maximum"},

		{"a description fits", parameters("{name: p, type: String, description: " + strings.Repeat("a", 512) + "}"), ""},
		{"a description that is too long is refused", parameters("{name: p, type: String, description: " + strings.Repeat("a", 513) + "}"), "spec.parameters[0].description"},
		{"a default fits", parameters("{name: p, type: String, default: " + strings.Repeat("a", 1024) + "}"), ""},
		{"a default that is too long is refused", parameters("{name: p, type: String, default: " + strings.Repeat("a", 1025) + "}"), "spec.parameters[0].default"},
		{"a pattern fits", parameters("{name: p, type: String, pattern: " + strings.Repeat("a", 256) + "}"), ""},
		{"a pattern that is too long is refused", parameters("{name: p, type: String, pattern: " + strings.Repeat("a", 257) + "}"), "spec.parameters[0].pattern"},
		{"64 defaults fit", parameters("{name: p, type: StringList, defaults: " + texts(64, 253) + "}"), ""},
		{"65 defaults are too many", parameters("{name: p, type: StringList, defaults: " + texts(65, 1) + "}"), "spec.parameters[0].defaults"},
		{"a long default of a list is refused", parameters("{name: p, type: StringList, defaults: " + texts(1, 254) + "}"), "spec.parameters[0].defaults[0]"},
		{"64 allowed values fit", parameters("{name: p, type: String, allowed: " + texts(64, 253) + "}"), ""},
		{"65 allowed values are too many", parameters("{name: p, type: String, allowed: " + texts(65, 1) + "}"), "spec.parameters[0].allowed"},
		{"a long allowed value is refused", parameters("{name: p, type: String, allowed: " + texts(1, 254) + "}"), "spec.parameters[0].allowed[0]"},
	})
}
