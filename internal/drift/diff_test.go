// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/internal/drift"
)

// object reads YAML as the API machinery reads objects.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	g := NewWithT(t)
	raw, err := yaml.YAMLToJSON([]byte(text))
	g.Expect(err).NotTo(HaveOccurred())
	out := map[string]any{}
	g.Expect(utiljson.Unmarshal(raw, &out)).To(Succeed())
	return out
}

func TestDiffNamesTheLeavesThatDiffer(t *testing.T) {
	for _, c := range []struct {
		name, was, is string
		want          []string
	}{
		{"equal objects", "{a: {b: 1}}", "{a: {b: 1}}", nil},
		{"a scalar", "{replicas: 3}", "{replicas: 5}", []string{"replicas: 3 -> 5"}},
		{"an added field", "{}", "{paused: true}", []string{"paused: <nil> -> true"}},
		{"a removed field", "{paused: true}", "{}", []string{"paused: true -> <nil>"}},
		{"an item by its key, whatever its place",
			"{containers: [{name: a, image: x}, {name: b, image: w}]}", "{containers: [{name: b, image: z}, {name: a, image: x}]}",
			[]string{"containers[name=b].image: w -> z"}},
		{"an added item", "{containers: [{name: a}]}", "{containers: [{name: a}, {name: debug}]}",
			[]string{"containers[name=debug]: <nil> -> map[name:debug]"}},
		{"a removed item", "{env: [{name: A, value: x}]}", "{env: []}", []string{"env[name=A]: map[name:A value:x] -> <nil>"}},
		{"items added to a list that was not there", "{}", "{env: [{name: A, value: x}]}", []string{"env[name=A]: <nil> -> map[name:A value:x]"}},
		{"entries added to a map that was not there", "{}", "{annotations: {a.b/c: x}}", []string{"annotations[a.b/c]: <nil> -> x"}},
		{"ports by number and protocol",
			"{ports: [{containerPort: 53, protocol: TCP}, {containerPort: 53, protocol: UDP}]}",
			"{ports: [{containerPort: 53, protocol: TCP}, {containerPort: 53, protocol: UDP, name: dns}]}",
			[]string{"ports[containerPort=53,protocol=UDP].name: <nil> -> dns"}},
		{"a command as a whole, because its order has a meaning", "{command: [a, b]}", "{command: [b, a]}", []string{"command: [a b] -> [b a]"}},
		{"tolerations as a whole", "{tolerations: [{key: a}]}", "{tolerations: [{key: a}, {key: b}]}",
			[]string{"tolerations: [map[key:a]] -> [map[key:a] map[key:b]]"}},
		{"init containers in another order", "{initContainers: [{name: a}, {name: b}]}", "{initContainers: [{name: b}, {name: a}]}",
			[]string{"initContainers: [map[name:a] map[name:b]] -> [map[name:b] map[name:a]]"}},
		{"a new first init container", "{initContainers: [{name: a}]}", "{initContainers: [{name: b}, {name: a}]}",
			[]string{"initContainers[name=b]: <nil> -> map[name:b]"}},
		{"a list that repeats a key is compared as a whole", "{env: [{name: A, value: x}, {name: A, value: w}]}", "{env: [{name: A, value: w}]}",
			[]string{"env: [map[name:A value:x] map[name:A value:w]] -> [map[name:A value:w]]"}},
		{"quantities that mean the same", "{limits: {cpu: 1000m, memory: 1Gi}}", "{limits: {cpu: '1', memory: 1024Mi}}", nil},
		{"a fraction of a quantity", "{requests: {memory: 0.5Gi, cpu: '0.1'}}", "{requests: {memory: 512Mi, cpu: 100m}}", nil},
		{"the size of an empty volume", "{volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}]}", "{volumes: [{name: v, emptyDir: {sizeLimit: 1024Mi}}]}", nil},
		{"quantities that differ", "{limits: {cpu: 1000m}}", "{limits: {cpu: 1001m}}", []string{"limits.cpu: 1000m -> 1001m"}},
		{"text that looks like a quantity", "{env: [{name: A, value: 1000m}]}", "{env: [{name: A, value: '1'}]}", []string{"env[name=A].value: 1000m -> 1"}},
		{"numbers in another notation", "{x: 1}", "{x: 1.0}", nil},
		{"a number and the same text are not the same", "{x: 1}", "{x: '1'}", []string{"x: 1 -> 1"}},
		{"empty lists and maps of entries are as if not there", "{labels: {}, env: [], command: []}", "{}", nil},
		{"an empty object is not as if not there", "{securityContext: {}}", "{}", []string{"securityContext: map[] -> <nil>"}},
		{"null is as if not there", "{creationTimestamp: null}", "{}", nil},
		{"a volume that changed its kind", "{volumes: [{name: v, emptyDir: {}}]}", "{volumes: [{name: v, secret: {secretName: s}}]}",
			[]string{"volumes[name=v].emptyDir: map[] -> <nil>", "volumes[name=v].secret: <nil> -> map[secretName:s]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, leaf := range drift.Diff(object(t, c.was), object(t, c.is)) {
				got = append(got, fmt.Sprintf("%s: %v -> %v", leaf.Path, leaf.Was, leaf.Is))
			}
			NewWithT(t).Expect(got).To(Equal(c.want))
		})
	}
}
