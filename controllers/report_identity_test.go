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
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// configured gives the only container its environment from a ConfigMap.
func configured(name string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{
			ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
		}}
	}
}

// renamedFrom says whose place a Deployment takes.
func renamedFrom(name string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Annotations = with(d.Annotations, v1alpha1.AnnotationRenamedFrom, name)
	}
}

// configMap makes a ConfigMap, or gives it another content.
func (w *world) configMap(name, value string) {
	GinkgoHelper()
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, Data: map[string]string{"LEVEL": value}}
	if client.IgnoreAlreadyExists(admin.Create(ctx, configMap.DeepCopy())) == nil {
		Expect(admin.Update(ctx, configMap)).To(Succeed())
	}
}

// nextSecond lets the clock of the API server, which dates pods, pass the operator's.
func (w *world) nextSecond() {
	GinkgoHelper()
	w.clock.SetTime(time.Now())
	later := time.Now().Truncate(time.Second).Add(2 * time.Second)
	Eventually(time.Now).WithTimeout(4 * time.Second).Should(BeTemporally(">=", later))
}

// resolveTo makes the kubelet of a pod say what its image is.
func (w *world) resolveTo(pod corev1.Pod, digit int) {
	GinkgoHelper()
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(&pod), &pod)).To(Succeed())
	pod.Status.ContainerStatuses[0].ImageID = "registry.example/shop@sha256:" + fmt.Sprintf("%064d", digit)
	Expect(admin.Status().Update(ctx, &pod)).To(Succeed())
}

// replaceOne takes a pod away, and plays the one that takes its place.
func (w *world) replaceOne(name string) {
	GinkgoHelper()
	pods := w.podsOf(name)
	w.remove(&pods[0])
	w.setReady(w.newPod(w.replicaSet(w.deployment(name))))
}

