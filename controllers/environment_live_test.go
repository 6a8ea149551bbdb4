// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// fakeProber stands for an API server.
type fakeProber struct {
	// answers says whether policies answer, and cause what is said instead.
	answers bool
	cause   error
	// asked are the policies that were probed, in that order.
	asked []string
}

func (p *fakeProber) Probe(_ context.Context, _ string, probe guardrail.Probe) (bool, error) {
	p.asked = append(p.asked, probe.Policy)
	return p.answers, p.cause
}

// live is the condition AdmissionLive of the world's policy.
func (w *world) live() metav1.Condition {
	GinkgoHelper()
	live := meta.FindStatusCondition(w.policy.Status.Conditions, v1alpha1.ConditionAdmissionLive)
	Expect(live).NotTo(BeNil())
	return *live
}

// warned is an environment with one guardrail at Warn, which no API server acts on yet.
func warned() (*world, *fakeProber, *controllers.EnvironmentReconciler) {
	GinkgoHelper()
	w := newWorld(v1alpha1.Production, startAtWarn)
	acceptedGuardrail(w.policy.Name, ownerFindings)
	prober := &fakeProber{}
	w.prober = prober
	loop := w.environments()
	return w, prober, loop
}

// look is one pass, which must succeed.
func (w *world) lookAtEnvironment(loop *controllers.EnvironmentReconciler) time.Duration {
	GinkgoHelper()
	result, err := w.tryEnvironment(loop)
	Expect(err).NotTo(HaveOccurred())
	return result.RequeueAfter
}

var _ = Describe("AdmissionLive", func() {
	It("is Unknown until the policies have answered three times, a second apart each", func() {
		w, prober, loop := warned()
		w.lookAtEnvironment(loop)
		Expect(w.live()).To(And(HaveField("Status", metav1.ConditionUnknown), HaveField("Reason", v1alpha1.ReasonNotSeenLive),
			HaveField("Message", HavePrefix("rampart-"+w.policy.Name+"-warn has not been seen live yet"))))

		By("asking again each second, and writing nothing meanwhile")
		w.later(time.Second)
		Expect(w.lookAtEnvironment(loop)).To(Equal(time.Second))
		written := w.policy.ResourceVersion
		w.later(time.Second)
		Expect(w.lookAtEnvironment(loop)).To(Equal(time.Second))
		Expect(w.policy.ResourceVersion).To(Equal(written))

		By("not counting answers of the same second")
		prober.answers, prober.asked = true, nil
		for range 3 {
			w.later(time.Second)
			Expect(w.live().Status).To(Equal(metav1.ConditionUnknown))
			w.lookAtEnvironment(loop)
			w.lookAtEnvironment(loop)
		}
		Expect(prober.asked).To(HaveLen(3))
		Expect(w.live()).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonSeenLive),
			HaveField("Message", "seen live: all 1 native policies answered")))
	})

	It("asks nothing at rest, not even after a restart of the operator", func() {
		w, prober, loop := warned()
		prober.answers = true
		w.reconcileEnvironment(loop)
		Expect(w.live().Status).To(Equal(metav1.ConditionTrue))
		written := w.policy.ResourceVersion

		prober.answers, prober.asked = false, nil
		w.later(time.Hour)
		Expect(w.lookAtEnvironment(loop)).To(BeZero())
		Expect(w.lookAtEnvironment(w.environments())).To(BeZero())
		Expect(prober.asked).To(BeEmpty())
		Expect(w.policy.ResourceVersion).To(Equal(written))
	})

	It("begins anew when an answer is missing in between", func() {
		w, prober, loop := warned()
		for _, answers := range []bool{true, true, false, true, true} {
			prober.answers = answers
			w.later(time.Second)
			w.lookAtEnvironment(loop)
		}
		Expect(w.live().Status).To(Equal(metav1.ConditionUnknown))
		w.later(time.Second)
		w.lookAtEnvironment(loop)
		Expect(w.live().Status).To(Equal(metav1.ConditionTrue))
	})

	It("says what the API server answers instead, and asks less and less often", func() {
		w, prober, loop := warned()
		prober.cause = errors.New("admission webhook does not support dry run")
		var again time.Duration
		for range 20 {
			again = w.lookAtEnvironment(loop)
			w.later(again)
		}
		Expect(w.live().Message).To(ContainSubstring("admission webhook does not support dry run"))
		Expect(again).To(Equal(64 * time.Second))
	})

	It("is Unknown after a native policy was broken by hand, until the mended one has answered", func() {
		w, prober, loop := warned()
		prober.answers = true
		w.reconcileEnvironment(loop)

		var policy admissionv1.ValidatingAdmissionPolicy
		Expect(admin.Get(ctx, client.ObjectKey{Name: "rampart-" + w.policy.Name + "-warn"}, &policy)).To(Succeed())
		policy.Spec.Validations[1].Expression = "object.spec.absent.deep == 1"
		Expect(admin.Update(ctx, &policy)).To(Succeed())
		prober.answers = false
		w.lookAtEnvironment(loop)

		Expect(w.live().Status).To(Equal(metav1.ConditionUnknown))
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(&policy), &policy)).To(Succeed())
		Expect(policy.Spec.Validations[1].Expression).NotTo(ContainSubstring("absent"), "it is mended in the same pass")

		prober.answers = true
		w.later(time.Second)
		w.reconcileEnvironment(loop)
		Expect(w.live().Status).To(Equal(metav1.ConditionTrue))
	})

	It("raises no guardrail before it is True, whatever the guardrail has earned", func() {
		c := newClimber()
		prober := &fakeProber{}
		c.prober = prober
		c.loop = c.environments()
		c.lookAtEnvironment(c.loop)
		for range 7 {
			c.revised(c.namespace, false)
		}
		for range 5 {
			c.lookAtEnvironment(c.loop)
			c.later(time.Second)
		}
		Expect(c.state()).To(And(HaveField("Level", v1alpha1.Warn), HaveField("Next", ContainSubstring("not been seen live"))))

		prober.answers = true
		c.settle()
		Expect(c.state().Level).To(Equal(v1alpha1.Enforce))
	})

	It("says that there is no namespace to ask in", func() {
		w := newWorld(v1alpha1.Production, startAtWarn, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.NamespaceSelector = metav1.LabelSelector{MatchLabels: map[string]string{"nobody": "has-this"}}
		})
		acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())

		Expect(w.live()).To(And(HaveField("Status", metav1.ConditionUnknown), HaveField("Reason", v1alpha1.ReasonNoNamespaces)))
	})

	It("is True where nothing is in the path of a request", func() {
		w := newWorld(v1alpha1.Production)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())

		Expect(w.live()).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Message", ContainSubstring("no guardrail stands above Observe"))))
	})

	It("is seen on a real API server, with no right but the operator's", func() {
		w, _, _ := warned()
		prober, err := controllers.NewProber(as(rest.ImpersonationConfig{UserName: operatorUser}))
		Expect(err).NotTo(HaveOccurred())
		w.prober = prober
		loop := w.environments()
		Eventually(func() metav1.ConditionStatus {
			w.later(time.Second)
			w.lookAtEnvironment(loop)
			return w.live().Status
		}).Should(Equal(metav1.ConditionTrue), "%v", w.policy.Status.Conditions)

		var reports v1alpha1.ReadinessReportList
		Expect(admin.List(ctx, &reports, client.InNamespace(w.namespace))).To(Succeed())
		Expect(reports.Items).To(BeEmpty(), "probes are dry-runs")
	})
})
