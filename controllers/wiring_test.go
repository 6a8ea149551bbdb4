// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
)

// runLoops runs the operator under its own name, until the container of the test ends.
func runLoops(options controllers.Options) {
	GinkgoHelper()
	running, stop := context.WithCancel(ctx)
	mgr, err := ctrl.NewManager(as(rest.ImpersonationConfig{UserName: operatorUser}), ctrl.Options{
		Scheme: controllers.Scheme(), Cache: controllers.CacheOptions(options.OperatorNamespace),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	Expect(err).NotTo(HaveOccurred())
	options.Metrics = prometheus.NewRegistry() // Several operators run in this process, one after another.
	Expect(controllers.Setup(running, mgr, options)).To(Succeed())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(running) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended).Should(Receive(Succeed()))
	})
}

// Everywhere else the loops are called one by one. Here they run, so that what a loop
// reads is shown to lead to it.
var _ = Describe("The running operator", Ordered, func() {
	BeforeAll(func() { runLoops(controllers.Options{OperatorNamespace: "rampart-system"}) })

	It("follows a guardrail, a workload and a namespace from the first look to the last", func() {
		w := newWorld(v1alpha1.Staging)
		rule := newGuardrail(w.policy.Name, ownerFindings)
		w.deploy("shop")
		findings := func(g Gomega) int32 {
			g.Expect(admin.Get(ctx, w.reportKey("shop"), &v1alpha1.ReadinessReport{})).To(Succeed())
			return w.report("shop").Status.Findings
		}
		Eventually(findings).Should(BeEquivalentTo(1))
		Eventually(func() *corev1.Namespace { return getNamespace(w.namespace) }).Should(
			HaveField("Annotations", HaveKey(v1alpha1.AnnotationJoined)))
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.policy), w.policy)).To(Succeed())
			g.Expect(w.policy.Status.Workloads).To(BeEquivalentTo(1))
			g.Expect(w.policy.Status.Findings).To(BeEquivalentTo(1))
		}).Should(Succeed())

		By("a change of the rule")
		Eventually(func() error {
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(rule), rule)).To(Succeed())
			rule.Spec.Findings = "[]"
			return admin.Update(ctx, rule)
		}).Should(Succeed())
		Eventually(findings).Should(BeZero())

		By("pods that become ready")
		w.rollOut("shop")
		Eventually(func() int32 { return w.report("shop").Status.Evidence.Counted }).Should(BeNumerically(">", 0))

		By("a report that somebody deletes")
		uid := w.report("shop").UID
		Expect(admin.Delete(ctx, w.report("shop"))).To(Succeed())
		Eventually(func(g Gomega) {
			var report v1alpha1.ReadinessReport
			g.Expect(admin.Get(ctx, w.reportKey("shop"), &report)).To(Succeed())
			g.Expect(report.UID).NotTo(Equal(uid))
			g.Expect(report.Status.Revision.Number).To(BeEquivalentTo(1))
		}).Should(Succeed())

		By("a native policy that somebody deletes")
		Eventually(w.nativePolicies).Should(HaveLen(2), "the stamp of authors")
		Expect(admin.Delete(ctx, w.nativePolicies()[0])).To(Succeed())
		Eventually(w.nativePolicies).Should(HaveLen(2))

		By("a namespace that leaves")
		w.label("none")
		Eventually(func() bool { return w.reportGone("shop") }).Should(BeTrue())
		Eventually(func() *corev1.Namespace { return getNamespace(w.namespace) }).Should(
			HaveField("Annotations", Not(HaveKey(v1alpha1.AnnotationJoined))))
	})

	It("sees its native policies live, and mends one that somebody broke", func() {
		w := newWorld(v1alpha1.Staging, startAtWarn)
		newGuardrail(w.policy.Name, ownerFindings)
		live := func(g Gomega) metav1.ConditionStatus {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.policy), w.policy)).To(Succeed())
			g.Expect(w.policy.Status.Levels).To(Equal("1 Warn"))
			g.Expect(w.policy.Status.AdmissionSeen).NotTo(BeEmpty(), "until then there was no policy to see")
			return w.live().Status
		}
		Eventually(live).Should(Equal(metav1.ConditionTrue))
		seen := w.policy.Status.AdmissionSeen

		var policy admissionv1.ValidatingAdmissionPolicy
		Expect(admin.Get(ctx, client.ObjectKey{Name: "rampart-" + w.policy.Name + "-warn"}, &policy)).To(Succeed())
		policy.Spec.MatchConditions[0].Expression = "object.spec.absent.deep == 1"
		Expect(admin.Update(ctx, &policy)).To(Succeed())
		Eventually(live).Should(Equal(metav1.ConditionUnknown))
		Eventually(live).Should(Equal(metav1.ConditionTrue))
		Expect(w.policy.Status.AdmissionSeen).NotTo(Equal(seen))
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(&policy), &policy)).To(Succeed())
		Expect(policy.Spec.MatchConditions[0].Expression).NotTo(ContainSubstring("absent"))
	})

	It("takes reports away with the policy that they stand by", func() {
		w := newWorld(v1alpha1.Staging)
		w.deploy("shop")
		Eventually(func() bool { return w.reportGone("shop") }).Should(BeFalse())
		Eventually(func() *corev1.Namespace { return getNamespace(w.namespace) }).Should(
			HaveField("Annotations", HaveKey(v1alpha1.AnnotationJoined)))
		Expect(admin.Delete(ctx, w.policy)).To(Succeed())

		Eventually(func() bool { return w.reportGone("shop") }).Should(BeTrue())
		Eventually(func() *corev1.Namespace { return getNamespace(w.namespace) }).Should(
			HaveField("Annotations", Not(HaveKey(v1alpha1.AnnotationJoined))))
	})

	It("decides again when a report that a gate waits for changes, and writes the ledger", func() {
		w, source := newGatedWorld()
		Eventually(func() v1alpha1.GateState { return w.gate().Status.State }).Should(Equal(v1alpha1.GatePending))
		source.deploy("shop")
		Eventually(func() int32 { return w.gate().Status.Total }).Should(BeEquivalentTo(1))
		Eventually(func() *corev1.Namespace { return getNamespace(w.namespace) }).Should(
			HaveField("Annotations", HaveKey("deployment.ledger.rampart.dev/shop")))
		Eventually(func() []client.Object { return sharedAdmission(w.namespace) }).ShouldNot(BeEmpty())
	})

	Context("over objects and what is around them", overObjects)
	Context("beside autoscalers", overAutoscalers)
	Context("beside Secrets", overSecrets)
})