var _ = Describe("The identity of a revision", func() {
	cause := func(c v1alpha1.RevisionCause) OmegaMatcher { return HaveField("Cause", c) }

	It("has the contents of ConfigMaps in it: a change is a revision without new pods", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.configMap("shop", "info")
		w.running("shop", configured("shop"))
		first := w.report("shop").Status
		Expect(first.Evidence.Counted).To(BeEquivalentTo(3), "a rollout and two starts")

		w.clock.SetTime(time.Now())
		w.configMap("shop", "debug")
		w.look("shop")
		second := w.report("shop").Status
		Expect(second.Revision.Number).To(BeEquivalentTo(2))
		Expect(second.Outcomes).To(HaveExactElements(
			And(cause(v1alpha1.CauseConfigMaps), HaveField("Writer", BeEmpty()), HaveField("Arrival", BeEmpty()), HaveField("Result", v1alpha1.RolloutStable)),
			cause(v1alpha1.CauseCreated)))
		Expect(second.Evidence.Counted).To(BeZero(), "no pod was made for it")
		carried, shown := second.Evidence.Carried[0], second.Outcomes[1].Evidence[0]
		Expect(carried.SuccessesMilli).To(Equal(shown.SuccessesMilli / 2))

		By("counting the pods that are made from then on, and no other")
		w.look("shop")
		Expect(w.report("shop").Status.Evidence.Counted).To(BeZero())
		w.nextSecond()
		w.replaceOne("shop")
		w.clock.SetTime(time.Now())
		w.look("shop")
		Expect(w.report("shop").Status.Evidence.Counted).To(BeEquivalentTo(1), "the start of the new pod")

		By("writing nothing at rest")
		before := w.report("shop").ResourceVersion
		w.restartOperator()
		w.look("shop")
		Expect(w.report("shop").ResourceVersion).To(Equal(before))

		By("being the first revision again when the content is")
		w.configMap("shop", "info")
		w.look("shop")
		third := w.report("shop").Status
		Expect(third.Revision.Number).To(BeEquivalentTo(3))
		Expect(third.Revision.Hash).To(Equal(first.Revision.Hash))
		Expect(third.Evidence.Counted).To(BeZero())
	})

	It("takes a ConfigMap that is missing for another content", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.configMap("shop", "info")
		w.running("shop", configured("shop"))
		Expect(admin.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "shop"}})).To(Succeed())
		w.look("shop")
		Expect(w.report("shop").Status.Outcomes[0]).To(cause(v1alpha1.CauseConfigMaps))
	})

	It("is none of a ConfigMap that the template does not use", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		w.configMap("shop", "info")
		w.look("shop")
		Expect(w.report("shop").Status.Revision.Number).To(BeEquivalentTo(1))
	})

	It("is one change when a ConfigMap and a template are written together, in any order", func() {
		for _, configFirst := range []bool{true, false} {
			w := newWorld(v1alpha1.Staging)
			rule := acceptedGuardrail(w.policy.Name, ownerFindings)
			w.joined("empty")
			w.reconcileEnvironment(w.environments())
			w.configMap("shop", "info")
			w.running("shop", configured("shop"), labelled("owner", "team"))
			shown := w.report("shop").Status.Evidence
			w.later(time.Hour)
			if configFirst {
				w.configMap("shop", "debug")
				w.look("shop")
				w.later(30 * time.Second)
			}
			w.change("shop", deployer, setImage("registry.example/shop:2.0.0"))
			w.change("shop", deployer, labelled("owner", ""))
			w.replicaSet(w.deployment("shop"))
			w.look("shop")
			if !configFirst {
				w.later(time.Second)
				w.configMap("shop", "debug")
				w.look("shop")
			}
			w.rollOut("shop")
			w.look("shop")

			status := w.report("shop").Status
			Expect(status.Outcomes).To(HaveExactElements(
				And(cause(v1alpha1.CauseTemplate), HaveField("Hash", status.Revision.Hash), HaveField("Writer", deployer), HaveField("NewFindings", ConsistOf(rule.Name))),
				cause(v1alpha1.CauseCreated)))
			Expect(status.Revision.Number).To(BeEquivalentTo(2))
			Expect(status.Evidence.Carried[0].SuccessesMilli).To(BeNumerically(">=", 500*shown.Counted/3), "half of it, once")
			Expect(status.Evidence.Trials).To(ContainElement(
				And(HaveField("Kind", v1alpha1.TrialRollout), HaveField("Outcome", v1alpha1.TrialSuccess))), "its rollout was observed")
		}
	})

	It("has what a tag resolves to in it, once it moves", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		w.look("shop")
		first := w.report("shop").Status
		pods := w.podsOf("shop")

		By("counting nothing while the pods differ")
		w.resolveTo(pods[0], 2)
		w.look("shop")
		mixed := w.report("shop").Status
		Expect(mixed.Revision.Hash).To(Equal(first.Revision.Hash))
		Expect(mixed.Revision.Containers[0]).To(And(
			HaveField("Digest", HaveSuffix("1")), HaveField("OtherDigest", HaveSuffix("2"))))
		moved := meta.FindStatusCondition(mixed.Conditions, v1alpha1.ConditionTagMoved)
		Expect(moved).To(HaveField("Reason", v1alpha1.ReasonImagesDiffer))
		Expect(mixed.Message).To(Equal(moved.Message))
		Expect(moved.Message).To(ContainSubstring("which pod " + pods[0].Name + " runs"))
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonTagMoved), ContainSubstring("container main: its tag"))))
		told := len(w.events.all())
		w.look("shop")
		Expect(w.events.all()).To(HaveLen(told), "once")
		w.replaceOne("shop") // starts as the first did
		w.resolveTo(w.podsOf("shop")[0], 2)
		w.look("shop")
		Expect(w.report("shop").Status.Evidence.Counted).To(Equal(first.Evidence.Counted))

		By("being another revision when all run it")
		w.nextSecond()
		for _, pod := range w.podsOf("shop") {
			w.resolveTo(pod, 2)
		}
		w.look("shop")
		second := w.report("shop").Status
		Expect(second.Revision.Number).To(BeEquivalentTo(2))
		Expect(second.Outcomes[0]).To(cause(v1alpha1.CauseImages))
		Expect(second.Revision.Containers[0]).To(And(HaveField("Digest", HaveSuffix("2")), HaveField("OtherDigest", BeEmpty())))
		Expect(second.Evidence.Counted).To(BeZero())
		moved = meta.FindStatusCondition(second.Conditions, v1alpha1.ConditionTagMoved)
		Expect(moved).To(And(HaveField("Reason", v1alpha1.ReasonImagesChanged), HaveField("Message", ContainSubstring("has moved from sha256:"))))
		w.look("shop")
		Expect(w.report("shop").Status.Revision.Number).To(BeEquivalentTo(2))

		By("being told by the first pods of another template")
		w.change("shop", deployer, func(d *appsv1.Deployment) {
			d.Spec.Template.Annotations = with(d.Spec.Template.Annotations, "built", "today")
		})
		w.rollOut("shop")
		for _, pod := range w.podsOf("shop") {
			w.resolveTo(pod, 3)
		}
		w.look("shop")
		third := w.report("shop").Status
		Expect(third.Revision.Number).To(BeEquivalentTo(3))
		Expect(third.Outcomes[0]).To(cause(v1alpha1.CauseTemplate))
		Expect(third.Revision.Mechanism.Images).NotTo(BeEmpty())
		Expect(third.Evidence.Carried[0].SuccessesMilli).To(BeNumerically("<=", second.Evidence.Carried[0].SuccessesMilli/2))
	})

	It("is the same after a workload was made again while the operator was away", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.configMap("shop", "info")
		w.running("shop", configured("shop"))
		before := w.report("shop").Status
		w.later(time.Minute)
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		for _, pod := range w.podsOf("shop") {
			w.remove(&pod)
		}
		w.restartOperator()
		w.deploy("shop", configured("shop"))
		w.look("shop")

		status := w.report("shop").Status
		Expect(status.Revision.Hash).To(Equal(before.Revision.Hash))
		Expect(status.Outcomes[0]).To(cause(v1alpha1.CauseCreated))
		Expect(status.Evidence.Carried).To(Equal(status.Outcomes[1].Evidence))
		Expect(status.Evidence.Carried).NotTo(BeEmpty())
	})
})

