// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// remediating is the condition of that name of the world's policy.
func (w *world) remediating() metav1.Condition {
	GinkgoHelper()
	condition := meta.FindStatusCondition(w.policy.Status.Conditions, v1alpha1.ConditionRemediating)
	Expect(condition).NotTo(BeNil())
	return *condition
}

// suspend the world's environment as the platform team does.
func (w *world) suspend(mode v1alpha1.SuspendMode) {
	GinkgoHelper()
	w.policy.Spec.Suspend = mode
	Expect(admin.Update(ctx, w.policy)).To(Succeed())
}

var _ = Describe("What the operator changes in an environment", func() {
	It("shows in its policy: what was done, what is being done, and what is held back by what", func() {
		w := newWorld(v1alpha1.Production, correcting, rollingBack)
		w.joined("empty")
		environments := w.environments()
		now := w.clock.Now()
		action := func(kind v1alpha1.ActionKind, outcome v1alpha1.ActionOutcome, ago time.Duration) v1alpha1.Action {
			return v1alpha1.Action{ID: fmt.Sprint(kind, ago), Kind: kind, Outcome: outcome, Time: metav1.NewTime(now.Add(-ago))}
		}
		held := func(by v1alpha1.HeldBackBy) func(*v1alpha1.ReadinessReportStatus) {
			return func(status *v1alpha1.ReadinessReportStatus) {
				status.HeldBack = &v1alpha1.HeldBackAction{Kind: v1alpha1.ActionRollback, By: by, Since: metav1.NewTime(now)}
			}
		}
		w.remember("a", held(v1alpha1.HeldByLevel))
		w.remember("b", held(v1alpha1.HeldByBudget))
		w.remember("cut", func(status *v1alpha1.ReadinessReportStatus) {
			held(v1alpha1.HeldByBudget)(status)
			status.HeldBack.Kind = v1alpha1.ActionIsolate
		})
		w.remember("c", held(v1alpha1.HeldByLevel))
		w.remember("done", func(status *v1alpha1.ReadinessReportStatus) {
			status.Actions = []v1alpha1.Action{
				action(v1alpha1.ActionCorrectDrift, v1alpha1.ActionDone, 5*time.Second), action(v1alpha1.ActionCorrectDrift, v1alpha1.ActionDone, 59*time.Minute),
				action(v1alpha1.ActionRollback, v1alpha1.ActionFailed, 30*time.Minute), action(v1alpha1.ActionRollback, v1alpha1.ActionDone, time.Hour),
			}
		})
		w.remember("intended", func(status *v1alpha1.ReadinessReportStatus) {
			status.Actions = []v1alpha1.Action{action(v1alpha1.ActionRollback, v1alpha1.ActionIntended, 0)}
		})
		w.remember("gone", func(status *v1alpha1.ReadinessReportStatus) {
			held(v1alpha1.HeldByBudget)(status)
			status.State, status.Actions = v1alpha1.ReportGone, []v1alpha1.Action{action(v1alpha1.ActionRollback, v1alpha1.ActionReported, time.Minute)}
		})
		w.reconcileEnvironment(environments)

		state := w.policy.Status.Remediation
		Expect(state.Changing).To(BeEquivalentTo(2))
		Expect(state.HeldBack).To(BeEquivalentTo(4))
		Expect(state.HeldBackBy).To(Equal([]v1alpha1.HeldBackCount{{By: v1alpha1.HeldByBudget, Workloads: 2}, {By: v1alpha1.HeldByLevel, Workloads: 2}}))
		Expect(state.Examples).To(HaveLen(4))
		Expect(state.Examples[0]).To(And(HavePrefix(w.namespace+"/Deployment b: rollback"), ContainSubstring("held back by Budget since")))
		Expect(state.Examples[1]).To(HavePrefix(w.namespace + "/Deployment cut: isolation, held back by Budget since"))
		Expect(state.LastHour).To(Equal([]v1alpha1.ActionCount{
			{Kind: v1alpha1.ActionCorrectDrift, Outcome: v1alpha1.ActionDone, Count: 2},
			{Kind: v1alpha1.ActionRollback, Outcome: v1alpha1.ActionFailed, Count: 1},
			{Kind: v1alpha1.ActionRollback, Outcome: v1alpha1.ActionReported, Count: 1},
		}))
		Expect(w.remediating()).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonActing),
			HaveField("Message", "corrections are carried out in 1 of 1 namespaces, rollbacks are carried out in 1 of 1 namespaces")))

		By("forgetting what is over, by itself")
		result, err := w.tryEnvironment(environments)
		Expect(err).NotTo(HaveOccurred())
		Expect(result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", 5*time.Second)), "an action settles after 10 seconds")
		version := w.policy.ResourceVersion
		_, err = w.tryEnvironment(environments)
		Expect(err).NotTo(HaveOccurred())
		Expect(w.policy.ResourceVersion).To(Equal(version), "at rest nothing is written")
		w.later(2 * time.Minute)
		w.reconcileEnvironment(environments)
		Expect(w.policy.Status.Remediation.Changing).To(BeEquivalentTo(1))
		Expect(w.policy.Status.Remediation.LastHour).To(ContainElement(v1alpha1.ActionCount{Kind: v1alpha1.ActionCorrectDrift, Outcome: v1alpha1.ActionDone, Count: 1}))
	})

	It("shows how far acts may go, and what is missing", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("busy")
		w.decidedAlready("cart", v1alpha1.ActionCorrectDrift, v1alpha1.ActReport, agreed, agreed, agreed)
		w.reconcileNamespace(w.namespace)
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Acts).To(Equal([]v1alpha1.ActState{{
			Kind: v1alpha1.ActionCorrectDrift, Reporting: 1, Agreed: 3,
			Message: "corrections: carried out in 0 of 1 namespaces; next is " + w.namespace + ": 3 of 3 reported corrections were right; 3 more raise it",
			Waiting: []string{w.namespace + ": 3 of 3 reported corrections were right; 3 more raise it"},
		}}))
		Expect(w.remediating()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonOnlyReporting)))
	})

	It("says that nothing is asked for where that is so", func() {
		w := newWorld(v1alpha1.Production)
		w.reconcileEnvironment(w.environments())
		Expect(w.remediating()).To(HaveField("Reason", v1alpha1.ReasonNothingAsked))
		Expect(w.policy.Status.Remediation).To(BeNil())
		Expect(w.policy.Status.Acts).To(BeEmpty())
	})

	It("says where isolation is all that is asked for, and that the breaker stops it too", func() {
		w := newWorld(v1alpha1.Production, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Isolation = &v1alpha1.IsolationPolicy{Mode: v1alpha1.IsolationOnFailure}
		})
		environments := w.environments()
		w.joined("busy")
		w.reconcileEnvironment(environments)
		Expect(w.remediating()).To(And(HaveField("Reason", v1alpha1.ReasonOnlyReporting),
			HaveField("Message", "isolations are carried out in 0 of 1 namespaces: isolation.startLevel: Act ends that")))
		w.joined("empty")
		w.reconcileEnvironment(environments)
		Expect(w.remediating()).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonActing),
			HaveField("Message", "isolations are carried out in 1 of 1 namespaces")))
		Expect(w.policy.Status.Acts).To(BeEmpty(), "it earns no level")

		for i := range 3 {
			w.remember(fmt.Sprint("failing-", i), func(status *v1alpha1.ReadinessReportStatus) {
				status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now()}
			})
		}
		w.reconcileEnvironment(environments)
		w.reconcileEnvironment(environments)
		Expect(w.remediating()).To(HaveField("Reason", v1alpha1.ReasonBreakerOpen))
	})

	It("says that environments follow each other in a circle", func() {
		first, second := newWorld(v1alpha1.Staging), newWorld(v1alpha1.Staging)
		for one, other := range map[*world]*world{first: second, second: first} {
			one.policy.Spec.Follows = &v1alpha1.EnvironmentReference{Name: other.policy.Name}
			Expect(admin.Update(ctx, one.policy)).To(Succeed())
		}
		first.reconcileEnvironment(first.environments())
		Expect(first.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonFollowsItself),
			HaveField("Message", ContainSubstring(first.policy.Name+" → "+second.policy.Name+" → "+first.policy.Name))))
	})

	It("tells when the breaker opens and closes", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		environments := w.environments()
		w.reconcileEnvironment(environments)
		for i := range 3 {
			w.remember(fmt.Sprint("failing-", i), func(status *v1alpha1.ReadinessReportStatus) {
				status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now()}
				status.HeldBack = &v1alpha1.HeldBackAction{Kind: v1alpha1.ActionRollback, By: v1alpha1.HeldByBreaker, Since: metav1.NewTime(w.clock.Now())}
			})
		}
		w.reconcileEnvironment(environments)
		w.reconcileEnvironment(environments)
		Expect(w.remediating()).To(HaveField("Reason", v1alpha1.ReasonBreakerOpen))
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonBreakerOpened), ContainSubstring("3 of 3 workloads are unhealthy"), ContainSubstring("(0 being changed, 3 held back)"))))
		for i := range 3 {
			w.remember(fmt.Sprint("failing-", i), func(status *v1alpha1.ReadinessReportStatus) {
				status.State, status.FailingSince, status.HeldBack = v1alpha1.ReportCollecting, nil, nil
			})
		}
		w.reconcileEnvironment(environments)
		Expect(w.told(telemetry.ReasonBreakerClosed)).To(BeFalse(), "it must stay calm for a while")
		w.later(10 * time.Minute)
		w.reconcileEnvironment(environments)
		Expect(w.remediating()).To(HaveField("Reason", v1alpha1.ReasonActing))
		Expect(w.told(telemetry.ReasonBreakerClosed)).To(BeTrue())
		opened := 0
		for _, note := range w.events.all() {
			if len(note) > len(telemetry.ReasonBreakerOpened) && note[:len(telemetry.ReasonBreakerOpened)] == telemetry.ReasonBreakerOpened {
				opened++
			}
		}
		Expect(opened).To(Equal(1), "it is told once")
	})

	It("tells when it is suspended, shows what is due then, and tells when it goes on", func() {
		w := drifted("empty")
		environments := w.environments()
		w.reconcileEnvironment(environments)
		w.suspend(v1alpha1.SuspendRemediation)
		w.reconcileEnvironment(environments)
		Expect(w.remediating()).To(HaveField("Reason", v1alpha1.ReasonSuspended))
		Expect(w.told(telemetry.ReasonSuspendBegun)).To(BeTrue())

		w.settle("shop")
		Expect(w.env("shop")).To(Equal("debug"))
		Expect(w.report("shop").Status.HeldBack).To(HaveValue(HaveField("By", v1alpha1.HeldBySuspend)))
		w.reconcileEnvironment(environments)
		Expect(w.policy.Status.Remediation.HeldBackBy).To(Equal([]v1alpha1.HeldBackCount{{By: v1alpha1.HeldBySuspend, Workloads: 1}}))

		w.suspend(v1alpha1.SuspendNone)
		w.reconcileEnvironment(environments)
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonSuspendEnded), ContainSubstring("1 held back"))))
		w.settle("shop")
		Expect(w.env("shop")).To(Equal("info"))
		Expect(w.report("shop").Status.HeldBack).To(BeNil())
	})

	It("counts a rollback that is suspended too", func() {
		w := failed(2, "empty", func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Suspend = v1alpha1.SuspendRemediation })
		w.look("shop")
		Expect(w.report("shop").Status.HeldBack).To(HaveValue(And(HaveField("Kind", v1alpha1.ActionRollback), HaveField("By", v1alpha1.HeldBySuspend))))
		since := w.report("shop").Status.HeldBack.Since
		w.later(time.Minute)
		w.look("shop")
		Expect(w.report("shop").Status.HeldBack.Since).To(Equal(since))
	})

	It("counts what the budget holds back", func() {
		w := drifted("empty")
		w.remember("cart", func(status *v1alpha1.ReadinessReportStatus) {
			status.Actions = []v1alpha1.Action{{ID: "1", Kind: v1alpha1.ActionRollback, Outcome: v1alpha1.ActionIntended, Time: metav1.NewTime(w.clock.Now())}}
		})
		w.settle("shop")
		Expect(w.report("shop").Status.HeldBack).To(HaveValue(HaveField("By", v1alpha1.HeldByBudget)))
	})
})
