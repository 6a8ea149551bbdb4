// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// reconcileNamespace is one pass of the loop; it returns what stands afterwards.
func (w *world) reconcileNamespace(name string) *corev1.Namespace {
	GinkgoHelper()
	loop := &controllers.NamespaceReconciler{Client: w.client, Clock: w.clock, Events: w.events, OperatorNamespace: "rampart-system"}
	_, err := loop.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Name: name}})
	Expect(err).NotTo(HaveOccurred())
	return getNamespace(name)
}

func getNamespace(name string) *corev1.Namespace {
	GinkgoHelper()
	var namespace corev1.Namespace
	Expect(admin.Get(ctx, client.ObjectKey{Name: name}, &namespace)).To(Succeed())
	return &namespace
}

// label the world's namespace, as the platform team does.
func (w *world) label(value string) *corev1.Namespace {
	GinkgoHelper()
	namespace := getNamespace(w.namespace)
	before := namespace.DeepCopy()
	namespace.Labels = with(namespace.Labels, "environment", value)
	Expect(admin.Patch(ctx, namespace, client.MergeFrom(before), client.FieldOwner("platform"))).To(Succeed())
	return namespace
}

var _ = Describe("Namespace", func() {
	It("joins empty when its environment came before its workloads", func() {
		w := newWorld(v1alpha1.Production)
		// Times are to the second: the workload must come in a later one than the policy.
		Eventually(func() time.Time { return time.Now().Truncate(time.Second) }).
			Should(BeTemporally(">", environment.Arrival(w.policy, getNamespace(w.namespace))))
		w.deploy("shop")
		joined, found := environment.ParseJoined(w.reconcileNamespace(w.namespace).Annotations)

		Expect(found).To(BeTrue())
		Expect(joined).To(Equal(environment.Joined{Environment: w.policy.Name, Since: w.clock.Now().UTC(), Busy: false}))
	})

	It("joins busy when workloads ran there before its environment", func() {
		w := newWorld(v1alpha1.Production)
		w.label("none")
		w.deploy("shop")
		w.label(w.policy.Name) // in the same second, likely, so that nobody can tell which came first
		joined, _ := environment.ParseJoined(w.reconcileNamespace(w.namespace).Annotations)

		Expect(joined.Busy).To(BeTrue())
	})

	It("stays as it joined, and writes nothing at rest", func() {
		w := newWorld(v1alpha1.Production)
		before := w.reconcileNamespace(w.namespace)
		w.deploy("shop")
		w.later(time.Hour)

		Expect(w.reconcileNamespace(w.namespace).ResourceVersion).To(Equal(before.ResourceVersion))
	})

	It("forgets its environment when it leaves it", func() {
		w := newWorld(v1alpha1.Production)
		w.reconcileNamespace(w.namespace)
		w.label("none")

		Expect(w.reconcileNamespace(w.namespace).Annotations).NotTo(HaveKey(v1alpha1.AnnotationJoined))
	})

	It("is left alone when no environment selects it", func() {
		w := newWorld(v1alpha1.Production)
		namespace := testenv.Namespace(w.namespace+"-other", map[string]string{"team": "other"})
		Expect(admin.Create(ctx, namespace)).To(Succeed())

		Expect(w.reconcileNamespace(namespace.Name).ResourceVersion).To(Equal(namespace.ResourceVersion))
	})

	DescribeTable("is never touched, whatever a selector says,", func(name string) {
		w := newWorld(v1alpha1.Production)
		policy := newPolicy(w.policy.Name+"-all", v1alpha1.Production, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.NamespaceSelector = metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
				Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpIn, Values: []string{name},
			}}}
		})
		Expect(admin.Create(ctx, policy)).To(Succeed())
		DeferCleanup(func() { Expect(admin.Delete(ctx, policy)).To(Succeed()) })
		before := getNamespace(name)

		Expect(w.reconcileNamespace(name).ResourceVersion).To(Equal(before.ResourceVersion))
	},
		Entry("when it is the system's", metav1.NamespaceSystem),
		Entry("when it is public", metav1.NamespacePublic),
		Entry("when it holds the leases of nodes", corev1.NamespaceNodeLease),
		Entry("when it is the operator's own", "rampart-system"),
	)

	It("carries the ledger of its gates, and takes over what ran there before", func() {
		w, source := newGatedWorld()
		w.deploy("cart", setImage("registry.example/cart:0.9"))
		source.proven("shop", "registry.example/shop:1.0.0")
		w.reconcileGate()
		namespace := w.reconcileNamespace(w.namespace)

		shop := gate.ParseEntry(namespace.Annotations["deployment.ledger.rampart.dev/shop"])
		Expect(shop.Proven).To(ContainElement("registry.example/shop:1.0.0"))
		cart := gate.ParseEntry(namespace.Annotations["deployment.ledger.rampart.dev/cart"])
		Expect(cart.Proven).To(BeEmpty())
		Expect(cart.TakenOver).To(ConsistOf("registry.example/cart:0.9"))

		By("writing nothing at rest")
		w.later(time.Hour)
		Expect(w.reconcileNamespace(w.namespace).ResourceVersion).To(Equal(namespace.ResourceVersion))

		By("taking nothing over later")
		w.deploy("late")
		Expect(w.reconcileNamespace(w.namespace).Annotations).NotTo(HaveKey("deployment.ledger.rampart.dev/late"))
	})

	It("keeps what came through the gate as a way back, whatever becomes of the source", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		w.reconcileGate()
		w.reconcileNamespace(w.namespace)
		w.running("shop", setImage("registry.example/shop:1.0.0"))
		entry := func() gate.Entry {
			return gate.ParseEntry(w.reconcileNamespace(w.namespace).Annotations["deployment.ledger.rampart.dev/shop"])
		}
		came := []gate.Admitted{{Revision: w.report("shop").Status.Revision.Hash, Signatures: []string{"registry.example/shop:1.0.0"}}}
		Expect(entry().Admitted).To(Equal(came))

		By("after more than ten newer ones were proven there")
		for n := range 12 {
			source.proven("shop", fmt.Sprintf("registry.example/shop:2.%d.0", n))
		}
		Expect(entry().Admitted).To(Equal(came))
		Expect(entry().Proven).NotTo(ContainElement("registry.example/shop:1.0.0"))

		By("after the source has forgotten the workload")
		Expect(historian.DeleteAllOf(ctx, &v1alpha1.ReadinessReport{}, client.InNamespace(source.namespace))).To(Succeed())
		Expect(entry()).To(HaveField("Admitted", came))
		Expect(entry().Proven).To(BeEmpty())

		By("writing nothing at rest, by another operator as well")
		before := getNamespace(w.namespace)
		w.restartOperator()
		w.look("shop")
		Expect(w.reconcileNamespace(w.namespace).ResourceVersion).To(Equal(before.ResourceVersion))
	})

	It("does not write the Namespace for every trial", func() {
		w, source := newGatedWorld()
		shown := func(clean int32) {
			source.remember("shop", func(status *v1alpha1.ReadinessReportStatus) {
				status.State, status.Revision = v1alpha1.ReportCollecting, v1alpha1.Revision{Hash: "1", Containers: []v1alpha1.RevisionContainer{{Name: "main", Image: "registry.example/shop:1.0.0"}}}
				status.Qualities = []v1alpha1.QualityScore{{Quality: v1alpha1.Recoverability, Applicable: true, Score: ptr.To(50 + clean), Clean: clean, Needed: 13 - clean}}
				status.Message = fmt.Sprintf("%d more clean trials", 13-clean)
			})
		}
		shown(1)
		w.reconcileGate()
		before := w.reconcileNamespace(w.namespace)
		shown(2)
		Expect(w.reconcileNamespace(w.namespace).ResourceVersion).To(Equal(before.ResourceVersion))
	})

	It("takes over the history of its own kinds, and passes over what other controllers keep", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		revision := func(name string, owner metav1.OwnerReference, data string) {
			owner.Controller, owner.UID = ptr.To(true), "1"
			Expect(admin.Create(ctx, &appsv1.ControllerRevision{
				ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, OwnerReferences: []metav1.OwnerReference{owner}},
				Data:       runtime.RawExtension{Raw: []byte(data)}, Revision: 1,
			})).To(Succeed())
		}
		held := `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"registry.example/db:1"}]}}}}`
		revision("ours", metav1.OwnerReference{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db"}, held)
		revision("machine", metav1.OwnerReference{APIVersion: "kubevirt.io/v1", Kind: "VirtualMachine", Name: "vm"}, `{"spec":{"template":"none"}}`)
		revision("clone", metav1.OwnerReference{APIVersion: "apps.kruise.io/v1beta1", Kind: "StatefulSet", Name: "clone"}, held)
		revision("broken", metav1.OwnerReference{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "agent"}, `{"spec":{"template":[]}}`)
		w.reconcileGate()

		annotations := w.reconcileNamespace(w.namespace).Annotations
		Expect(gate.ParseEntry(annotations["statefulset.ledger.rampart.dev/db"]).TakenOver).To(ConsistOf("registry.example/db:1"))
		Expect(annotations).NotTo(HaveKey("statefulset.ledger.rampart.dev/clone"))
		Expect(annotations).NotTo(HaveKey("daemonset.ledger.rampart.dev/agent"))
	})

	It("keeps what the ledger says while the source cannot be judged", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		w.reconcileGate()
		before := w.reconcileNamespace(w.namespace)
		source.label("none")

		Expect(w.reconcileNamespace(w.namespace).Annotations).To(Equal(before.Annotations))
	})

	It("keeps what the ledger says while everything is suspended", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		w.reconcileGate()
		before := w.reconcileNamespace(w.namespace)
		w.policy.Spec.Suspend = v1alpha1.SuspendAll
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		source.proven("shop", "registry.example/shop:2.0.0")

		Expect(w.reconcileNamespace(w.namespace).ResourceVersion).To(Equal(before.ResourceVersion))
	})

	It("loses the ledger with its last gate", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		w.reconcileGate()
		w.reconcileNamespace(w.namespace)
		Expect(admin.Delete(ctx, w.gate())).To(Succeed())

		for name := range w.reconcileNamespace(w.namespace).Annotations {
			Expect(gate.IsLedger(name)).To(BeFalse(), name)
		}
	})
})
