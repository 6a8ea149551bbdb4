// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rampart-dev/rampart/internal/drift"
)

// horizontal is a HorizontalPodAutoscaler of a Deployment, both of that name.
func horizontal(name string) drift.Autoscaler {
	return drift.Horizontal(&autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
		},
	})
}

// custom is an object with a name and the spec.
func custom(t *testing.T, spec string) *unstructured.Unstructured {
	t.Helper()
	return &unstructured.Unstructured{Object: object(t, "{metadata: {name: shop}, spec: "+spec+"}")}
}

func TestAnAutoscalerNamesItsTarget(t *testing.T) {
	shop := drift.Target{Kind: "Deployment", Name: "shop"}
	other := func(apiVersion, kind string) drift.Autoscaler {
		return drift.Horizontal(&autoscalingv2.HorizontalPodAutoscaler{Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: apiVersion, Kind: kind, Name: "shop"},
		}})
	}
	for _, c := range []struct {
		name       string
		autoscaler drift.Autoscaler
		target     drift.Target
	}{
		{"a HorizontalPodAutoscaler", horizontal("shop"), shop},
		{"a HorizontalPodAutoscaler of a StatefulSet", other("apps/v1", "StatefulSet"), drift.Target{Kind: "StatefulSet", Name: "shop"}},
		{"one that names no API group", other("", "Deployment"), shop},
		{"one of a custom kind", other("example.com/v1", "Deployment"), drift.Target{}},
		{"one of a kind that has no baseline", other("v1", "ReplicationController"), drift.Target{}},
		{"one that cannot be read", other("a/b/c", "Deployment"), drift.Target{}},
		{"a ScaledObject, whose kind is a Deployment when it names none", drift.Scaled(custom(t, "{scaleTargetRef: {name: shop}}")), shop},
		{"a ScaledObject of another kind", drift.Scaled(custom(t, "{scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: shop}}")), drift.Target{Kind: "StatefulSet", Name: "shop"}},
		{"a ScaledObject without a target", drift.Scaled(custom(t, "{}")), drift.Target{Kind: "Deployment"}},
		{"a VerticalPodAutoscaler", drift.Vertical(custom(t, "{targetRef: {apiVersion: apps/v1, kind: DaemonSet, name: shop}}")), drift.Target{Kind: "DaemonSet", Name: "shop"}},
		{"a VerticalPodAutoscaler that only recommends", drift.Vertical(custom(t, "{targetRef: {apiVersion: apps/v1, kind: DaemonSet, name: shop}, updatePolicy: {updateMode: 'Off'}}")), drift.Target{}},
		{"a VerticalPodAutoscaler of new pods alone", drift.Vertical(custom(t, "{targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}, updatePolicy: {updateMode: Initial}}")), shop},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(c.autoscaler.Target).To(Equal(c.target))
		})
	}
}

func TestAnAutoscalerSetsWhatItWasGiven(t *testing.T) {
	vertical := func(policies string) drift.Autoscaler {
		return drift.Vertical(custom(t, "{resourcePolicy: {containerPolicies: ["+policies+"]}}"))
	}
	const cpu, memory, limit, other = "spec.template.spec.containers[name=shop].resources.requests.cpu",
		"spec.template.spec.containers[name=shop].resources.requests.memory", "spec.template.spec.containers[name=shop].resources.limits.cpu",
		"spec.template.spec.containers[name=other].resources.requests.cpu"
	for _, c := range []struct {
		name       string
		autoscaler drift.Autoscaler
		sets, not  []string
	}{
		{"replicas alone", horizontal("shop"), []string{"spec.replicas"}, []string{cpu, "spec.strategy"}},
		{"a ScaledObject too", drift.Scaled(custom(t, "{}")), []string{"spec.replicas"}, []string{cpu}},
		{"cpu and memory of every container", vertical(""), []string{cpu, memory, limit, other}, []string{
			"spec.replicas", "spec.template.spec.containers[name=shop].image", "spec.template.spec.containers[name=shop]",
			"spec.template.spec.containers[name=shop].resources.requests.ephemeral-storage", "spec.template.spec.containers[name=shop].resources.claims",
			"spec.template.spec.initContainers[name=shop].resources.requests.cpu", "spec.template.spec.resources.requests.cpu",
		}},
		{"not of a container that is left alone", vertical("{containerName: shop, mode: 'Off'}"), []string{other}, []string{cpu, limit}},
		{"of one container alone", vertical("{containerName: shop}, {containerName: '*', mode: 'Off'}"), []string{cpu, limit}, []string{other}},
		{"one resource", vertical("{containerName: '*', controlledResources: [memory]}"), []string{memory}, []string{cpu, other}},
		{"requests alone", vertical("{containerName: shop, controlledValues: RequestsOnly}"), []string{cpu, memory, other}, []string{limit}},
		{"what cannot be read is as if not there", vertical("nonsense"), []string{cpu}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			for _, text := range slices.Concat(c.sets, c.not) {
				path, err := drift.ParsePath(text)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(c.autoscaler.Sets(path)).To(Equal(slices.Contains(c.sets, text)), text)
			}
		})
	}
}
