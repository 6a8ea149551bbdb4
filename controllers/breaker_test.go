// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/testenv"
)

const (
	// manyNamespaces and manyWorkloads in each make an environment of two hundred.
	manyNamespaces, manyWorkloads = 20, 10
	// maxConcurrent is how many workloads an operator may be changing at one time by default.
	maxConcurrent = 3
)

// in is the world as it is seen in another namespace of the environment.
func (w *world) in(namespace string) *world {
	other := *w
	other.namespace = namespace
	return &other
}

// failing makes a Deployment whose last revision ran well and whose newest one crashes, with
// what an operator knew of it before.
func (w *world) failing(name string) {
	GinkgoHelper()
	w.deploy(name, setImage(goodImage))
	good := w.replicaSet(w.deployment(name))
	w.remember(name, func(status *v1alpha1.ReadinessReportStatus) {
		status.Workload.UID = string(w.deployment(name).UID)
		status.Revision = v1alpha1.Revision{Number: 1, Hash: "good", Since: metav1.NewTime(w.clock.Now().Add(-time.Hour))}
		status.Outcomes = []v1alpha1.RevisionOutcome{{
			Number: 1, Hash: "good", Result: v1alpha1.RolloutStable, Time: status.Revision.Since, PodTemplateHash: good.Labels["pod-template-hash"],
		}}
	})
	w.change(name, deployer, setImage(badImage))
	w.rollOutCrashing(name, 2)
}

// everywhere does something for each of the workloads, several at a time.
func everywhere(worlds []*world, do func(*world, string)) {
	GinkgoHelper()
	var all sync.WaitGroup
	for _, w := range worlds {
		all.Go(func() {
			defer GinkgoRecover()
			for i := range manyWorkloads {
				do(w, fmt.Sprintf("shop-%d", i))
			}
		})
	}
	all.Wait()
}

var _ = Describe("Two hundred workloads that fail at once", func() {
	It("open the breaker: at most the budget is acted on, the others are left alone and told why, and it closes when they are calm", func() {
		w := newWorld(v1alpha1.Production, rollingBack)
		var worlds []*world
		for i := range manyNamespaces {
			name := fmt.Sprintf("%s-%d", w.namespace, i)
			Expect(admin.Create(ctx, testenv.Namespace(name, map[string]string{"environment": w.policy.Name}))).To(Succeed())
			worlds = append(worlds, w.in(name))
			worlds[i].joined("empty")
		}
		everywhere(worlds, func(w *world, name string) { w.failing(name) })

		By("looking at all of them, as several workers do")
		everywhere(worlds, func(w *world, name string) {
			for {
				if result, err := w.tryLook(name); err == nil && result.RequeueAfter != conflictRetry {
					return
				}
			}
		})
		w.lookAtEnvironment(w.environments())
		Expect(w.policy.Status.Breaker).To(HaveValue(HaveField("Reason", ContainSubstring("of 200 workloads are unhealthy"))))
		Expect(w.remediating()).To(HaveField("Reason", v1alpha1.ReasonBreakerOpen))
		Expect(w.told(telemetry.ReasonBreakerOpened)).To(BeTrue())

		By("looking again a minute later, while it is open")
		w.later(time.Minute)
		acted := 0
		for _, w := range worlds {
			for i := range manyWorkloads {
				name := fmt.Sprintf("shop-%d", i)
				if i == 0 {
					w.look(name)
				}
				if w.image(name) == goodImage {
					acted++
					continue
				}
				Expect(w.deployment(name).Generation).To(BeEquivalentTo(2), "it is left as it was")
				Expect(w.actions(name, v1alpha1.ActionRollback)).To(HaveEach(v1alpha1.ActionReported))
				Expect(w.report(name).Status.Message).To(Or(
					ContainSubstring("began to fail at the same time, so that the cause is likely common"), ContainSubstring("all remediation here has stopped")))
			}
		}
		Expect(acted).To(BeNumerically("<=", maxConcurrent))

		By("calming down")
		everywhere(worlds, func(w *world, name string) {
			w.remember(name, func(status *v1alpha1.ReadinessReportStatus) {
				status.FailingSince, status.State = nil, v1alpha1.ReportCollecting
			})
		})
		w.later(time.Minute)
		w.lookAtEnvironment(w.environments())
		Expect(w.policy.Status.Breaker).To(HaveValue(HaveField("Reason", ContainSubstring("remediation starts again at"))), "it has only just become calm")
		w.later(5 * time.Minute)
		w.lookAtEnvironment(w.environments())
		Expect(w.policy.Status.Breaker).To(BeNil())
		Expect(w.remediating()).To(HaveField("Status", metav1.ConditionTrue))
		Expect(w.told(telemetry.ReasonBreakerClosed)).To(BeTrue())
	})
})

// conflictRetry is how soon a loop looks again after a conflict.
const conflictRetry = 100 * time.Millisecond
