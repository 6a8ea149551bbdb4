// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// promotesFrom labels the world's namespace, as the platform team does, and lets the loop
// pass; an empty source takes the label away. It returns the gates that stand afterwards.
func (w *world) promotesFrom(source string) []v1alpha1.PromotionGate {
	GinkgoHelper()
	namespace := getNamespace(w.namespace)
	before := namespace.DeepCopy()
	if namespace.Labels = with(namespace.Labels, v1alpha1.LabelPromotesFrom, source); source == "" {
		delete(namespace.Labels, v1alpha1.LabelPromotesFrom)
	}
	Expect(admin.Patch(ctx, namespace, client.MergeFrom(before), client.FieldOwner("platform"))).To(Succeed())
	return w.onboard()
}

// onboard is one pass of the loop; it returns the gates that stand afterwards.
func (w *world) onboard() []v1alpha1.PromotionGate {
	GinkgoHelper()
	loop := &controllers.OnboardingReconciler{Client: w.client, Events: w.events, OperatorNamespace: "rampart-system"}
	_, err := loop.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Name: w.namespace}})
	Expect(err).NotTo(HaveOccurred())
	var gates v1alpha1.PromotionGateList
	Expect(admin.List(ctx, &gates, client.InNamespace(w.namespace))).To(Succeed())
	return gates.Items
}

// make a gate as a person does.
func (w *world) makeGate(name, source string) *v1alpha1.PromotionGate {
	GinkgoHelper()
	g := &v1alpha1.PromotionGate{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
		Spec:       v1alpha1.PromotionGateSpec{Source: v1alpha1.GateSource{Namespace: source}},
	}
	Expect(admin.Create(ctx, g)).To(Succeed())
	return g
}

var _ = Describe("Onboarding by a label", func() {
	var w, source *world

	BeforeEach(func() {
		source, w = newWorld(v1alpha1.Staging), newWorld(v1alpha1.Production)
		DeferCleanup(func() {
			Expect(admin.DeleteAllOf(ctx, &v1alpha1.PromotionGate{}, client.InNamespace(w.namespace))).To(Succeed())
		})
	})

	It("makes a gate, which works, and takes it away with the label", func() {
		source.proven("shop", "registry.example/shop:1.0.0")
		gates := w.promotesFrom(source.namespace)
		Expect(gates).To(HaveLen(1))
		Expect(gates[0].Name).To(Equal("default"))
		Expect(gates[0].Spec).To(Equal(v1alpha1.PromotionGateSpec{Source: v1alpha1.GateSource{Namespace: source.namespace}}))
		Expect(w.told(telemetry.ReasonGateMade)).To(BeTrue())
		Expect(w.reconcileGateNamed("default").Status.State).To(Equal(v1alpha1.GateOpen))

		By("writing nothing at rest")
		version := w.gateNamed("default").ResourceVersion
		Expect(w.onboard()[0].ResourceVersion).To(Equal(version))

		Expect(w.promotesFrom("")).To(BeEmpty())
		Expect(w.told(telemetry.ReasonGateRemoved)).To(BeTrue())
	})

	It("makes it again when somebody deletes it", func() {
		gates := w.promotesFrom(source.namespace)
		Expect(admin.Delete(ctx, &gates[0])).To(Succeed())
		Expect(w.onboard()).To(HaveLen(1))
	})

	It("lets the same gate look at another namespace", func() {
		uid := w.promotesFrom(source.namespace)[0].UID
		gates := w.promotesFrom("kube-public")
		Expect(gates).To(HaveLen(1))
		Expect(gates[0].UID).To(Equal(uid), "its level and the ledger stay")
		Expect(gates[0].Spec.Source.Namespace).To(Equal("kube-public"))
	})

	It("makes none beside a person's gate from the same source, and gives way to one that comes", func() {
		Expect(w.promotesFrom(source.namespace)).To(HaveLen(1))
		mine := w.makeGate("mine", source.namespace)
		gates := w.onboard()
		Expect(gates).To(HaveLen(1))
		Expect(gates[0].UID).To(Equal(mine.UID))
	})

	It("never touches a gate that a person made", func() {
		mine := w.makeGate("default", "elsewhere")
		gates := w.promotesFrom(source.namespace)
		Expect(gates).To(HaveLen(1))
		Expect(gates[0].ResourceVersion).To(Equal(mine.ResourceVersion))
		Expect(w.told(telemetry.ReasonLabelWrong)).To(BeTrue())

		Expect(w.promotesFrom("")).To(HaveLen(1))
	})

	DescribeTable("says what is wrong with the label, and opens nothing:", func(value func() string, made bool) {
		gates := w.promotesFrom(value())
		Expect(w.told(telemetry.ReasonLabelWrong)).To(BeTrue())
		if !made {
			Expect(gates).To(BeEmpty())
			return
		}
		g := w.reconcileGateNamed("default")
		Expect(g.Status.State).NotTo(Equal(v1alpha1.GateOpen))
		ready := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady)
		Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		Expect(ready.Reason).To(Equal(v1alpha1.ReasonSourceUnknown))
	},
		Entry("the namespace itself", func() string { return w.namespace }, true),
		Entry("no such namespace", func() string { return "no-such-namespace" }, true),
		Entry("not the name of a namespace", func() string { return "Not_A_Name" }, false),
	)

	It("keeps the gate when the label is mistyped", func() {
		w.promotesFrom(source.namespace)
		gates := w.promotesFrom("Shop_Staging")
		Expect(gates).To(HaveLen(1))
		Expect(gates[0].Spec.Source.Namespace).To(Equal(source.namespace))
	})
})
