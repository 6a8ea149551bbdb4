// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

func TestAPatternMatchesWhatMessagesPrint(t *testing.T) {
	for _, c := range []struct {
		name, pattern, path string
		matches             bool
	}{
		{"the field itself", "spec.replicas", "spec.replicas", true},
		{"a field whose name begins like it", "spec.replicas", "spec.replicasMax", false},
		{"what lies in it", "spec.strategy", "spec.strategy.rollingUpdate.maxSurge", true},
		{"what it lies in", "spec.strategy.rollingUpdate", "spec.strategy", false},
		{"an item by its key", "spec.template.spec.containers[name=shop].image", "spec.template.spec.containers[name=shop].image", true},
		{"another item", "spec.template.spec.containers[name=shop].image", "spec.template.spec.containers[name=cart].image", false},
		{"a whole item that was added", "spec.template.spec.containers[name=proxy]", "spec.template.spec.containers[name=proxy]", true},
		{"a whole item, where the pattern names a field of it", "spec.template.spec.containers[name=proxy].image", "spec.template.spec.containers[name=proxy]", false},
		{"every item", "spec.template.spec.containers[name=*].resources", "spec.template.spec.containers[name=shop].resources.limits.cpu", true},
		{"every item, and another field", "spec.template.spec.containers[name=*].resources", "spec.template.spec.containers[name=shop].image", false},
		{"every item of another list", "spec.template.spec.containers[name=*].image", "spec.template.spec.initContainers[name=shop].image", false},
		{"an item with two keys, of which one may be any", "spec.template.spec.containers[name=shop].ports[containerPort=*,protocol=UDP]",
			"spec.template.spec.containers[name=shop].ports[containerPort=53,protocol=UDP].name", true},
		{"an item whose other key differs", "spec.template.spec.containers[name=shop].ports[containerPort=*,protocol=UDP]",
			"spec.template.spec.containers[name=shop].ports[containerPort=53,protocol=TCP]", false},
		{"an annotation", "spec.template.metadata.annotations[example.com/owner]", "spec.template.metadata.annotations[example.com/owner]", true},
		{"another annotation", "spec.template.metadata.annotations[example.com/owner]", "spec.template.metadata.annotations[example.com/team]", false},
		{"a list that is compared as a whole", "spec.template.spec.tolerations", "spec.template.spec.tolerations", true},
		{"a key that must be quoted", `spec.template.spec.containers[name=shop].volumeMounts[mountPath="/a,b"]`,
			`spec.template.spec.containers[name=shop].volumeMounts[mountPath="/a,b"].readOnly`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			pattern, err := drift.ParsePattern(c.pattern)
			g.Expect(err).NotTo(HaveOccurred())
			path, err := drift.ParsePath(c.path)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(pattern.Matches(path)).To(Equal(c.matches))
		})
	}
	NewWithT(t).Expect(drift.Pattern{}.Matches(drift.Path{{Field: "spec"}})).To(BeFalse(), "what was not parsed matches nothing")
}

func TestAPatternMayNameWhateverWorkloadsHave(t *testing.T) {
	for _, pattern := range []string{
		"spec.replicas", "spec.strategy.rollingUpdate.maxSurge", "spec.updateStrategy.rollingUpdate.partition", "spec.volumeClaimTemplates",
		"spec.template.metadata.labels.env", "spec.template.metadata.annotations[example.com/ports]", "spec.template.spec.nodeSelector[example.com/pool]",
		"spec.selector.matchLabels.app", "spec.template.spec.containers", "spec.template.spec.containers[name=*].resources.limits.memory",
		"spec.template.spec.containers[name=x].livenessProbe.httpGet.port", "spec.template.spec.containers[name=x].env[name=A].valueFrom.fieldRef",
		"spec.template.spec.volumes[name=x].emptyDir.sizeLimit", "spec.template.spec.volumes[name=x].projected.sources",
		"spec.template.spec.ephemeralContainers[name=x].image", "spec.template.spec.securityContext.runAsUser",
		"spec.template.spec.topologySpreadConstraints[topologyKey=zone,whenUnsatisfiable=*].maxSkew", "spec.template.spec.overhead.cpu",
	} {
		_, err := drift.ParsePattern(pattern)
		NewWithT(t).Expect(err).NotTo(HaveOccurred(), pattern)
	}
}

func TestAPatternThatCouldNeverMatchIsRefused(t *testing.T) {
	for _, c := range []struct{ name, pattern, says string }{
		{"nothing", "", "no field below spec"},
		{"all of the spec", "spec", "no field below spec"},
		{"what is not in the spec", "metadata.labels.app", "no field below spec"},
		{"a JSON pointer", "/spec/replicas", "is no field name"},
		{"a key that stands without brackets", "spec.template.metadata.annotations.example.com/owner", "is no field name"},
		{"a quote that cannot be read", `spec.template.metadata.annotations["\q"]`, "unterminated quote"},
		{"an index", "spec.template.spec.containers[0].image", "containers is a list: name an item as containers[name=…], or all of them with containers[name=*]"},
		{"a list without an item", "spec.template.spec.containers.image", "containers is a list"},
		{"an item by another field", "spec.template.spec.containers[image=x].env", "an item of containers is named as containers[name=…]"},
		{"half of a key", "spec.template.spec.containers[name=shop].ports[containerPort=80]", "named as ports[containerPort=…,protocol=…]"},
		{"an item of a list that is compared as a whole", "spec.template.spec.tolerations[key=x]", "tolerations is compared as a whole: name spec.template.spec.tolerations"},
		{"a field of such an item", "spec.template.spec.tolerations.key", "tolerations is compared as a whole: name spec.template.spec.tolerations"},
		{"a field that is misspelt", "spec.replica", "replica is no field of spec; did you mean replicas?"},
		{"a field in other letters", "spec.template.spec.nodeselector", "nodeselector is no field of spec.template.spec; did you mean nodeSelector?"},
		{"a list that is misspelt", "spec.template.spec.container[name=x].image", "container is no field of spec.template.spec; did you mean containers?"},
		{"a field of an item that is misspelt", "spec.template.spec.containers[name=*].resource.limits",
			"resource is no field of spec.template.spec.containers[name=*]; did you mean resources?"},
		{"a field that is inlined in Go, misspelt", "spec.template.spec.volumes[name=x].configmap", "did you mean configMap?"},
		{"a field that resembles none", "spec.template.spec.flavour", "flavour is no field of spec.template.spec"},
		{"a field of another kind than those that are compared", "spec.schedule", "schedule is no field of spec"},
		{"what lies in a number", "spec.replicas.value", "spec.replicas has no fields: name spec.replicas"},
		{"what lies in a number or a text", "spec.strategy.rollingUpdate.maxSurge.type", "maxSurge has no fields"},
		{"what lies in a quantity", "spec.template.spec.containers[name=x].resources.limits.cpu.value", "limits.cpu has no fields"},
		{"an item of what is no list", "spec.template[name=x]", "spec.template is no list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := drift.ParsePattern(c.pattern)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.says)))
		})
	}
}

func TestIgnoredFieldsThatCannotBeReadAreNamed(t *testing.T) {
	g := NewWithT(t)
	g.Expect(drift.UnreadableFields(&v1alpha1.DriftPolicy{IgnoredFields: []string{"spec.replicas"}})).To(BeEmpty())
	g.Expect(drift.UnreadableFields(&v1alpha1.DriftPolicy{IgnoredFields: []string{"spec.replicas", "spec.template.spec.containers[0]"}})).
		To(HavePrefix("spec.drift.ignoredFields[1] ignores nothing until it is corrected: "))
}
