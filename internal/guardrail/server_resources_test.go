// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

func resourceRule(group, version, resource, kind string) v1alpha1.ResourceRule {
	return v1alpha1.ResourceRule{Group: group, Version: version, Resource: resource, Kind: kind}
}

func TestOtherResourcesAreJudged(t *testing.T) {
	t.Parallel()
	s := newServer(t, "services")
	s.render(placed(v1alpha1.Enforce, over(t, "owned", services))...)

	w := NewWithT(t)
	service := func(name string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
		}
	}
	owned := service("good")
	owned.Labels = map[string]string{"owner": "team"}
	w.Expect(s.try(owned)).To(Succeed())
	w.Expect(s.try(service("bad"))).To(And(beRefused(), MatchError(HaveSuffix("1 finding: [owned] has no owner"))))

	old := service("old")
	s.create(old)
	old.Spec.Ports[0].Port = 81
	w.Expect(s.as(person).Update(t.Context(), old.DeepCopy(), client.DryRunAll)).To(Succeed(), "an old violator can be changed")
	s.create(owned)
	delete(owned.Labels, "owner")
	w.Expect(s.as(person).Update(t.Context(), owned.DeepCopy(), client.DryRunAll)).To(beRefused())
	w.Expect(s.try(podOf("web", "nginx"))).To(Succeed(), "workloads are another matter")
}

// The rule reads spec.metrics, which the request's version does not have.
func TestARequestInAnotherVersionIsConverted(t *testing.T) {
	t.Parallel()
	s := newServer(t, "converted")
	spec := findingsSpec("object.?spec.?metrics.orValue([]).map(m, {'key': 'metric', 'text': 'scales on ' + string(m.type)})")
	spec.Resources = []v1alpha1.ResourceRule{resourceRule("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")}
	s.render(placed(v1alpha1.Enforce, compiled(t, guardrailNamed("metrics", spec)))...)

	NewWithT(t).Expect(s.try(&autoscalingv1.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: autoscalingv1.HorizontalPodAutoscalerSpec{
			MaxReplicas: 3, TargetCPUUtilizationPercentage: new(int32(50)),
			ScaleTargetRef: autoscalingv1.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "shop"},
		},
	})).To(MatchError(HaveSuffix("[metrics] scales on Resource")))
}

func TestNamespacesAreJudgedAsPartsOfThemselves(t *testing.T) {
	inBothForms(t, "judged-ns", namespacesAreJudgedAsPartsOfThemselves)
}

func namespacesAreJudgedAsPartsOfThemselves(t *testing.T, name string, listed []string) {
	s := newServer(t, name)
	s.render(enforced(listed, over(t, "owned", namespaces))...)
	c, heard := s.listening(person)
	w := NewWithT(t)

	// It has its own labels, before and after the change.
	own := testenv.Namespace(s.namespace, nil)
	w.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(own), own)).To(Succeed())
	own.Labels["owner"] = "team"
	w.Expect(s.as(operator).Update(t.Context(), own)).To(Succeed())
	delete(own.Labels, "owner")
	w.Expect(c.Update(t.Context(), own.DeepCopy(), client.DryRunAll)).To(And(beRefused(), MatchError(HaveSuffix("[owned] has no owner"))))

	fresh := testenv.Namespace(name+"-new", own.Labels)
	w.Expect(c.Create(t.Context(), fresh, client.DryRunAll)).To(Succeed(), "a namespace that the operator has not seen is not enforced")
	w.Expect(heard.take()).To(ConsistOf(name + ": [owned] has no owner; Enforce is next"))
	w.Expect(c.Create(t.Context(), testenv.Namespace("elsewhere", nil), client.DryRunAll)).To(Succeed())
	w.Expect(heard.take()).To(BeEmpty(), "it is in no environment")
	generated := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-", Labels: map[string]string{"environment": s.namespace}}}
	w.Expect(c.Create(t.Context(), generated, client.DryRunAll)).To(Succeed())

	system := testenv.Namespace("kube-public", map[string]string{"environment": s.namespace})
	w.Expect(c.Update(t.Context(), system, client.DryRunAll)).To(Succeed(), "a system namespace is not judged, whatever its labels")
	w.Expect(heard.take()).NotTo(ContainElement(ContainSubstring("kube-public")))
}

