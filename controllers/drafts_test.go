// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// version of what is recorded of a Deployment.
func (w *world) version(name string) string {
	GinkgoHelper()
	return w.report(name).ResourceVersion
}

// rollingOut deploys, and returns when the first of three pods is ready and the second one
// is starting.
func (w *world) rollingOut(name string) *appsv1.ReplicaSet {
	GinkgoHelper()
	w.deploy(name, setReplicas(3))
	newest := w.replicaSet(w.deployment(name))
	w.setStatus(name, 0, 0)
	w.look(name)
	first := w.newPod(newest)
	w.setStatus(name, 1, 0)
	w.look(name)
	w.setReady(first)
	w.setStatus(name, 1, 1)
	w.look(name)
	w.newPod(newest)
	w.look(name)
	return newest
}

// successes that are recorded of a Deployment.
func (w *world) successes(name string) (kinds []v1alpha1.TrialKind) {
	GinkgoHelper()
	for _, trial := range w.report(name).Status.Evidence.Trials {
		Expect(trial.Outcome).To(Equal(v1alpha1.TrialSuccess))
		kinds = append(kinds, trial.Kind)
	}
	return kinds
}

var _ = Describe("A cache that does not show the operator's last write yet", func() {
	// lagging is a world whose operator has just written, and still reads the report from before.
	lagging := func() (w *world, caughtUp client.Client) {
		w = newWorld(v1alpha1.Staging)
		w.rollingOut("shop")
		before := w.report("shop")
		w.later(time.Minute)
		w.look("shop")
		Expect(w.version("shop")).NotTo(Equal(before.ResourceVersion), "its draft was due")
		caughtUp = w.reports.Client
		w.reports.Client = interceptor.NewClient(w.client, interceptor.Funcs{
			Get: func(ctx context.Context, i client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
				if report, ok := object.(*v1alpha1.ReadinessReport); ok {
					before.DeepCopyInto(report)
					return nil
				}
				return i.Get(ctx, key, object, options...)
			},
		})
		return w, caughtUp
	}

	It("is looked at again at once, so that what happened meanwhile is not swallowed", func() {
		w, caughtUp := lagging()
		Expect(w.look("shop").RequeueAfter).To(BeNumerically("<=", 100*time.Millisecond))
		w.reports.Client = caughtUp
		version := w.version("shop")
		Expect(w.look("shop").RequeueAfter).To(BeNumerically(">", time.Second))
		Expect(w.version("shop")).To(Equal(version), "nothing is left to write")
	})

	It("is believed after a while, because it may be the data of a restored cluster", func() {
		w, _ := lagging()
		w.later(time.Minute)
		Expect(w.look("shop").RequeueAfter).To(BeNumerically(">", time.Second))
	})
})

var _ = Describe("What is learned while an episode goes on", func() {
	allOfIt := ConsistOf(v1alpha1.TrialRollout, v1alpha1.TrialStart, v1alpha1.TrialStart, v1alpha1.TrialStart)

	It("is recorded once, with its end", func() {
		w := newWorld(v1alpha1.Staging)
		w.rollingOut("shop")
		begun := w.version("shop")
		w.look("shop")
		Expect(w.version("shop")).To(Equal(begun))

		w.rollOut("shop")
		w.look("shop")
		Expect(w.successes("shop")).To(allOfIt)
		ended := w.version("shop")
		Expect(ended).NotTo(Equal(begun))
		w.look("shop")
		Expect(w.version("shop")).To(Equal(ended))
	})

	It("is recorded with its end too when the controller made no ReplicaSet before the first look", func() {
		w := newWorld(v1alpha1.Staging)
		w.deploy("shop")
		w.setStatus("shop", 0, 0)
		w.look("shop")
		begun := w.version("shop")
		w.replicaSet(w.deployment("shop"))
		w.look("shop")
		Expect(w.version("shop")).To(Equal(begun))
		w.rollOut("shop")
		w.look("shop")
		Expect(w.version("shop")).NotTo(Equal(begun))
		Expect(w.report("shop").Status.Outcomes[0].TemplateDigest).NotTo(BeEmpty())
	})

	It("is recorded while it goes on for long, not more often than each half minute", func() {
		w := newWorld(v1alpha1.Staging)
		w.rollingOut("shop")
		begun := w.version("shop")
		w.later(29 * time.Second)
		Expect(w.look("shop").RequeueAfter).To(BeNumerically("<=", time.Second))
		Expect(w.version("shop")).To(Equal(begun))
		w.later(time.Second)
		w.look("shop")
		Expect(w.version("shop")).NotTo(Equal(begun))
		Expect(w.successes("shop")).To(ConsistOf(v1alpha1.TrialStart))
	})

	It("is recorded at once when it fails", func() {
		w := newWorld(v1alpha1.Staging)
		newest := w.rollingOut("shop")
		begun := w.version("shop")
		w.setCrashed(w.newPod(newest))
		w.look("shop")
		Expect(w.version("shop")).NotTo(Equal(begun))
		Expect(w.report("shop").Status.Evidence.Trials).To(ContainElement(HaveField("Outcome", v1alpha1.TrialFailure)))
	})

	It("is seen again after a crash, as far as pods show it", func() {
		w := newWorld(v1alpha1.Staging)
		w.rollingOut("shop")
		w.restartOperator()
		w.rollOut("shop")
		w.look("shop")
		Expect(w.successes("shop")).To(allOfIt)
	})

	It("is recorded when the operator stops", func() {
		w := newWorld(v1alpha1.Staging)
		w.rollingOut("shop")
		Expect(w.successes("shop")).To(BeEmpty())
		stopped, stop := context.WithCancel(ctx)
		stop()
		Expect(w.reports.Drafts.Start(stopped)).To(Succeed())
		Expect(w.successes("shop")).To(ConsistOf(v1alpha1.TrialStart))
	})

	It("is not written over what another instance of the operator wrote", func() {
		w := newWorld(v1alpha1.Staging)
		w.rollingOut("shop")
		report := w.report("shop")
		before := report.DeepCopy()
		report.Status.LastDrill = &metav1.Time{Time: w.clock.Now().Truncate(time.Second)}
		Expect(operator.Status().Patch(ctx, report, client.MergeFrom(before))).To(Succeed())
		w.rollOut("shop")
		w.look("shop")
		Expect(w.successes("shop")).To(allOfIt)
		Expect(w.report("shop").Status.LastDrill).NotTo(BeNil())
	})
})
