// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestDefaultsFillOnlyWhatIsUnset(t *testing.T) {
	t.Parallel()
	s := newServer(t, "defaults")
	s.env.Defaults = v1alpha1.DefaultsApply
	objects := s.render(placed(v1alpha1.Observe, catalogued(t, "resource-requests"))...)
	NewWithT(t).Expect(objects.ValidatingPolicies).To(BeEmpty())

	created := func(pod *corev1.Pod) *corev1.Pod {
		pod.Namespace = s.namespace
		if err := s.as(person).Create(t.Context(), pod, client.DryRunAll); err != nil {
			t.Fatal(err)
		}
		return pod
	}
	requests := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{"cpu": resource.MustParse(cpu), "memory": resource.MustParse(memory)}
	}
	NewWithT(t).Eventually(func() corev1.ResourceList {
		return created(podOf("web", "nginx")).Spec.Containers[0].Resources.Requests
	}, patience, 20*time.Millisecond).Should(BeComparableTo(requests("10m", "32Mi")))

	for name, c := range map[string]struct {
		change     func(*corev1.PodSpec)
		containers []corev1.ResourceList
	}{
		"requests that are set stay": {
			func(p *corev1.PodSpec) { p.Containers[0].Resources.Requests = requests("70m", "70Mi") },
			[]corev1.ResourceList{requests("70m", "70Mi"), requests("10m", "32Mi")},
		},
		"one that is missing is added to one that is set": {
			func(p *corev1.PodSpec) {
				p.Containers[1].Resources.Requests = corev1.ResourceList{"cpu": resource.MustParse("0.5")}
			},
			[]corev1.ResourceList{requests("10m", "32Mi"), requests("500m", "32Mi")},
		},
		"a limit below the default stays a valid pod": {
			func(p *corev1.PodSpec) { p.Containers[0].Resources.Limits = requests("1m", "1Mi") },
			[]corev1.ResourceList{requests("1m", "1Mi"), requests("10m", "32Mi")},
		},
		"resources of the pod as a whole are left alone": {
			func(p *corev1.PodSpec) {
				p.Resources = &corev1.ResourceRequirements{Requests: requests("5m", "5Mi"), Limits: requests("5m", "5Mi")}
			},
			[]corev1.ResourceList{nil, nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			pod := podOf("web", "nginx", "sidecar")
			pod.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80}}
			c.change(&pod.Spec)
			after := created(pod)
			w.Expect(after.Spec.InitContainers).To(BeEmpty())
			for i, want := range c.containers {
				w.Expect(after.Spec.Containers[i].Resources.Requests).To(BeComparableTo(want), "container %d", i)
			}
			w.Expect(after.Spec.Containers[0].Ports).To(HaveLen(1))
			w.Expect(after.Spec.Containers[0].Image).To(Equal("nginx"))
		})
	}

	t.Run("init containers have defaults too", func(t *testing.T) {
		pod := podOf("web", "nginx")
		pod.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "busybox"}}
		NewWithT(t).Expect(created(pod).Spec.InitContainers[0].Resources.Requests).To(BeComparableTo(requests("10m", "32Mi")))
	})
}

// withDefault is a rule that finds nothing and has a default.
func withDefault(name, mutation string) v1alpha1.Guardrail {
	spec := findingsSpec("[]")
	spec.Default = mutation
	return guardrailNamed(name, spec)
}

// unchecked is a rule with a default that Compile would refuse: the API server is to keep
// pods safe from it all the same.
func unchecked(t *testing.T, name, mutation string) *Program {
	t.Helper()
	p := compiled(t, guardrailNamed(name, findingsSpec("[]")))
	p.mutation = mutation
	return p
}

// annotating is a default that sets an annotation, which is easy to see.
func annotating(key string) string {
	return "Object{metadata: Object.metadata{annotations: {'" + key + "': 'set'}}}"
}

// Each error below would refuse the pod, were it one of a JSON patch.
func TestADefaultThatFailsLetsThePodAndTheOthersPass(t *testing.T) {
	t.Parallel()
	s := newServer(t, "failing-default")
	s.env.Defaults = v1alpha1.DefaultsApply
	s.render(placed(v1alpha1.Observe,
		unchecked(t, "a-first", annotating("a-first")),
		unchecked(t, "b-absent", "Object{metadata: Object.metadata{annotations: {'never': string(object.spec.absent.deep)}}}"),
		unchecked(t, "c-twice", "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'a'}, Object.spec.containers{name: 'a'}]}}"),
		unchecked(t, "d-atomic", "Object{spec: Object.spec{tolerations: [Object.spec.tolerations{key: 'a'}]}}"),
		unchecked(t, "e-last", annotating("e-last")),
	)...)
	NewWithT(t).Eventually(func(g Gomega) {
		pod := podOf("web", "nginx")
		pod.Namespace = s.namespace
		g.Expect(s.as(person).Create(t.Context(), pod, client.DryRunAll)).To(Succeed())
		g.Expect(pod.Annotations).To(Equal(map[string]string{"a-first": "set", "e-last": "set"}))
	}, patience, 20*time.Millisecond).Should(Succeed())
}

func TestADefaultLeavesAloneWhatItsRuleLeavesOut(t *testing.T) {
	t.Parallel()
	s := newServer(t, "excluded-default")
	s.env.Defaults = v1alpha1.DefaultsApply
	compiler, err := NewCompiler(MinServerVersion)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	p, err := compiler.CompileFor("set", findingsSpec("[]"), Settings{Exclusions: []v1alpha1.Exclusion{{Namespace: s.namespace, Kind: "Pod", Name: "legacy", Reason: "until spring"}}})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	p.mutation = annotating("set")
	s.render(placed(v1alpha1.Observe, p)...)

	created := func(name string) map[string]string {
		pod := podOf(name, "nginx")
		pod.Namespace = s.namespace
		if err := s.as(person).Create(t.Context(), pod, client.DryRunAll); err != nil {
			t.Fatal(err)
		}
		return pod.Annotations
	}
	NewWithT(t).Eventually(func() map[string]string { return created("web") }, patience, 20*time.Millisecond).Should(HaveKey("set"))
	NewWithT(t).Expect(created("legacy")).To(BeEmpty())
}
