// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// requesting is a default that sets requests of the containers: the entries of a map.
func requesting(entries string) string {
	return sparing("containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, " +
		"resources: Object.spec.containers.resources{requests: {" + entries + "}}})")
}

// sparing is a default that sets fields of the spec of pods without resources of their own.
func sparing(fields string) string {
	return "has(object.spec.resources) ? Object{} : Object{spec: Object.spec{" + fields + "}}"
}

// TestDefaultsSetOnlyWhatCannotBreakAPod proves that no rule, whatever its level, can keep
// a pod from running by what it sets.
func TestDefaultsSetOnlyWhatCannotBreakAPod(t *testing.T) {
	const cpu = "'cpu': c.?resources.?requests[?'cpu'].orValue('10m')"
	for name, c := range map[string]struct {
		mutation string
		says     []string
	}{
		"another field of the spec": {"Object{\n  spec: Object.spec{runtimeClassName: 'kata'}}",
			[]string{"default, line 2, column 37: ", "sets Object.spec.runtimeClassName", "requests of cpu and memory"}},
		"an invalid user": {"Object{spec: Object.spec{securityContext: Object.spec.securityContext{runAsUser: -5}}}",
			[]string{"sets Object.spec.securityContext"}},
		"metadata": {"Object{metadata: Object.metadata{annotations: {'a': 'b'}}}",
			[]string{"sets Object.metadata"}},
		"a field in one branch": {"has(object.spec.hostNetwork) ? Object{} : Object{spec: Object.spec{hostNetwork: true}}",
			[]string{"sets Object.spec.hostNetwork"}},
		"every field that is wrong": {"Object{metadata: Object.metadata{}, spec: Object.spec{nodeName: 'a'}}",
			[]string{"sets Object.metadata", "sets Object.spec.nodeName"}},
		"a field of a container": {sparing("containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, image: 'x'})"),
			[]string{"sets Object.spec.containers.image"}},
		"limits": {sparing("initContainers: object.spec.?initContainers.orValue([]).map(c, Object.spec.initContainers{name: c.name, resources: Object.spec.initContainers.resources{limits: {'cpu': '1'}}})"),
			[]string{"sets Object.spec.initContainers.resources.limits"}},
		"a map instead of an object": {"Object{spec: {'runtimeClassName': 'kata'}}",
			[]string{"default, line 1, column 14: ", "write Object.spec{...}"}},
		"what is read from the pod": {"Object{spec: object.spec}",
			[]string{"write Object.spec{...}"}},
		"a construction out of sight": {"[Object{spec: Object.spec{nodeName: 'a'}}][0]",
			[]string{"write Object{...}"}},
		"an optional field": {"Object{?spec: optional.of(Object.spec{nodeName: 'a'})}",
			[]string{"sets Object.spec by an optional"}},
		"a container that the pod does not have": {sparing("containers: [Object.spec.containers{name: 'more'}]"),
			[]string{"write object.spec.containers.map(c, Object.spec.containers{...})"}},
		"containers of another list": {sparing("containers: object.spec.initContainers.map(c, Object.spec.containers{name: c.name})"),
			[]string{"write object.spec.containers.map"}},
		"all the containers in one list": {sparing("containers: variables.containers.map(c, Object.spec.containers{name: c.name})"),
			[]string{"write object.spec.containers.map"}},
		"another name": {sparing("containers: object.spec.containers.map(c, Object.spec.containers{name: c.name + 'x'})"),
			[]string{"write c.name"}},
		"a pod with resources of its own": {"Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name})}}",
			[]string{"write has(object.spec.resources) ? Object{} : Object{...}"}},
		"only a pod with resources of its own": {"!has(object.spec.resources) ? Object{} : Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name})}}",
			[]string{"write has(object.spec.resources) ? Object{} : Object{...}"}},
		"a request of another resource": {requesting("'example.com/gpu': c.?resources.?requests[?'example.com/gpu'].orValue('1')"),
			[]string{"sets a request of example.com/gpu"}},
		"a request by a name that is computed": {requesting("string(object.kind): c.?resources.?requests[?'cpu'].orValue('1')"),
			[]string{"write {'cpu': ..., 'memory': ...}"}},
		"requests that are no map in sight": {sparing("containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, resources: Object.spec.containers.resources{requests: c.resources.limits}})"),
			[]string{"write {'cpu': ..., 'memory': ...}"}},
		"a request whatever the pod's own": {requesting("'cpu': '10m'"),
			[]string{"write c.?resources.?requests[?'cpu'].orValue('...')"}},
		"a request unless there is another one": {requesting("'cpu': c.?resources.?requests[?'memory'].orValue('10m')"),
			[]string{"write c.?resources.?requests[?'cpu'].orValue('...')"}},
		"a request that is read from elsewhere": {requesting("'cpu': c.?resources.?requests[?'cpu'].orValue(object.metadata.name)"),
			[]string{"write c.?resources.?requests[?'cpu'].orValue('...')"}},
		"a request that is no quantity": {requesting("'cpu': c.?resources.?requests[?'cpu'].orValue('much')"),
			[]string{`"much" is no quantity`}},
		"a negative request": {requesting("'cpu': c.?resources.?requests[?'cpu'].orValue('-1')"),
			[]string{`"-1" is no quantity`}},
		"a patch in JSON": {"[JSONPatch{op: 'add', path: '/spec/nodeName', value: 'a'}]",
			[]string{"default: must evaluate to Object"}},

		"nothing":                        {"Object{}", nil},
		"a request that is unset":        {requesting(cpu), nil},
		"on a condition":                 {"object.metadata.name == 'web' ? (" + requesting(cpu) + ") : Object{}", nil},
		"where there are no pod's own":   {"!has(object.spec.resources) ? Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name})}} : Object{}", nil},
		"of some of the containers":      {sparing("containers: object.spec.containers.map(c, c.name != 'proxy', Object.spec.containers{name: c.name})"), nil},
		"of init containers":             {sparing("initContainers: object.spec.?initContainers.orValue([]).map(i, Object.spec.initContainers{name: i.name})"), nil},
		"resources that depend on image": {sparing("containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, resources: c.image == 'x' ? Object.spec.containers.resources{} : Object.spec.containers.resources{requests: {" + cpu + "}}})"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			_, err := newTestCompiler(t).Compile("rule", withDefault("rule", c.mutation).Spec)
			if c.says == nil {
				w.Expect(err).NotTo(HaveOccurred())
				return
			}
			w.Expect(err).To(HaveOccurred())
			for _, e := range CompileErrors(err) {
				w.Expect(e.Field).To(Equal("default"))
				w.Expect(e.Reason).To(Equal(v1alpha1.ReasonInvalidExpression))
				w.Expect(e.Line == 0 || e.Column == 0).To(Equal(strings.Contains(e.Message, "must evaluate to Object")), "position of %v", e)
			}
			for _, part := range c.says {
				w.Expect(err.Error()).To(ContainSubstring(part))
			}
		})
	}
}

// TestDefaultsFromParametersAreQuantitiesToo: what an environment sets is no way around.
func TestDefaultsFromParametersAreQuantitiesToo(t *testing.T) {
	w := NewWithT(t)
	spec := parameterized(v1alpha1.Parameter{Name: "cpu", Type: v1alpha1.ParameterString, Default: ptr.To("10m")}, "[]")
	spec.Default = requesting("'cpu': c.?resources.?requests[?'cpu'].orValue(variables.params.cpu)")
	_, err := newTestCompiler(t).Compile("rule", spec)
	w.Expect(err).NotTo(HaveOccurred())
	_, err = newTestCompiler(t).CompileFor("rule", spec, Settings{Parameters: []v1alpha1.ParameterSetting{set("cpu", "a lot of it")}})
	w.Expect(err).To(MatchError(ContainSubstring(`"a lot of it" is no quantity`)))
	at := strings.Index(spec.Default, "variables.params") + 1
	w.Expect(CompileErrors(err)).To(HaveLen(1))
	w.Expect(CompileErrors(err)[0].Column).To(Equal(at))
}
