// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// policy is the YAML of an EnvironmentPolicy with the lines added to its spec.
func policy(stage string, lines ...string) string {
	return "spec:\n  stage: " + stage + "\n  namespaceSelector: {matchLabels: {environment: x}}\n  " + strings.Join(lines, "\n  ")
}

// selecting is one with another selector.
func selecting(selector string) string {
	return "spec: {stage: Staging, namespaceSelector: " + selector + "}"
}

func TestAnEnvironmentPolicyIsValidated(t *testing.T) {
	tried(t, "EnvironmentPolicy", "", []example{
		{"a stage and a selector are a whole policy", policy("Development"), ""},
		{"everything may be said at once", policy("Production",
			"follows: {name: staging}",
			"guardrails: [{name: a, startLevel: Enforce}, {selector: {}, startLevel: Warn, maxLevel: Enforce}]",
			"defaults: Apply",
			"progression: {mode: Hold, target: 50, confidence: 99}",
			"drift: {mode: Correct, trustedWriters: [tool], correctAfter: 1h, startLevel: Act}",
			"rollout: {onFailure: Rollback, startLevel: Act}",
			"promotion: {target: 99, confidence: 50, qualities: [Predictability, Recoverability, SafeFailure]}",
			"drills: {mode: 'Off'}",
			"blastRadius: {actionsPerHour: 5, maxConcurrent: 100, maxUnhealthy: 100}",
			"suspend: All",
		), ""},
		{"the stage is required", "spec: {namespaceSelector: {matchLabels: {a: b}}}", "spec.stage: Required value"},
		{"the stage is one of three", policy("QA"), `supported values: "Development", "Staging", "Production"`},
		{"the selector is required", "spec: {stage: Staging}", "spec.namespaceSelector: Required value"},
		{"a field with a typing error is refused", policy("Staging", "drillz: {}"), "drillz"},

		{"a name of 40 characters fits", "metadata: {name: " + strings.Repeat("a", 40) + "}\n" + policy("Staging"), ""},
		{"a name of 41 characters is too long", "metadata: {name: " + strings.Repeat("a", 41) + "}\n" + policy("Staging"), "at most 40 characters"},
		{"an environment follows another", policy("Staging", "follows: {name: development}"), ""},
		{"an environment does not follow itself", "metadata: {name: me}\n" + policy("Staging", "follows: {name: me}"), "cannot follow itself"},
		{"an environment follows its namesake in another cluster", "metadata: {name: me}\n" + policy("Staging", "follows: {name: me, cluster: other}"), ""},
		{"the cluster of the environment before is named", policy("Staging", "follows: {name: development, cluster: ''}"), "spec.follows.cluster"},
		{"the cluster of the environment before is a connection", policy("Staging", "follows: {name: development, cluster: a/b}"), "spec.follows.cluster"},
		{"the cluster of the environment before fits", policy("Staging", "follows: {name: development, cluster: "+strings.Repeat("a", 64)+"}"), "spec.follows.cluster"},
		{"the environment before has a name", policy("Staging", "follows: {name: ''}"), "spec.follows.name"},
		{"the environment before has a name that fits", policy("Staging", "follows: {name: "+strings.Repeat("a", 41)+"}"), "spec.follows.name"},

		{"namespaces are selected by an expression", selecting("{matchExpressions: [{key: a, operator: Exists}]}"), ""},
		{"namespaces are selected by values", selecting("{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}"), ""},
		{"a selector of everything is refused", selecting("{}"), "select namespaces by at least one label"},
		{"a selector of no labels is refused", selecting("{matchLabels: {}}"), "select namespaces by at least one label"},
		{"a selector of no expressions is refused", selecting("{matchExpressions: []}"), "select namespaces by at least one label"},
		{"an unknown operator is refused", selecting("{matchExpressions: [{key: a, operator: Equals, values: [b]}]}"), "operator In or NotIn with values"},
		{"In without values is refused", selecting("{matchExpressions: [{key: a, operator: In}]}"), "operator In or NotIn with values"},
		{"Exists with values is refused", selecting("{matchExpressions: [{key: a, operator: Exists, values: [b]}]}"), "Exists or DoesNotExist without"},
	})
}

