// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
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
		{"the source may be in another cluster", "spec: {source: {namespace: shop, cluster: staging}}", ""},
		{"a cluster is named", "spec: {source: {namespace: shop, cluster: ''}}", "spec.source.cluster"},
		{"a cluster's name is that of a connection", "spec: {source: {namespace: shop, cluster: 'https://staging'}}", "spec.source.cluster"},
		{"a cluster's name fits", "spec: {source: {namespace: shop, cluster: " + strings.Repeat("a", 64) + "}}", "spec.source.cluster"},
		{"another cluster is nothing without a namespace", "spec: {source: {cluster: staging}}", "spec.source.namespace: Required value"},
		{"a selector is readable", gate(", workloadSelector: {matchExpressions: [{key: a, operator: In}]}"), "operator In or NotIn with values"},
		{"names may be mapped", gate(", mapping: {workloads: [{kind: Deployment, from: shop-next, to: shop}, {from: a, to: b}], names: {stripPrefix: stg-, stripSuffix: -staging, addPrefix: prod-, addSuffix: -prod}}"), ""},
		{"a mapping maps something", gate(", mapping: {}"), "spec.mapping"},
		{"pairs are not empty", gate(", mapping: {workloads: []}"), "spec.mapping.workloads"},
		{"names are not empty", gate(", mapping: {names: {}}"), "spec.mapping.names"},
		{"what is stripped is a part of a name", gate(", mapping: {names: {stripSuffix: -Staging}}"), "spec.mapping.names.stripSuffix"},
		{"what is added is a part of a name", gate(", mapping: {names: {addPrefix: -prod}}"), "spec.mapping.names.addPrefix"},
		{"a pair has both names", gate(", mapping: {workloads: [{from: a}]}"), "spec.mapping.workloads[0].to"},
		{"a name in a pair is a name", gate(", mapping: {workloads: [{from: A, to: b}]}"), "spec.mapping.workloads[0].from"},
		{"a pair is of a kind", gate(", mapping: {workloads: [{kind: Service, from: a, to: b}]}"), "spec.mapping.workloads[0].kind"},
		{"a workload of the source has one name here", gate(", mapping: {workloads: [{from: a, to: b}, {kind: Deployment, from: a, to: c}]}"), "mapped twice"},
		{"workloads of two kinds may have the same name", gate(", mapping: {workloads: [{kind: CronJob, from: a, to: b}, {kind: Deployment, from: a, to: b}]}"), ""},
		{"a workload here stands for one of the source", gate(", mapping: {workloads: [{from: a, to: c}, {from: b, to: c}]}"), "two workloads of the source are mapped to the same one"},
		{"pairs are bounded", gate(", mapping: {workloads: [" + pairs(65) + "]}"), "spec.mapping.workloads"},
		{"many pairs may be said", gate(", mapping: {workloads: [" + pairs(64) + "]}"), ""},
		{"images may be found elsewhere", gate(", registryMappings: [{from: 'registry.staging.example:5000/team', to: registry.example/team}]"), ""},
		{"a registry is mapped once", gate(", registryMappings: [{from: a, to: b}, {from: a, to: c}]"), "Duplicate value"},
		{"a registry is mapped to another", gate(", registryMappings: [{from: a, to: a}]"), "from and to are the same"},
		{"a registry does not end in a slash", gate(", registryMappings: [{from: a/, to: b}]"), "spec.registryMappings[0].from"},
		{"a registry is required", gate(", registryMappings: [{from: a}]"), "spec.registryMappings[0].to"},
		{"natural trials may be asked for", gate(", readiness: {naturalTrials: 3}"), ""},
		{"natural trials are not negative", gate(", readiness: {naturalTrials: -1}"), "spec.readiness.naturalTrials"},
		{"natural trials are within the window", gate(", readiness: {naturalTrials: 101}"), "spec.readiness.naturalTrials"},
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

// pairs are n mappings of names.
func pairs(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("{kind: Deployment, from: %s-%d, to: b-%d}", strings.Repeat("a", 240), i, i)
	}
	return strings.Join(all, ", ")
}
