// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// listing is a slice that lists pods as ready, or not.
func listing(ready bool, pods ...string) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "shop-1", Annotations: map[string]string{"a": "b"}, ManagedFields: managed},
		Ports:      []discoveryv1.EndpointPort{{Port: ptr.To[int32](80)}},
	}
	for _, pod := range pods {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{"10.0.0.1"}, NodeName: ptr.To("node-1"),
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: pod, UID: types.UID(pod)},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &ready},
		})
	}
	return slice
}

func TestAnEndpointSliceLosesNothingThatPodsAreJudgedBy(t *testing.T) {
	g := NewWithT(t)
	ready := workload.ReadyIn(listing(true, "a", "b"))
	lean, err := leanEndpointSlice(listing(true, "a", "b"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(workload.ReadyIn(lean.(*discoveryv1.EndpointSlice))).To(Equal(ready))
	g.Expect(lean).To(And(HaveField("Ports", BeNil()), HaveField("Annotations", BeNil()), HaveField("ManagedFields", BeNil())))
	g.Expect(lean.(*discoveryv1.EndpointSlice).Endpoints[0]).To(And(HaveField("Addresses", BeNil()), HaveField("NodeName", BeNil()), HaveField("TargetRef.Name", "a")))
}

func TestAnEndpointSliceLeadsToTheWorkloadsOfItsPodsOnce(t *testing.T) {
	controlled := func(name, kind, owner string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps/v1", Kind: kind, Name: owner, UID: types.UID(owner), Controller: ptr.To(true)},
		}}
	}
	reports := &ReportReconciler{Client: fake.NewClientBuilder().WithScheme(Scheme()).WithObjects(
		&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db", UID: "db"}},
		&corev1.Pod{ObjectMeta: controlled("db-0", "StatefulSet", "db")},
		&corev1.Pod{ObjectMeta: controlled("db-1", "StatefulSet", "db")},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "bare", UID: "bare"}},
	).Build()}
	slice := listing(true, "db-0", "gone", "db-1", "bare")
	slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{})
	NewWithT(t).Expect(reports.keysOfEndpoints(t.Context(), slice)).To(Equal([]Key{
		{v1alpha1.KindStatefulSet, "shop", "db"}, {v1alpha1.KindPod, "shop", "bare"},
	}))
}

func TestOnlySlicesWithOtherReadyPodsAreLookedAt(t *testing.T) {
	g := NewWithT(t)
	changed := func(before, after *discoveryv1.EndpointSlice) bool {
		return readinessChanged.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	moved := listing(true, "a")
	moved.Endpoints[0].Addresses = []string{"10.0.0.2"}
	g.Expect(changed(listing(true, "a"), moved)).To(BeFalse())
	g.Expect(changed(listing(true, "a"), listing(false, "a"))).To(BeTrue())
	g.Expect(changed(listing(true, "a"), listing(true, "a", "b"))).To(BeTrue())
	g.Expect(changed(listing(true, "a", "b"), listing(true, "a"))).To(BeTrue())
}