func TestTheGuardrailsOfAnEnvironmentAreValidated(t *testing.T) {
	many := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("{name: guardrail-%d}", i))
		}
		return "guardrails: [" + strings.Join(names, ", ") + "]"
	}
	tried(t, "EnvironmentPolicy", "", []example{
		{"an entry is by name", policy("Staging", "guardrails: [{name: a}]"), ""},
		{"an entry is by label", policy("Staging", "guardrails: [{selector: {matchLabels: {a: b}}}]"), ""},
		{"an entry by both is refused", policy("Staging", "guardrails: [{name: a, selector: {}}]"), "exactly one of name and selector"},
		{"an entry by neither is refused", policy("Staging", "guardrails: [{startLevel: Warn}]"), "exactly one of name and selector"},
		{"an entry's name is not empty", policy("Staging", "guardrails: [{name: ''}]"), "spec.guardrails[0].name"},
		{"an entry's name fits", policy("Staging", "guardrails: [{name: "+strings.Repeat("a", 48)+"}]"), ""},
		{"an entry's name that no guardrail can have is refused", policy("Staging", "guardrails: [{name: "+strings.Repeat("a", 49)+"}]"), "spec.guardrails[0].name"},
		{"a guardrail is named once", policy("Staging", "guardrails: [{name: a}, {name: b}, {selector: {}}, {selector: {}}]"), ""},
		{"a guardrail that is named twice is refused", policy("Staging", "guardrails: [{name: a}, {selector: {}}, {name: a, startLevel: Warn}]"), "named twice"},
		{"64 entries fit", policy("Staging", many(64)), ""},
		{"65 entries are too many", policy("Staging", many(65)), "spec.guardrails"},

		{"a level is one of three", policy("Staging", "guardrails: [{name: a, startLevel: Deny}]"), `"Observe", "Warn", "Enforce"`},
		{"a climb may have no step", policy("Staging", "guardrails: [{name: a, startLevel: Warn, maxLevel: Warn}]"), ""},
		{"a climb does not go down", policy("Staging", "guardrails: [{name: a, startLevel: Warn, maxLevel: Observe}]"), "startLevel is above maxLevel"},
		{"Development observes", policy("Development", "guardrails: [{name: a, startLevel: Observe, maxLevel: Observe}]"), ""},
		{"Development warns where it is told to", policy("Development", "guardrails: [{name: a, startLevel: Warn, maxLevel: Warn}]"), ""},
		{"Development does not warn by half", policy("Development", "guardrails: [{name: a, startLevel: Warn}]"), "set maxLevel: Warn too"},
		{"Development does not enforce", policy("Development", "guardrails: [{name: a, maxLevel: Enforce}]"), "only a Production environment may reach Enforce"},
		{"Staging warns", policy("Staging", "guardrails: [{name: a, startLevel: Warn}]"), ""},
		{"Staging does not climb to Enforce", policy("Staging", "guardrails: [{name: a, maxLevel: Enforce}]"), "only a Production environment may reach Enforce"},
		{"Staging does not start at Enforce", policy("Staging", "guardrails: [{name: a, startLevel: Enforce}]"), "only a Production environment may reach Enforce"},
		{"Production enforces", policy("Production", "guardrails: [{name: a, startLevel: Enforce}]"), ""},
	})
}

