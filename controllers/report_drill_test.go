// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drill"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// evictions counts the evictions that the operator asks for, and checks that each was
// recorded before.
func (w *world) evictions() *int {
	count := 0
	w.client = interceptor.NewClient(operator, interceptor.Funcs{
		SubResourceCreate: func(ctx context.Context, c client.Client, sub string, object, body client.Object, options ...client.SubResourceCreateOption) error {
			Expect(sub).To(Equal("eviction"))
			var reports v1alpha1.ReadinessReportList
			Expect(admin.List(ctx, &reports, client.InNamespace(w.namespace))).To(Succeed())
			Expect(reports.Items).To(ContainElement(HaveField("Status.Drill", And(
				Not(BeNil()), HaveField("PodUID", string(object.GetUID()))))), "the drill was not recorded before it began")
			count++
			return c.SubResource(sub).Create(ctx, object, body, options...)
		},
	})
	w.restartOperator()
	return &count
}

// departing counts the pods of a Deployment that are being deleted.
func (w *world) departing(name string) int {
	GinkgoHelper()
	count := 0
	for _, pod := range w.podsOf(name) {
		if pod.DeletionTimestamp != nil {
			count++
		}
	}
	return count
}

// replaceDeparting plays the kubelet and the controller: what is being deleted goes, and
// is replaced. The operator sees the end as a watch would show it.
func (w *world) replaceDeparting(name string) {
	GinkgoHelper()
	for _, pod := range w.podsOf(name) {
		if pod.DeletionTimestamp != nil {
			w.remove(&pod)
			w.reports.Departures.Add(&pod, false)
		}
	}
	w.rollOut(name)
}

var _ = Describe("A drill", func() {
	It("evicts one pod when a gate waits for evidence, recorded before and told", func() {
		_, w := newGatedWorld()
		evictions := w.evictions()
		w.running("shop")

		Expect(*evictions).To(Equal(1))
		Expect(w.departing("shop")).To(Equal(1))
		Expect(w.report("shop").Status.Drill).NotTo(BeNil())
		Expect(w.told(telemetry.ReasonDrillBegun)).To(BeTrue())

		By("waiting for its outcome before the next, and for the pause")
		w.look("shop")
		Expect(*evictions).To(Equal(1))
		w.later(5 * time.Second)
		w.replaceDeparting("shop")
		w.look("shop")
		status := w.report("shop").Status
		Expect(status.Drill).To(BeNil())
		Expect(status.Evidence.Trials).To(ContainElement(And(
			HaveField("Kind", v1alpha1.TrialReplacement), HaveField("Source", v1alpha1.SourceDrill), HaveField("Outcome", v1alpha1.TrialSuccess))))
		w.look("shop")
		Expect(*evictions).To(Equal(1))
		w.later(time.Minute)
		w.look("shop")
		Expect(*evictions).To(Equal(2))
	})

	DescribeTable("never begins", func(prepare func(production, staging *world), edits ...func(*appsv1.Deployment)) {
		production, w := newGatedWorld()
		evictions := w.evictions()
		prepare(production, w)
		w.running("shop", edits...)
		w.later(time.Hour)
		w.look("shop")

		Expect(*evictions).To(BeZero())
		Expect(w.report("shop").Status.Drill).To(BeNil())
	},
		Entry("where no gate waits", func(production, _ *world) { Expect(admin.Delete(ctx, production.gate())).To(Succeed()) }),
		Entry("where the policy says Off", func(_, staging *world) {
			staging.policy.Spec.Drills = &v1alpha1.DrillPolicy{Mode: v1alpha1.DrillsOff}
			Expect(admin.Update(ctx, staging.policy)).To(Succeed())
		}),
		Entry("while remediation is suspended", func(_, staging *world) {
			staging.policy.Spec.Suspend = v1alpha1.SuspendRemediation
			Expect(admin.Update(ctx, staging.policy)).To(Succeed())
		}),
		Entry("where the workload says Off", func(_, _ *world) {}, func(d *appsv1.Deployment) {
			d.Annotations = with(d.Annotations, v1alpha1.AnnotationDrills, "Off")
		}),
		Entry("with a single replica that the policy leaves alone", func(_, staging *world) {
			staging.policy.Spec.Drills = &v1alpha1.DrillPolicy{Singletons: v1alpha1.SingletonsOff}
			Expect(admin.Update(ctx, staging.policy)).To(Succeed())
		}, setReplicas(1)),
		Entry("with a single replica that a rollout takes away", func(_, _ *world) {}, setReplicas(1), func(d *appsv1.Deployment) {
			d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
		}),
	)

	It("tells a gate of another cluster, which reads the report, that nothing here waits for one", func() {
		production, w := newGatedWorld()
		Expect(admin.Delete(ctx, production.gate())).To(Succeed())
		w.running("shop")
		w.later(time.Hour)
		w.look("shop")

		Expect(w.report("shop").Status.DrillsBarred).To(Equal(drill.Unawaited))
	})

	It("never begins while a replica is missing", func() {
		_, w := newGatedWorld()
		evictions := w.evictions()
		w.deploy("shop")
		w.rollOut("shop")
		w.setCrashed(&w.podsOf("shop")[0])
		w.setStatus("shop", 2, 1)
		w.look("shop")

		Expect(*evictions).To(BeZero())
	})

	It("runs one at a time in a namespace, and the next workload asks again by itself", func() {
		_, w := newGatedWorld()
		evictions := w.evictions()
		w.running("shop")
		w.deploy("cart")
		w.rollOut("cart")
		result := w.look("cart")

		Expect(*evictions).To(Equal(1))
		Expect(w.report("cart").Status.Message).To(ContainSubstring("a drill is running in the namespace"))
		Expect(result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", time.Minute)), "no event tells that the other one is over")
	})

	It("that a disruption budget refuses is not tried again and again", func() {
		_, w := newGatedWorld()
		w.deploy("shop")
		w.rollOut("shop")
		tries := 0
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			SubResourceCreate: func(context.Context, client.Client, string, client.Object, client.Object, ...client.SubResourceCreateOption) error {
				tries++
				return apierrors.NewTooManyRequests("a disruption budget allows no eviction", 0)
			},
		})
		w.restartOperator()
		for range 20 {
			w.look("shop")
			w.later(time.Minute)
		}
		Expect(tries).To(And(BeNumerically(">=", 1), BeNumerically("<=", 3)), "one in ten minutes, for twenty")
		Expect(w.report("shop").Status.Message).To(ContainSubstring("no drill: the last one was refused"))
		Expect(w.told(telemetry.ReasonDrillBegun)).To(BeFalse(), "nothing was evicted")
	})

	It("that was recorded and never begun is given up, not repeated", func() {
		_, w := newGatedWorld()
		w.deploy("shop")
		w.rollOut("shop")
		// Its first writes make the report and record the drill; the third evicts.
		w.client = (&crash{at: 3}).in(operator)
		w.restartOperator()
		_, err := w.tryLook("shop")
		Expect(err).To(HaveOccurred())
		Expect(w.report("shop").Status.Drill).NotTo(BeNil())

		evictions := w.evictions()
		w.look("shop")
		Expect(*evictions).To(BeZero())
		w.later(30 * time.Second)
		w.look("shop")
		Expect(w.report("shop").Status.Drill).To(BeNil())
		w.look("shop")
		Expect(*evictions).To(Equal(1))
	})
})
