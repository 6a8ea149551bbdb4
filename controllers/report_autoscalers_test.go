// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
)

// requestCPU for the only container.
func requestCPU(quantity string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(quantity)}
	}
}

// horizontal is an autoscaler of the number of a Deployment's pods.
func (w *world) horizontal(name string) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name}, MaxReplicas: 9,
		},
	}
}

// autoscaler is one of a kind that a cluster may lack, over the Deployment.
func (w *world) autoscaler(apiVersion, kind, reference, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": apiVersion, "kind": kind,
		"metadata": map[string]any{"namespace": w.namespace, "name": name},
		"spec":     map[string]any{reference: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": name}},
	}}
}

// install a kind, as its own project's manifests would, until the test ends.
func install(group, version, plural, kind string) {
	GinkgoHelper()
	definition := widgetDefinition(group)
	definition.SetName(plural + "." + group)
	definition.SetAnnotations(map[string]string{"api-approved.kubernetes.io": "unapproved, a test"})
	spec := definition.Object["spec"].(map[string]any)
	spec["names"] = map[string]any{"plural": plural, "kind": kind}
	spec["versions"].([]any)[0].(map[string]any)["name"] = version
	Expect(admin.Create(ctx, definition)).To(Succeed())
	removed(definition)
	Eventually(func() error {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion(group + "/" + version)
		list.SetKind(kind + "List")
		return admin.List(ctx, list)
	}).Should(Succeed())
}

var _ = Describe("What autoscalers were given", func() {
	DescribeTable("is no drift, whoever writes it", func(edit func(*appsv1.Deployment), autoscaler func(*world) client.Object) {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		w.running("shop", requestCPU("1"))
		w.look("shop")
		given := autoscaler(w)
		Expect(admin.Create(ctx, given)).To(Succeed())
		w.change("shop", dana, edit)
		w.rollOut("shop")
		generation := w.deployment("shop").Generation
		w.settle("shop")
		Expect(w.report("shop").Status.Drift).To(BeNil())
		Expect(w.deployment("shop").Generation).To(Equal(generation))

		By("the autoscaler that goes")
		Expect(admin.Delete(ctx, given)).To(Succeed())
		w.settle("shop")
		Expect(w.report("shop").Status.Drift).To(BeNil(), "the baseline followed what was written before")
		w.change("shop", dana, setReplicas(7))
		w.change("shop", dana, requestCPU("7"))
		w.look("shop")
		Expect(w.report("shop").Status.Drift.Leaves).To(BeEquivalentTo(2))
	},
		Entry("replicas of a HorizontalPodAutoscaler", setReplicas(5), func(w *world) client.Object { return w.horizontal("shop") }),
		Entry("replicas of a ScaledObject", setReplicas(5), func(w *world) client.Object {
			install("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
			return w.autoscaler("keda.sh/v1alpha1", "ScaledObject", "scaleTargetRef", "shop")
		}),
		Entry("resources of a VerticalPodAutoscaler", requestCPU("5"), func(w *world) client.Object {
			install("autoscaling.k8s.io", "v1", "verticalpodautoscalers", "VerticalPodAutoscaler")
			return w.autoscaler("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "targetRef", "shop")
		}),
	)

	It("is not taken from another workload", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		w.running("shop")
		w.look("shop")
		Expect(admin.Create(ctx, w.horizontal("cart"))).To(Succeed())
		w.change("shop", dana, setReplicas(5))
		w.look("shop")
		Expect(w.report("shop").Status.Drift.Leaves).To(BeEquivalentTo(1))
	})

	It("is left as it is while nobody knows what they were given", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		w.running("shop", setEnv("info"))
		w.look("shop")
		w.reports.Kinds = controllers.NewKinds()
		w.change("shop", dana, setReplicas(3))
		w.rollOut("shop")
		w.settle("shop")
		Expect(w.deployment("shop").Spec.Replicas).To(HaveValue(BeEquivalentTo(3)))
		Expect(w.report("shop").Status.Drift.Decision).To(ContainSubstring("are being read for the first time"))

		w.reports.Kinds = nil
		w.settle("shop")
		Expect(w.deployment("shop").Spec.Replicas).To(HaveValue(BeEquivalentTo(2)))
	})

	It("is looked for where some environment looks for drift, in a cluster that need not have all kinds", func() {
		w := newKindWorld()
		w.served = []metav1.APIResource{{Name: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true, Verbs: []string{"list", "watch"}}}
		w.allowed = true
		pass := func() ctrl.Result {
			result, err := w.loop.Reconcile(ctx, ctrl.Request{})
			Expect(err).NotTo(HaveOccurred())
			return result
		}
		Expect(pass()).To(BeZero())
		Expect(w.watched).To(BeEmpty())

		w.policy.Spec.Drift = &v1alpha1.DriftPolicy{TrustedWriters: []string{deployer}}
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		Expect(pass().RequeueAfter).NotTo(BeZero(), "the other kinds may be installed later")
		Expect(w.watched).To(HaveLen(1))
		Expect(w.watched).To(HaveKey(autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler")))
	})
})

// overAutoscalers are the specs of the running operator about autoscalers.
func overAutoscalers() {
	It("sees what an autoscaler is given, and what is taken from it", func() {
		w := newWorld(v1alpha1.Production, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Drift = &v1alpha1.DriftPolicy{Mode: v1alpha1.DriftReport, TrustedWriters: []string{deployer}}
		})
		drifted := func(g Gomega) *v1alpha1.Drift {
			g.Expect(admin.Get(ctx, w.reportKey("shop"), &v1alpha1.ReadinessReport{})).To(Succeed())
			return w.report("shop").Status.Drift
		}
		w.deploy("shop")
		Eventually(func(g Gomega) {
			g.Expect(drifted(g)).To(BeNil())
			g.Expect(meta.IsStatusConditionFalse(w.report("shop").Status.Conditions, v1alpha1.ConditionDrifted)).To(BeTrue(), "there is a baseline")
		}).Should(Succeed())
		Eventually(func(g Gomega) {
			shop := w.deployment("shop")
			shop.Spec.Replicas = ptr.To[int32](9)
			g.Expect(writers[dana].Update(ctx, shop, client.DryRunAll)).To(Succeed())
			g.Expect(shop.Annotations[v1alpha1.AnnotationSpecAuthor]).To(ContainSubstring(dana), "the API server stamps authors here")
		}).Should(Succeed())
		edit := func(n int32) {
			Eventually(func() error {
				shop := w.deployment("shop")
				shop.Spec.Replicas = ptr.To(n)
				return writers[dana].Update(ctx, shop)
			}).Should(Succeed())
		}
		edit(5)
		Eventually(drifted).Should(HaveField("Leaves", BeEquivalentTo(1)))

		given := w.horizontal("shop")
		Expect(admin.Create(ctx, given)).To(Succeed())
		Eventually(drifted).Should(BeNil())

		given.Spec.ScaleTargetRef.Name = "cart"
		Expect(admin.Update(ctx, given)).To(Succeed())
		edit(6)
		Eventually(drifted).Should(HaveField("Leaves", BeEquivalentTo(1)))
		given.Spec.ScaleTargetRef.Name = "shop"
		Expect(admin.Update(ctx, given)).To(Succeed())
		Eventually(drifted).Should(BeNil())
	})
}