func TestTheSettingsOfAGuardrailAreValidated(t *testing.T) {
	entry := func(fields string) string { return policy("Staging", "guardrails: [{name: a, "+fields+"}]") }
	repeated := func(item string, n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+", ", n), ", ") + "]"
	}
	parameters := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("{name: p%d, value: a}", i))
		}
		return "parameters: [" + strings.Join(all, ", ") + "]"
	}
	long := func(n int) string { return strings.Repeat("a", n) }
	tried(t, "EnvironmentPolicy", "", []example{
		{"a parameter is set to a value", entry("parameters: [{name: p, value: '3'}]"), ""},
		{"a parameter is set to nothing", entry("parameters: [{name: p, value: ''}]"), ""},
		{"a parameter is set to values", entry("parameters: [{name: p, values: [a, b]}]"), ""},
		{"a parameter is set to an empty list", entry("parameters: [{name: p, values: []}]"), ""},
		{"a client may leave an empty list out", entry("parameters: [{name: p}]"), ""},
		{"a parameter is not set to both", entry("parameters: [{name: p, value: a, values: [a]}]"), "not both"},
		{"a value is text", entry("parameters: [{name: p, value: 3}]"), "spec.guardrails[0].parameters[0].value"},
		{"a setting has a name", entry("parameters: [{value: a}]"), "spec.guardrails[0].parameters[0].name: Required value"},
		{"a setting's name fits", entry("parameters: [{name: " + long(48) + ", value: a}]"), ""},
		{"a setting's name that is too long is refused", entry("parameters: [{name: " + long(49) + ", value: a}]"), "spec.guardrails[0].parameters[0].name"},
		{"a parameter is set once", entry("parameters: [{name: p, value: a}, {name: p, value: b}]"), "Duplicate value"},
		{"16 settings fit", entry(parameters(16)), ""},
		{"17 settings are too many", entry(parameters(17)), "spec.guardrails[0].parameters"},
		{"a value fits", entry("parameters: [{name: p, value: " + long(1024) + "}]"), ""},
		{"a value that is too long is refused", entry("parameters: [{name: p, value: " + long(1025) + "}]"), "spec.guardrails[0].parameters[0].value"},
		{"64 values fit", entry("parameters: [{name: p, values: " + repeated(long(253), 64) + "}]"), ""},
		{"65 values are too many", entry("parameters: [{name: p, values: " + repeated("a", 65) + "}]"), "spec.guardrails[0].parameters[0].values"},
		{"a value of a list that is too long is refused", entry("parameters: [{name: p, values: " + repeated(long(254), 1) + "}]"), "spec.guardrails[0].parameters[0].values[0]"},
		{"settings are for a selector too", policy("Staging", "guardrails: [{selector: {}, parameters: [{name: p, value: a}], exclusions: [{namespace: a, reason: r}]}]"), ""},

		{"a namespace is excluded", entry("exclusions: [{namespace: a, reason: r}]"), ""},
		{"a kind in it is excluded", entry("exclusions: [{namespace: a, kind: Job, reason: r}]"), ""},
		{"an object in it is excluded", entry("exclusions: [{namespace: a, kind: Job, name: b, reason: r}]"), ""},
		{"an exclusion has a namespace", entry("exclusions: [{reason: r}]"), "spec.guardrails[0].exclusions[0].namespace: Required value"},
		{"an exclusion's namespace is not empty", entry("exclusions: [{namespace: '', reason: r}]"), "spec.guardrails[0].exclusions[0].namespace"},
		{"an exclusion's namespace fits", entry("exclusions: [{namespace: " + long(64) + ", reason: r}]"), "spec.guardrails[0].exclusions[0].namespace"},
		{"an exclusion has a reason", entry("exclusions: [{namespace: a}]"), "spec.guardrails[0].exclusions[0].reason: Required value"},
		{"an exclusion's reason is not empty", entry("exclusions: [{namespace: a, reason: ''}]"), "spec.guardrails[0].exclusions[0].reason"},
		{"an exclusion's reason fits", entry("exclusions: [{namespace: a, reason: " + long(257) + "}]"), "spec.guardrails[0].exclusions[0].reason"},
		{"an exclusion's kind is no resource", entry("exclusions: [{namespace: a, kind: jobs, reason: r}]"), "spec.guardrails[0].exclusions[0].kind"},
		{"an exclusion's name fits", entry("exclusions: [{namespace: a, name: " + long(254) + ", reason: r}]"), "spec.guardrails[0].exclusions[0].name"},
		{"32 exclusions fit", entry("exclusions: " + repeated("{namespace: a, reason: r}", 32)), ""},
		{"33 exclusions are too many", entry("exclusions: " + repeated("{namespace: a, reason: r}", 33)), "spec.guardrails[0].exclusions"},
	})
}

