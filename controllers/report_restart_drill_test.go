// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/workload"
)

// restarts counts the patches of Deployments' specs, and checks that each was recorded before.
func (w *world) restarts() *int {
	count := 0
	w.client = interceptor.NewClient(operator, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			before := object.GetGeneration()
			var reports v1alpha1.ReadinessReportList
			Expect(admin.List(ctx, &reports, client.InNamespace(w.namespace))).To(Succeed())
			if err := c.Patch(ctx, object, patch, options...); err != nil {
				return err
			}
			if _, is := object.(*appsv1.Deployment); is && object.GetGeneration() > before {
				Expect(reports.Items).To(ContainElement(HaveField("Status.Drill", And(
					Not(BeNil()), HaveField("Kind", v1alpha1.DrillRestart)))), "the drill was not recorded before it began")
				count++
			}
			return nil
		},
	})
	w.restartOperator()
	return &count
}

// restartedAt is what stands in a Deployment's template.
func (w *world) restartedAt(name string) string {
	GinkgoHelper()
	return w.deployment(name).Spec.Template.Annotations[workload.AnnotationRestartedAt]
}

var _ = Describe("A drill of a single replica", func() {
	It("restarts the rollout, takes that back with the next one, and owns nothing", func() {
		_, w := newGatedWorld()
		restarts := w.restarts()
		w.running("shop", setReplicas(1))

		Expect(*restarts).To(Equal(1))
		Expect(w.restartedAt("shop")).NotTo(BeEmpty())
		Expect(w.told(telemetry.ReasonDrillBegun)).To(BeTrue())
		Expect(w.report("shop").Status.Message).To(ContainSubstring("the rollout is restarted"))
		Expect(w.deployment("shop").ManagedFields).NotTo(ContainElement(HaveField("Manager", v1alpha1.ManagedBy)))
		revision := w.report("shop").Status.Revision

		By("waiting for its outcome before the next, and for the pause")
		w.look("shop")
		Expect(*restarts).To(Equal(1))
		w.later(5 * time.Second)
		w.rollOut("shop")
		w.look("shop")
		status := w.report("shop").Status
		Expect(status.Drill).To(BeNil())
		Expect(status.Revision.Number).To(Equal(revision.Number), "a restart is no new revision")
		Expect(status.Evidence.Trials).To(ContainElement(And(
			HaveField("Kind", v1alpha1.TrialRenewal), HaveField("Source", v1alpha1.SourceDrill), HaveField("Outcome", v1alpha1.TrialSuccess))))
		w.later(time.Minute)
		w.look("shop")
		Expect(*restarts).To(Equal(2))
		Expect(w.restartedAt("shop")).To(BeEmpty(), "two templates alternate")
	})

	It("that somebody takes back is not repeated at once", func() {
		_, w := newGatedWorld()
		restarts := w.restarts()
		w.running("shop", setReplicas(1))
		w.replicaSet(w.deployment("shop"))
		w.setStatus("shop", 0, 1)
		w.look("shop")
		w.change("shop", deployer, func(d *appsv1.Deployment) { d.Spec.Template.Annotations = nil })
		w.setStatus("shop", 1, 1)
		w.later(5 * time.Second)
		w.look("shop")
		Expect(w.report("shop").Status.Drill).To(BeNil())
		w.later(5 * time.Minute)
		w.look("shop")
		Expect(*restarts).To(Equal(1))
		Expect(w.report("shop").Status.Message).To(ContainSubstring("taken back"))
		w.later(6 * time.Minute)
		w.look("shop")
		Expect(*restarts).To(Equal(2))
	})

	It("is begun although the Deployment's controller writes its status meanwhile", func() {
		_, w := newGatedWorld()
		w.deploy("shop", setReplicas(1))
		w.rollOut("shop")
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
				w.setStatus("shop", 1, 1) // as the Deployment controller does, whenever it likes
				touched := w.deployment("shop")
				touched.Status.Conditions = append(touched.Status.Conditions, appsv1.DeploymentCondition{
					Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue,
				})
				Expect(admin.Status().Update(ctx, touched)).To(Succeed())
				return c.Patch(ctx, object, patch, options...)
			},
		})
		w.restartOperator()
		w.look("shop")
		Expect(w.restartedAt("shop")).NotTo(BeEmpty())
		Expect(w.report("shop").Status.Drill).NotTo(BeNil())
	})

	It("that a change of the spec overtakes is planned anew at once", func() {
		_, w := newGatedWorld()
		w.deploy("shop", setReplicas(1))
		w.rollOut("shop")
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
				touched := w.deployment("shop")
				touched.Spec.RevisionHistoryLimit = ptr.To(*touched.Spec.RevisionHistoryLimit + 1)
				Expect(admin.Update(ctx, touched)).To(Succeed())
				return c.Patch(ctx, object, patch, options...)
			},
		})
		w.restartOperator()
		w.look("shop")
		Expect(w.restartedAt("shop")).To(BeEmpty())
		Expect(w.report("shop").Status.Drill).To(BeNil())

		restarts := w.restarts()
		w.setStatus("shop", 1, 1)
		w.later(time.Minute)
		w.look("shop")
		Expect(*restarts).To(Equal(1))
	})

	It("that was recorded and never begun is given up, not repeated", func() {
		_, w := newGatedWorld()
		w.deploy("shop", setReplicas(1))
		w.rollOut("shop")
		// Its first writes make the report and record the drill; the third restarts.
		w.client = (&crash{at: 3}).in(operator)
		w.restartOperator()
		_, err := w.tryLook("shop")
		Expect(err).To(HaveOccurred(), w.report("shop").Status.Message)
		Expect(w.report("shop").Status.Drill).NotTo(BeNil())

		restarts := w.restarts()
		w.look("shop")
		Expect(*restarts).To(BeZero())
		w.later(30 * time.Second)
		w.look("shop")
		Expect(w.report("shop").Status.Drill).To(BeNil())
		w.look("shop")
		Expect(*restarts).To(Equal(1))
	})

	It("after which the operator is stopped is done once, and owns nothing in the end", func() {
		_, w := newGatedWorld()
		w.deploy("shop", setReplicas(1))
		w.rollOut("shop")
		w.client = (&crash{at: 3, late: true}).in(operator)
		w.restartOperator()
		_, err := w.tryLook("shop")
		Expect(err).To(HaveOccurred())
		Expect(w.restartedAt("shop")).NotTo(BeEmpty())

		restarts := w.restarts()
		w.later(5 * time.Second)
		w.rollOut("shop")
		w.look("shop")
		Expect(*restarts).To(BeZero())
		Expect(w.report("shop").Status.Evidence.Trials).To(ContainElement(And(
			HaveField("Kind", v1alpha1.TrialRenewal), HaveField("Outcome", v1alpha1.TrialSuccess))))
		Expect(w.deployment("shop").ManagedFields).NotTo(ContainElement(HaveField("Manager", v1alpha1.ManagedBy)))
	})
})