var _ = Describe("A workload that is renamed", func() {
	It("takes over the evidence of the one before it, once that is gone, and once only", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		shown := w.report("shop").Status.Evidence.Counted
		Expect(shown).To(BeNumerically(">", 0))
		w.deploy("store", renamedFrom("shop"))
		w.look("store")
		Expect(w.report("store").Status).To(And(HaveField("RenamedFrom", BeEmpty()), HaveField("Evidence.Carried", BeEmpty())), "shop still runs")

		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		w.look("store")
		renamed := w.report("store").Status
		Expect(renamed.RenamedFrom).To(Equal("Deployment/shop"))
		Expect(renamed.Evidence.Carried).NotTo(BeEmpty())
		Expect(renamed.Proven).To(BeEmpty())
		Expect(w.report("shop").Status.RenamedTo).To(Equal("Deployment/store"))

		By("writing nothing at rest")
		before := w.report("store").ResourceVersion
		w.look("store")
		Expect(w.report("store").ResourceVersion).To(Equal(before))

		By("leaving nothing for a second one")
		w.deploy("shed", renamedFrom("Deployment/shop"))
		w.look("shed")
		Expect(w.report("shed").Status).To(And(HaveField("RenamedFrom", BeEmpty()), HaveField("Evidence.Carried", BeEmpty())))

		By("nor for the name itself")
		w.deploy("shop")
		w.look("shop")
		Expect(w.report("shop").Status.Evidence.Carried).To(BeEmpty())
	})

	It("goes on after the operator was stopped between the two writes", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		claimed := w.report("shop")
		claimed.Status.RenamedTo = "Deployment/store"
		Expect(historian.Status().Update(ctx, claimed)).To(Succeed())
		w.deploy("store", renamedFrom("shop"))
		w.look("store")
		Expect(w.report("store").Status.RenamedFrom).To(Equal("Deployment/shop"))
	})

	It("leaves the evidence free when it becomes another revision in the same write", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		w.deploy("store")
		w.look("store")
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		w.later(time.Minute)
		w.change("store", deployer, func(d *appsv1.Deployment) {
			renamedFrom("shop")(d)
			setEnv("debug")(d)
		})
		w.look("store")
		Expect(w.report("store").Status).To(And(HaveField("Revision.Number", BeEquivalentTo(2)), HaveField("RenamedFrom", BeEmpty())))
		Expect(w.report("shop").Status.RenamedTo).To(BeEmpty())

		By("leaving it to another one")
		w.deploy("shed", renamedFrom("shop"))
		w.look("shed")
		Expect(w.report("shed").Status.RenamedFrom).To(Equal("Deployment/shop"))
		Expect(w.report("shop").Status.RenamedTo).To(Equal("Deployment/shed"))
	})

	It("adds nothing to a workload with a history of its own", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		w.running("store")
		w.later(time.Minute)
		w.change("store", deployer, setEnv("debug"))
		w.look("store")
		carried := w.report("store").Status.Evidence.Carried
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		w.change("store", deployer, renamedFrom("shop"))
		w.look("store")
		Expect(w.report("store").Status).To(And(HaveField("RenamedFrom", BeEmpty()), HaveField("Evidence.Carried", Equal(carried))))
	})
})

var _ = Describe("The running operator", func() {
	It("looks again at who uses a ConfigMap, and at who takes the place of what is gone", func() {
		runLoops(controllers.Options{OperatorNamespace: "rampart-system"})
		w := newWorld(v1alpha1.Staging)
		w.configMap("shop", "info")
		w.deploy("shop", configured("shop"))
		status := func(name string) func(Gomega) v1alpha1.ReadinessReportStatus {
			return func(g Gomega) v1alpha1.ReadinessReportStatus {
				g.Expect(admin.Get(ctx, w.reportKey(name), &v1alpha1.ReadinessReport{})).To(Succeed())
				return w.report(name).Status
			}
		}
		w.rollOut("shop")
		Eventually(status("shop")).Should(HaveField("Evidence.Counted", BeNumerically(">", 0)))
		w.configMap("shop", "debug")
		Eventually(status("shop")).Should(HaveField("Outcomes", HaveExactElements(
			HaveField("Cause", v1alpha1.CauseConfigMaps), HaveField("Cause", v1alpha1.CauseCreated))))

		w.deploy("store", renamedFrom("shop"))
		Eventually(status("store")).Should(HaveField("Revision.Number", BeEquivalentTo(1)))
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		Eventually(status("store")).Should(HaveField("RenamedFrom", "Deployment/shop"))
	})
})