func TestTheConsequencesOfAnEnvironmentAreValidated(t *testing.T) {
	tried(t, "EnvironmentPolicy", "", []example{
		{"defaults are applied or not", policy("Staging", "defaults: Apply"), ""},
		{"defaults are nothing else", policy("Staging", "defaults: Enforce"), "spec.defaults"},
		{"progression is automatic or held", policy("Staging", "progression: {mode: Hold}"), ""},
		{"progression is nothing else", policy("Staging", "progression: {mode: Manual}"), "spec.progression.mode"},
		{"rings are automatic or off", policy("Production", "progression: {rings: 'Off'}"), ""},
		{"rings are nothing else", policy("Production", "progression: {rings: Manual}"), "spec.progression.rings"},
		{"a target of 100 percent cannot be reached", policy("Staging", "progression: {target: 100}"), "spec.progression.target"},
		{"a target below 50 percent says nothing", policy("Staging", "progression: {target: 49}"), "spec.progression.target"},
		{"a confidence of 100 percent cannot be reached", policy("Staging", "progression: {confidence: 100}"), "spec.progression.confidence"},
		{"a confidence below 50 percent says nothing", policy("Staging", "progression: {confidence: 49}"), "spec.progression.confidence"},

		{"Staging reports drift", policy("Staging", "drift: {trustedWriters: [tool]}"), ""},
		{"drift is treated in one of three ways", policy("Staging", "drift: {mode: Undo}"), "spec.drift.mode"},
		{"Staging does not correct drift", policy("Staging", "drift: {mode: Correct, trustedWriters: [tool]}"), "only a Production environment corrects drift"},
		{"Production corrects drift", policy("Production", "drift: {mode: Correct, trustedWriters: [tool]}"), ""},
		{"nothing is corrected without a trusted writer", policy("Production", "drift: {mode: Correct}"), "mode Correct needs trustedWriters"},
		{"nothing is corrected with no trusted writer", policy("Production", "drift: {mode: Correct, trustedWriters: []}"), "mode Correct needs trustedWriters"},
		{"a trusted writer has a name", policy("Production", "drift: {trustedWriters: ['']}"), "spec.drift.trustedWriters[0]"},
		{"a trusted service account has a namespace and a name", policy("Production", "drift: {trustedWriters: ['system:serviceaccount:argocd:argocd-application-controller']}"), ""},
		{"a trusted service account may have dots in its name", policy("Production", "drift: {trustedWriters: ['system:serviceaccount:flux-system:kustomize.controller']}"), ""},
		{"a trusted writer of the system need be no service account", policy("Production", "drift: {trustedWriters: ['system:admin']}"), ""},
		{"half the name of a service account trusts nobody", policy("Production", "drift: {trustedWriters: ['system:serviceaccount:argocd']}"), "is named system:serviceaccount:NAMESPACE:NAME"},
		{"nor does a service account without a name", policy("Production", "drift: {trustedWriters: ['system:serviceaccount:argocd:']}"), "is named system:serviceaccount:NAMESPACE:NAME"},
		{"nor one without a namespace", policy("Production", "drift: {trustedWriters: ['system:serviceaccount::deployer']}"), "is named system:serviceaccount:NAMESPACE:NAME"},
		{"nor one of too many parts", policy("Production", "drift: {trustedWriters: ['system:serviceaccount:a:b:c']}"), "is named system:serviceaccount:NAMESPACE:NAME"},
		{"a trusted writer is named once", policy("Production", "drift: {trustedWriters: [a, a]}"), "Duplicate value"},
		{"32 trusted writers fit", policy("Production", "drift: {trustedWriters: ["+numbered(32)+"]}"), ""},
		{"33 trusted writers are too many", policy("Production", "drift: {trustedWriters: ["+numbered(33)+"]}"), "spec.drift.trustedWriters"},
		{"trusted writers are of no use to who ignores drift", policy("Production", "drift: {mode: Ignore, trustedWriters: [tool]}"), "mode Ignore has no use for trustedWriters"},
		{"fields are ignored as messages print them", policy("Production", "drift: {trustedWriters: [a], ignoredFields: "+
			`[spec.replicas, 'spec.template.spec.containers[name=*].resources', 'spec.template.spec.containers[name=shop].ports[containerPort=80,protocol=TCP]', `+
			`'spec.template.metadata.annotations[example.com/owner]', 'spec.template.metadata.annotations["a,b"]']}`), ""},
		{"fields are not ignored by an index of JSON", policy("Production", "drift: {ignoredFields: [/spec/replicas]}"), "spec.drift.ignoredFields[0]: Invalid value: \"/spec/replicas\": name a field below spec as drift messages print it"},
		{"all of the spec is not ignored: that is mode Ignore", policy("Production", "drift: {ignoredFields: [spec]}"), "spec.drift.ignoredFields[0]"},
		{"what is not in the spec is not ignored", policy("Production", "drift: {ignoredFields: [spec.replicas, metadata.labels.app]}"), "spec.drift.ignoredFields[1]"},
		{"a bracket that is not closed is refused", policy("Production", "drift: {ignoredFields: ['spec.template.spec.containers[name=shop']}"), "spec.drift.ignoredFields[0]"},
		{"nothing is not ignored", policy("Production", "drift: {ignoredFields: ['']}"), "spec.drift.ignoredFields[0]"},
		{"a field is ignored once", policy("Production", "drift: {ignoredFields: [spec.replicas, spec.replicas]}"), "Duplicate value"},
		{"32 ignored fields fit", policy("Production", "drift: {ignoredFields: ["+"spec."+strings.ReplaceAll(numbered(32), ", ", ", spec.")+"]}"), ""},
		{"33 ignored fields are too many", policy("Production", "drift: {ignoredFields: ["+"spec."+strings.ReplaceAll(numbered(33), ", ", ", spec.")+"]}"), "spec.drift.ignoredFields"},
		{"an ignored field that is too long is refused", policy("Production", "drift: {ignoredFields: [spec."+strings.Repeat("a", 508)+"]}"), "spec.drift.ignoredFields[0]"},
		{"Secrets are of no use to who ignores drift", policy("Production", "drift: {mode: Ignore, secrets: Watch}"), "mode Ignore has no use for secrets: Watch"},
		{"ignored fields are of no use to who ignores drift", policy("Production", "drift: {mode: Ignore, ignoredFields: [spec.replicas]}"), "mode Ignore has no use for ignoredFields"},
		{"Development reports drift where it is told to", policy("Development", "drift: {mode: Report, trustedWriters: [tool]}"), ""},
		{"Development does not take words on drift that it ignores", policy("Development", "drift: {trustedWriters: [tool]}"), "set drift.mode too"},
		{"drift is corrected at once", policy("Production", "drift: {mode: Correct, trustedWriters: [tool], correctAfter: 0s}"), ""},
		{"drift is corrected within the hour", policy("Production", "drift: {mode: Correct, trustedWriters: [tool], correctAfter: 61m}"), "between 0s and 1h"},
		{"drift is not corrected before it is there", policy("Production", "drift: {mode: Correct, trustedWriters: [tool], correctAfter: -1s}"), "between 0s and 1h"},
		{"when drift is corrected matters only to who corrects it", policy("Production", "drift: {correctAfter: 1m}"), "correctAfter needs mode Correct"},
		{"where correction starts matters only to who corrects drift", policy("Production", "drift: {startLevel: Act}"), "startLevel Act needs mode Correct"},
		{"where correction starts is Report or Act", policy("Production", "drift: {startLevel: Warn}"), "spec.drift.startLevel"},

		{"Staging reports failures", policy("Staging", "rollout: {onFailure: Report, startLevel: Report}"), ""},
		{"Staging does not roll back", policy("Staging", "rollout: {onFailure: Rollback}"), "only a Production environment rolls back"},
		{"Production rolls back", policy("Production", "rollout: {onFailure: Rollback, startLevel: Act}"), ""},
		{"a failure is treated in one of two ways", policy("Production", "rollout: {onFailure: Pause}"), "spec.rollout.onFailure"},
		{"where rollbacks start matters only to who rolls back", policy("Production", "rollout: {startLevel: Act}"), "startLevel Act needs onFailure Rollback"},
		{"where rollbacks start is Report or Act", policy("Production", "rollout: {onFailure: Rollback, startLevel: Warn}"), "spec.rollout.startLevel"},

		{"Production isolates", policy("Production", "isolation: {mode: OnFailure, after: 0s, startLevel: Act}"), ""},
		{"Production isolates when it is asked to", policy("Production", "isolation: {mode: Manual}"), ""},
		{"Staging does not isolate", policy("Staging", "isolation: {mode: OnFailure}"), "only a Production environment isolates"},
		{"Staging does not isolate when it is asked to", policy("Staging", "isolation: {mode: Manual}"), "only a Production environment isolates"},
		{"Staging may say that it does not isolate", policy("Staging", "isolation: {mode: 'Off'}"), ""},
		{"isolation has one of three modes", policy("Production", "isolation: {mode: Always}"), "spec.isolation.mode"},
		{"what fails is isolated within the hour", policy("Production", "isolation: {mode: OnFailure, after: 61m}"), "between 0s and 1h"},
		{"nothing is isolated before it fails", policy("Production", "isolation: {mode: OnFailure, after: -1s}"), "between 0s and 1h"},
		{"when isolation begins matters only to who isolates unasked", policy("Production", "isolation: {mode: Manual, after: 1m}"), "after needs mode OnFailure"},
		{"where isolation starts matters only to who isolates unasked", policy("Production", "isolation: {mode: Manual, startLevel: Act}"), "startLevel Act needs mode OnFailure"},
		{"where isolation starts is Report or Act", policy("Production", "isolation: {mode: OnFailure, startLevel: Warn}"), "spec.isolation.startLevel"},

		{"Staging drills", policy("Staging", "drills: {pause: 24h}"), ""},
		{"Staging need not drill", policy("Staging", "drills: {mode: 'Off'}"), ""},
		{"Development drills where it is told to", policy("Development", "drills: {mode: WhenNeeded, pause: 0s}"), ""},
		{"Development does not take words on drills that it does not run", policy("Development", "drills: {pause: 1s}"), "set drills.mode too"},
		{"Production never drills", policy("Production", "drills: {mode: WhenNeeded}"), "drills never run in Production"},
		{"drills run or do not", policy("Staging", "drills: {mode: Always}"), "spec.drills.mode"},
		{"drills pause for a day at most", policy("Staging", "drills: {pause: 25h}"), "between 0s and 24h"},
		{"drills do not pause backwards", policy("Staging", "drills: {pause: -1s}"), "between 0s and 24h"},
		{"the only pod may be drilled too", policy("Staging", "drills: {singletons: Evict}"), ""},
		{"the only pod is drilled in known ways", policy("Staging", "drills: {singletons: Always}"), "spec.drills.singletons"},
		{"how the only pod is drilled matters only to who drills", policy("Staging", "drills: {mode: 'Off', singletons: Evict}"), "singletons has no use while mode is Off"},
		{"the pause of drills matters only to who drills", policy("Staging", "drills: {mode: 'Off', pause: 1s}"), "pause has no use while mode is Off"},

		{"the qualities are three", policy("Staging", "promotion: {qualities: [Speed]}"), "spec.promotion.qualities[0]"},
		{"a quality is asked for once", policy("Staging", "promotion: {qualities: [Predictability, Predictability]}"), "Duplicate value"},
		{"the target of promotion has a ceiling", policy("Staging", "promotion: {target: 100}"), "spec.promotion.target"},
		{"the target of promotion has a floor", policy("Staging", "promotion: {target: 49}"), "spec.promotion.target"},
		{"the confidence of promotion has a ceiling", policy("Staging", "promotion: {confidence: 100}"), "spec.promotion.confidence"},
		{"the gates of an environment have levels", policy("Staging", "promotion: {startLevel: Observe, maxLevel: Warn}"), ""},
		{"they are levels of three", policy("Staging", "promotion: {maxLevel: Deny}"), `"Observe", "Warn", "Enforce"`},
		{"a gate's climb does not go down", policy("Staging", "promotion: {startLevel: Warn, maxLevel: Observe}"), "startLevel is above maxLevel"},
		{"the confidence of promotion has a floor", policy("Staging", "promotion: {confidence: 49}"), "spec.promotion.confidence"},

		{"the smallest blast radius is one", policy("Staging", "blastRadius: {actionsPerHour: 1, maxConcurrent: 1, maxUnhealthy: 1}"), ""},
		{"actions are limited", policy("Staging", "blastRadius: {actionsPerHour: 6}"), "spec.blastRadius.actionsPerHour"},
		{"actions are not switched off by a zero", policy("Staging", "blastRadius: {actionsPerHour: 0}"), "spec.blastRadius.actionsPerHour"},
		{"workloads under change are limited", policy("Staging", "blastRadius: {maxConcurrent: 101}"), "spec.blastRadius.maxConcurrent"},
		{"workloads under change are not switched off by a zero", policy("Staging", "blastRadius: {maxConcurrent: 0}"), "spec.blastRadius.maxConcurrent"},
		{"no more than all workloads are unhealthy", policy("Staging", "blastRadius: {maxUnhealthy: 101}"), "spec.blastRadius.maxUnhealthy"},
		{"the breaker is not switched off by a zero", policy("Staging", "blastRadius: {maxUnhealthy: 0}"), "spec.blastRadius.maxUnhealthy"},
		{"remediation is suspended", policy("Staging", "suspend: Remediation"), ""},
		{"what is suspended is one of three", policy("Staging", "suspend: Everything"), "spec.suspend"},
	})
}

func numbered(n int) string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("writer-%d", i))
	}
	return strings.Join(names, ", ")
}

func TestAStageNeverChanges(t *testing.T) {
	g := NewWithT(t)
	policy := &v1alpha1.EnvironmentPolicy{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "stage-"},
		Spec: v1alpha1.EnvironmentPolicySpec{
			Stage: v1alpha1.Staging, NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
		},
	}
	g.Expect(admin.Create(t.Context(), policy)).To(Succeed())
	t.Cleanup(func() { g.Expect(admin.Delete(context.Background(), policy)).To(Succeed()) })
	g.Expect(policy.Spec.Suspend).To(Equal(v1alpha1.SuspendNone), "the API server fills it in")

	policy.Spec.Suspend = v1alpha1.SuspendAll
	g.Expect(admin.Update(t.Context(), policy)).To(Succeed())
	policy.Spec.Stage = v1alpha1.Production
	g.Expect(admin.Update(t.Context(), policy)).To(MatchError(ContainSubstring("create another EnvironmentPolicy")))
}
