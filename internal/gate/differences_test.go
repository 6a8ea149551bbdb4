// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// shape is a Deployment with one container, changed by edit.
func shape(edit ...func(*workload.Workload)) workload.Workload {
	w := workload.Workload{Kind: v1alpha1.KindDeployment, Name: "shop", Replicas: 3, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Containers: []corev1.Container{{
			Name: "main", Image: "a.example/shop:1", Env: []corev1.EnvVar{{Name: "URL", Value: "staging"}},
			ReadinessProbe: &corev1.Probe{PeriodSeconds: 5},
		}},
		Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "a"}}}}},
	}}}
	for _, e := range edit {
		e(&w)
	}
	return w
}

func first(edit func(*corev1.Container)) func(*workload.Workload) {
	return func(w *workload.Workload) { edit(&w.Template.Spec.Containers[0]) }
}

func TestWhatDiffersFromTheSource(t *testing.T) {
	const expected, suspicious = v1alpha1.DifferenceExpected, v1alpha1.DifferenceSuspicious
	for _, c := range []struct {
		name string
		here workload.Workload
		want []v1alpha1.GateDifference
	}{
		{"nothing", shape(), nil},
		{"nothing but the number of replicas, which autoscalers change", shape(func(w *workload.Workload) { w.Replicas = 9 }), nil},
		{"resources are expected to", shape(first(func(c *corev1.Container) {
			c.Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")}
		})), []v1alpha1.GateDifference{{Path: "containers[main].resources", Class: expected, Here: `{"requests":{"cpu":"2"}}`}}},
		{"so are hosts", shape(func(w *workload.Workload) {
			w.Template.Spec.HostAliases = []corev1.HostAlias{{IP: "10.0.0.1", Hostnames: []string{"db"}}}
		}), []v1alpha1.GateDifference{{Path: "hostAliases", Class: expected, Here: `[{"ip":"10.0.0.1","hostnames":["db"]}]`}}},
		{"so is the version that waits before the gate", shape(first(func(c *corev1.Container) { c.Image = "a.example/shop:0.9" })),
			[]v1alpha1.GateDifference{{Path: "containers[main].image.version", Class: expected, Source: ":1", Here: ":0.9"}}},
		{"another image is suspicious", shape(first(func(c *corev1.Container) { c.Image = "a.example/store:1" })),
			[]v1alpha1.GateDifference{{Path: "containers[main].image", Class: suspicious, Source: "a.example/shop", Here: "a.example/store"}}},
		{"so is a probe that is missing", shape(first(func(c *corev1.Container) { c.ReadinessProbe = nil })),
			[]v1alpha1.GateDifference{{Path: "containers[main].readinessProbe", Class: suspicious, Source: `{"periodSeconds":5}`}}},
		{"so are more rights", shape(first(func(c *corev1.Container) { c.SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)} })),
			[]v1alpha1.GateDifference{{Path: "containers[main].securityContext", Class: suspicious, Here: `{"privileged":true}`}}},
		{"so are more rights of the whole pod", shape(func(w *workload.Workload) {
			w.Template.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(false)}
		}), []v1alpha1.GateDifference{{Path: "securityContext", Class: suspicious, Here: `{"runAsNonRoot":false}`}}},
		{"so is a liveness probe that only one has", shape(first(func(c *corev1.Container) { c.LivenessProbe = &corev1.Probe{PeriodSeconds: 1} })),
			[]v1alpha1.GateDifference{{Path: "containers[main].livenessProbe", Class: suspicious, Here: `{"periodSeconds":1}`}}},
		{"so is a volume that only one has", shape(func(w *workload.Workload) {
			w.Template.Spec.Volumes = append(w.Template.Spec.Volumes, corev1.Volume{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}})
		}), []v1alpha1.GateDifference{{Path: "volumes[host]", Class: suspicious, Here: "hostPath"}}},
		{"so is a mount", shape(first(func(c *corev1.Container) { c.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}} })),
			[]v1alpha1.GateDifference{{Path: "containers[main].volumeMounts[/data]", Class: suspicious, Here: `{"name":"data","mountPath":"/data"}`}}},
		{"so is an init container", shape(func(w *workload.Workload) {
			w.Template.Spec.InitContainers = []corev1.Container{{Name: "setup", Image: "x"}}
		}),
			[]v1alpha1.GateDifference{{Path: "initContainers[setup]", Class: suspicious, Here: "present"}}},
		{"so is another environment variable", shape(first(func(c *corev1.Container) { c.Env[0].Name = "URI" })), []v1alpha1.GateDifference{
			{Path: "containers[main].env[URI]", Class: suspicious, Here: "set"},
			{Path: "containers[main].env[URL]", Class: suspicious, Source: "set"},
		}},
		{"its value is not", shape(first(func(c *corev1.Container) { c.Env[0].Value = "production" })), nil},
		{"a volume of another kind is suspicious", shape(func(w *workload.Workload) {
			w.Template.Spec.Volumes[0].VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
		}), []v1alpha1.GateDifference{
			{Path: "volumes[data]", Class: suspicious, Source: "configMap", Here: "emptyDir"},
			{Path: "volumes[data].source", Class: expected, Source: `{"configMap":{"name":"a"}}`, Here: `{"emptyDir":{}}`},
		}},
		{"another object in the same kind of volume is expected", shape(func(w *workload.Workload) { w.Template.Spec.Volumes[0].ConfigMap.Name = "b" }),
			[]v1alpha1.GateDifference{{Path: "volumes[data].source", Class: expected, Source: `{"configMap":{"name":"a"}}`, Here: `{"configMap":{"name":"b"}}`}}},
		{"a container that is missing is one difference", shape(func(w *workload.Workload) { w.Template.Spec.Containers = nil }),
			[]v1alpha1.GateDifference{{Path: "containers[main]", Class: suspicious, Source: "present"}}},
		{"what is suspicious comes first", shape(func(w *workload.Workload) {
			w.Template.Spec.DNSConfig, w.Template.Spec.HostPID = &corev1.PodDNSConfig{Searches: []string{"b"}}, true
		}), []v1alpha1.GateDifference{
			{Path: "hostPID", Class: suspicious, Here: "true"},
			{Path: "dnsConfig", Class: expected, Here: `{"searches":["b"]}`},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(differences(shape(), c.here, nil)).To(Equal(c.want))
		})
	}
	copied := shape(first(func(c *corev1.Container) { c.Image = "b.example/shop:1" }))
	NewWithT(t).Expect(differences(shape(), copied, registries{{From: "a.example", To: "b.example"}})).To(BeEmpty(), "a copy in another registry is the same image")
}

