// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// correctAfter is how long the tests' environments wait before they correct drift.
const correctAfter = 15 * time.Second

// correcting lets an environment correct drift from what the deployer wrote.
func correcting(spec *v1alpha1.EnvironmentPolicySpec) {
	spec.Drift = &v1alpha1.DriftPolicy{
		Mode: v1alpha1.DriftCorrect, TrustedWriters: []string{deployer}, CorrectAfter: &metav1.Duration{Duration: correctAfter},
	}
}

// env is the value of the variable that setEnv sets.
func (w *world) env(name string) string {
	GinkgoHelper()
	env := w.deployment(name).Spec.Template.Spec.Containers[0].Env
	if len(env) == 0 {
		return ""
	}
	return env[0].Value
}

// drifted is a world in which dana has changed what the deployer wrote, and all pods run
// well with it.
func drifted(state string, edit ...func(*v1alpha1.EnvironmentPolicySpec)) *world {
	GinkgoHelper()
	w := newWorld(v1alpha1.Production, append([]func(*v1alpha1.EnvironmentPolicySpec){correcting}, edit...)...)
	w.joined(state)
	w.running("shop", setEnv("info"))
	w.look("shop")
	w.change("shop", dana, setEnv("debug"))
	w.rollOut("shop")
	return w
}

// settle looks twice: once now, and once when a correction would be due.
func (w *world) settle(name string) {
	GinkgoHelper()
	w.look(name)
	w.later(correctAfter)
	w.look(name)
}