// What the cluster needs in every namespace comes there, and nothing that a person wrote
// comes with it.
func TestTheUpkeepOfBuiltInControllersIsNotJudged(t *testing.T) {
	t.Parallel()
	s := newServer(t, "upkeep")
	always := func(name string, resources ...v1alpha1.ResourceRule) *Program {
		// It reads the request, so that it is not ratcheted.
		spec := findingsSpec("request.operation == 'DELETE' ? [] : [{'key': 'a', 'text': 'never'}]")
		spec.Resources = resources
		return compiled(t, guardrailNamed(name, spec))
	}
	s.render(placed(v1alpha1.Enforce, always("never",
		resourceRule("", "v1", "serviceaccounts", "ServiceAccount"), resourceRule("", "v1", "configmaps", "ConfigMap"),
		resourceRule("", "v1", "endpoints", "Endpoints"), resourceRule("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
		resourceRule("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"), services))...)

	meta := metav1.ObjectMeta{Namespace: s.namespace, Name: "some"}
	account := &corev1.ServiceAccount{ObjectMeta: meta}
	configMap := &corev1.ConfigMap{ObjectMeta: meta}
	endpoints := &corev1.Endpoints{ObjectMeta: meta} //nolint:staticcheck // Clusters still have them.
	slice := &discoveryv1.EndpointSlice{ObjectMeta: meta, AddressType: discoveryv1.AddressTypeIPv4}
	service := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: meta, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("1Gi")}},
	}}
	const shared = "system:kube-controller-manager"
	controller := func(name string) string { return "system:serviceaccount:kube-system:" + name }
	for _, c := range []struct {
		user   string
		object client.Object
		passes bool
	}{
		{controller("service-account-controller"), account, true},
		{controller("root-ca-cert-publisher"), configMap, true},
		{controller("endpoint-controller"), endpoints, true},
		{controller("endpointslice-controller"), slice, true},
		{shared, account, true},
		{shared, slice, true},
		// Each for its own objects only.
		{controller("service-account-controller"), configMap, false},
		{controller("endpoint-controller"), service, false},
		{controller("generic-garbage-collector"), configMap, false},
		// What these make is what a person wrote.
		{controller("endpointslicemirroring-controller"), slice, false},
		{controller("statefulset-controller"), claim, false},
		{controller("ephemeral-volume-controller"), claim, false},
		{shared, claim, false},
		// Nobody is one of them by a like name.
		{"system:serviceaccount:upkeep:service-account-controller", account, false},
		{person, account, false},
		{person, endpoints, false},
	} {
		t.Run(fmt.Sprintf("%s makes a %T", c.user, c.object), func(t *testing.T) {
			err := s.as(c.user).Create(t.Context(), c.object.DeepCopyObject().(client.Object), client.DryRunAll)
			if c.passes {
				NewWithT(t).Expect(err).NotTo(HaveOccurred())
			} else {
				NewWithT(t).Expect(err).To(beRefused())
			}
		})
	}
	t.Run("the garbage collector lets an object go", func(t *testing.T) {
		s.create(configMap)
		freed := configMap.DeepCopy()
		freed.Finalizers = []string{"example.com/hold"}
		NewWithT(t).Expect(s.as(person).Update(t.Context(), freed.DeepCopy(), client.DryRunAll)).To(beRefused())
		NewWithT(t).Expect(s.as(controller("generic-garbage-collector")).Update(t.Context(), freed.DeepCopy(), client.DryRunAll)).To(Succeed())
	})
}