func TestDifferencesAreListedUpToABoundAndCountedBeyondIt(t *testing.T) {
	g := NewWithT(t)
	in := input()
	in.Here, in.Shapes, in.Source.Shapes = nil, map[Key]workload.Workload{}, map[Key]workload.Workload{}
	for i := range 30 {
		r := report(fmt.Sprintf("w%02d", i), state(v1alpha1.ReportProven))
		in.Source.Reports = append(in.Source.Reports, r)
		key := keyOf(r.Status)
		in.Source.Shapes[key] = shape()
		in.Shapes[key] = shape(first(func(c *corev1.Container) {
			for n := range 12 {
				c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprint("E", n)})
			}
		}))
	}
	d := Decide(in)
	g.Expect(d.Workloads[0].Differing).To(BeEquivalentTo(12))
	g.Expect(d.Workloads[0].Message).To(ContainSubstring("; 12 suspicious differences from staging"))
	var status v1alpha1.PromotionGateStatus
	d.Record(&status, 1, now)
	listed := 0
	for _, w := range status.Workloads {
		g.Expect(len(w.Differences)).To(BeNumerically("<=", 10))
		g.Expect(w.Differing).To(BeEquivalentTo(12))
		listed += len(w.Differences)
	}
	g.Expect(listed).To(Equal(maxDifferences))

	delete(in.Shapes, Key{Kind: v1alpha1.KindDeployment, Name: "w00"})
	g.Expect(Decide(in).Workloads[0].Differing).To(BeZero(), "what does not run here differs in nothing")
}
