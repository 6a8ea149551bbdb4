// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"strings"
	"testing"
)

// gate is the YAML of a PromotionGate with the fields added to its spec.
func gate(fields string) string { return "spec: {source: {namespace: staging}" + fields + "}" }

func TestAPromotionGateIsValidated(t *testing.T) {
	tried(t, "PromotionGate", "default", []example{
		{"a source is a whole gate", gate(""), ""},
		{"everything may be said at once", gate(", workloadSelector: {matchLabels: {a: b}}, readiness: {target: 99, confidence: 99, qualities: [SafeFailure]}, startLevel: Observe, maxLevel: Enforce"), ""},
		{"a source is required", "spec: {}", "spec.source: Required value"},
		{"the source's namespace is required", "spec: {source: {}}", "spec.source.namespace: Required value"},
		{"the source's namespace is not empty", "spec: {source: {namespace: ''}}", "spec.source.namespace"},
		{"the source's namespace is a name", "spec: {source: {namespace: Not_A_Name}}", "spec.source.namespace"},
		{"the source's namespace fits", "spec: {source: {namespace: " + strings.Repeat("a", 63) + "}}", ""},
		{"the source's namespace is not too long", "spec: {source: {namespace: " + strings.Repeat("a", 64) + "}}", "spec.source.namespace"},
		{"a selector is readable", gate(", workloadSelector: {matchExpressions: [{key: a, operator: In}]}"), "operator In or NotIn with values"},
		{"the target has a ceiling", gate(", readiness: {target: 100}"), "spec.readiness.target"},
		{"the confidence has a floor", gate(", readiness: {confidence: 49}"), "spec.readiness.confidence"},
		{"the qualities are three", gate(", readiness: {qualities: [Speed]}"), "spec.readiness.qualities[0]"},
		{"a gate starts at a level", gate(", startLevel: Deny"), "spec.startLevel"},
		{"a gate ends at a level", gate(", maxLevel: Deny"), "spec.maxLevel"},
		{"a gate stays where it starts", gate(", startLevel: Warn, maxLevel: Warn"), ""},
		{"a gate climbs", gate(", startLevel: Warn, maxLevel: Enforce"), ""},
		{"a gate does not start above its end", gate(", startLevel: Enforce, maxLevel: Warn"), "startLevel is above maxLevel"},
		{"a gate does not climb down", gate(", startLevel: Warn, maxLevel: Observe"), "startLevel is above maxLevel"},
	})
}