var _ = Describe("Drift", func() {
	It("is reported with the field, the values and the writer", func() {
		w := drifted("empty")
		result := w.look("shop")
		status := w.report("shop").Status

		Expect(status.Drift.Leaves).To(BeEquivalentTo(1))
		Expect(status.Drift.By).To(Equal(dana))
		Expect(status.Drift.Fields[0]).To(And(HaveField("Path", ContainSubstring("LOG_LEVEL")),
			HaveField("Was", ContainSubstring("info")), HaveField("Is", ContainSubstring("debug"))))
		Expect(meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionDrifted)).To(BeTrue())
		Expect(w.told(telemetry.ReasonDrifted)).To(BeTrue())
		Expect(result.RequeueAfter).To(BeNumerically("<=", correctAfter))
	})

	It("is taken back after a while, once, and explained", func() {
		w := drifted("empty")
		w.look("shop")
		Expect(w.env("shop")).To(Equal("debug"), "a GitOps tool may be first")
		w.later(correctAfter - time.Second)
		w.look("shop")
		Expect(w.env("shop")).To(Equal("debug"))
		w.later(time.Second)
		w.look("shop")
		Expect(w.env("shop")).To(Equal("info"))
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonDriftCorrected), ContainSubstring(dana), ContainSubstring("LOG_LEVEL"))))

		generation := w.deployment("shop").Generation
		w.rollOut("shop")
		w.settle("shop")
		Expect(w.deployment("shop").Generation).To(Equal(generation))
		Expect(w.report("shop").Status.Drift).To(Or(BeNil(), HaveField("Leaves", BeZero())))
	})

	It("waits without a word while another worker decides about the namespace", func() {
		w := drifted("empty")
		w.look("shop")
		told, decision := len(w.events.all()), w.report("shop").Status.Drift.Decision
		giveBack, _ := w.reports.Slots.Take(w.namespace)
		w.later(correctAfter)
		result := w.look("shop")
		Expect(result.RequeueAfter).To(BeNumerically("<=", time.Second))
		Expect(w.env("shop")).To(Equal("debug"))
		Expect(w.report("shop").Status.Drift.Decision).To(Equal(decision))
		Expect(w.report("shop").Status.HeldBack).To(BeNil())
		Expect(w.events.all()).To(HaveLen(told))

		giveBack()
		w.look("shop")
		Expect(w.env("shop")).To(Equal("info"))
	})

	It("leaves no trace of the operator in the field managers, so that the next apply meets no conflict", func() {
		w := drifted("empty")
		w.settle("shop")
		Expect(w.env("shop")).To(Equal("info"))

		Expect(remediation.Owns(w.deployment("shop"))).To(BeFalse())
	})

	It("is nobody's when a trusted writer changes the workload: the baseline follows", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		w.running("shop", setEnv("info"))
		w.look("shop")
		w.change("shop", deployer, setEnv("debug"))
		w.rollOut("shop")
		w.settle("shop")
		Expect(w.env("shop")).To(Equal("debug"))

		w.change("shop", dana, setEnv("trace"))
		w.rollOut("shop")
		w.settle("shop")
		Expect(w.env("shop")).To(Equal("debug"), "it goes back to what the deployer wrote last")
	})

	DescribeTable("is reported and never taken back", func(state string, edit func(*v1alpha1.EnvironmentPolicySpec), says string) {
		w := drifted(state, edit)
		w.settle("shop")
		w.later(time.Hour)
		w.look("shop")

		Expect(w.env("shop")).To(Equal("debug"))
		status := w.report("shop").Status
		Expect(status.Drift.Leaves).To(BeEquivalentTo(1))
		Expect(status.Drift.Decision).To(ContainSubstring(says))
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).NotTo(ContainElement(v1alpha1.ActionDone))
	},
		Entry("in a namespace that had workloads when its policy came", "busy", func(*v1alpha1.EnvironmentPolicySpec) {}, "still at Report"),
		Entry("in a namespace that has not joined", "", func(*v1alpha1.EnvironmentPolicySpec) {}, "still at Report"),
		Entry("where the policy says Report", "empty", func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Drift.Mode, spec.Drift.CorrectAfter = v1alpha1.DriftReport, nil
		}, "only reported"),
		Entry("while remediation is suspended", "empty", func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Suspend = v1alpha1.SuspendRemediation }, "suspended"),
		Entry("while everything is suspended", "empty", func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Suspend = v1alpha1.SuspendAll }, "suspended"),
	)

	It("is taken back in a busy namespace when the policy says so outright", func() {
		w := drifted("busy", func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Drift.StartLevel = v1alpha1.ActAct })
		w.settle("shop")

		Expect(w.env("shop")).To(Equal("info"))
	})

	It("is not taken back where the cluster records no authors", func() {
		w := drifted("empty")
		w.reports.Stamping = false
		w.settle("shop")

		Expect(w.env("shop")).To(Equal("debug"))
	})

	It("is not taken back while the workload rolls out or is not healthy", func() {
		w := drifted("empty")
		w.setStatus("shop", 1, 1)
		w.settle("shop")

		Expect(w.env("shop")).To(Equal("debug"))
		Expect(w.report("shop").Status.Drift.Decision).To(ContainSubstring("rolling out"))
	})

	It("is never a restart, nor what is scaled through the scale subresource", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		w.running("shop")
		w.look("shop")
		w.change("shop", dana, func(d *appsv1.Deployment) {
			d.Spec.Template.Annotations = with(d.Spec.Template.Annotations, "kubectl.kubernetes.io/restartedAt", "now")
		})
		scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 3}}
		Expect(admin.SubResource("scale").Update(ctx, w.deployment("shop"), client.WithSubResourceBody(scale))).To(Succeed())
		w.rollOut("shop")
		w.settle("shop")

		Expect(*w.deployment("shop").Spec.Replicas).To(BeEquivalentTo(3))
		Expect(w.report("shop").Status.Drift).To(Or(BeNil(), HaveField("Leaves", BeZero())))
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(BeEmpty())
	})

	It("is never an undo to a revision that ran well, even once its pods run", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		w.running("shop", setEnv("info"))
		w.look("shop")
		w.change("shop", deployer, setEnv("trace"))
		w.rollOut("shop")
		w.look("shop")
		w.look("shop")
		w.change("shop", dana, setEnv("info"))
		w.rollOut("shop")
		w.settle("shop")
		w.settle("shop")

		Expect(w.env("shop")).To(Equal("info"))
		Expect(w.report("shop").Status.Drift.Decision).To(ContainSubstring("went back to an earlier good revision"))
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(BeEmpty())
	})

	It("waits while another workload of the namespace is being changed, and asks again by itself", func() {
		w := drifted("empty")
		w.remember("cart", func(status *v1alpha1.ReadinessReportStatus) {
			status.Actions = []v1alpha1.Action{{ID: "1", Kind: v1alpha1.ActionRollback, Outcome: v1alpha1.ActionIntended, Time: metav1.NewTime(w.clock.Now())}}
		})
		w.look("shop")
		w.later(correctAfter)
		result := w.look("shop")
		Expect(w.env("shop")).To(Equal("debug"))
		Expect(w.report("shop").Status.Drift.Decision).To(ContainSubstring("Deployment cart is being changed"))
		Expect(result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", time.Minute)), "no event tells that the other one is done")

		w.remember("cart", func(status *v1alpha1.ReadinessReportStatus) { status.Actions[0].Outcome = v1alpha1.ActionDone })
		w.look("shop")
		Expect(w.env("shop")).To(Equal("info"))
	})

	It("is left to whoever has recorded that he takes it back, and judged anew when nothing comes of it", func() {
		w := drifted("empty")
		w.look("shop")
		w.later(correctAfter)
		w.client = (&crash{at: 2}).in(operator)
		w.restartOperator()
		_, err := w.tryLook("shop")
		Expect(err).To(HaveOccurred())
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionIntended}))

		w.client = operator
		w.restartOperator()
		result := w.look("shop")
		Expect(w.env("shop")).To(Equal("debug"))
		Expect(result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", 30*time.Second)))
		w.later(30 * time.Second)
		w.look("shop")
		Expect(w.env("shop")).To(Equal("info"))
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone, v1alpha1.ActionFailed}))
	})

	It("is taken back twice an hour at most", func() {
		w := drifted("empty")
		w.settle("shop")
		for range 3 {
			w.later(time.Minute)
			w.change("shop", dana, setEnv("debug"))
			w.rollOut("shop")
			w.settle("shop")
		}

		Expect(w.env("shop")).To(Equal("debug"))
		Expect(w.actions("shop", v1alpha1.ActionCorrectDrift)).To(HaveLen(2))
	})
})
