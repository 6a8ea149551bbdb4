// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/workload"
)

// standstill is how long the rollout of one whose pods start quickly may stand still.
const standstill = 150 * time.Second

// failedSet is a world in which the first pod of a new image does not come up, after one
// that ran well. No other pod follows it.
func failedSet(kind v1alpha1.WorkloadKind, onFailure, state string, edit ...func(*v1alpha1.EnvironmentPolicySpec)) *set {
	GinkgoHelper()
	w := newWorld(v1alpha1.Production, append([]func(*v1alpha1.EnvironmentPolicySpec){rollingBack}, edit...)...)
	w.joined(state)
	s := w.newSet(kind, "shop", onFailure)
	s.roll()
	s.look()
	s.look()
	w.later(5 * time.Minute)
	s.change(toImage(badImage))
	s.look()
	s.rollInto(w.setCrashed)
	return s
}

var _ = Describe("A failed rollout of one pod at a time", func() {
	const opted = string(v1alpha1.OnFailureRollback)
	kinds := []TableEntry{Entry("StatefulSet", v1alpha1.KindStatefulSet), Entry("DaemonSet", v1alpha1.KindDaemonSet)}

	DescribeTable("is rolled back where its team has opted in, once it has stood still for too long", func(kind v1alpha1.WorkloadKind) {
		s := failedSet(kind, opted, "empty")
		before := s.object()
		Expect(s.look().RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", standstill)), "nothing but time will tell")
		s.later(standstill - time.Second)
		s.look()
		Expect(s.image()).To(Equal(badImage), "one crashed pod is not enough before that")
		s.later(time.Second)
		s.look()

		Expect(s.image()).To(Equal(goodImage))
		status := s.status()
		Expect(s.outcomes(v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
		Expect(status.Quarantined).To(ConsistOf(And(
			HaveField("Hash", status.Revision.Hash),
			HaveField("Changes", ConsistOf(And(HaveField("Path", ContainSubstring("image")), HaveField("Value", ContainSubstring(badImage))))))))
		Expect(s.says(telemetry.ReasonRolledBack, "1 crashed")).To(BeTrue())
		after := s.object()
		Expect(remediation.Owns(after)).To(BeFalse())
		*templateOf(after) = *templateOf(before)
		Expect(specOf(after)).To(Equal(specOf(before)), "only the pod template is changed")
	}, kinds)

	DescribeTable("is rolled back when its first pod does not become ready", func(kind v1alpha1.WorkloadKind) {
		s := failedSet(kind, opted, "empty")
		s.rollInto(s.setRunning)
		s.look()
		s.later(standstill - time.Second)
		s.look()
		Expect(s.image()).To(Equal(badImage))
		s.later(time.Second)
		s.look()

		Expect(s.image()).To(Equal(goodImage))
		Expect(s.says(telemetry.ReasonRolledBack, "1 did not become ready")).To(BeTrue())
	}, kinds)

	DescribeTable("is reported and not rolled back", func(kind v1alpha1.WorkloadKind, onFailure string, change func(*set), says string) {
		s := failedSet(kind, onFailure, "empty")
		change(s)
		s.look()
		s.later(standstill)
		s.look()
		s.later(time.Minute)
		s.look()

		Expect(s.image()).To(Equal(badImage))
		Expect(s.outcomes(v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
		Expect(s.status().Actions[0].Message).To(ContainSubstring(says))
		Expect(s.status().Quarantined).To(BeEmpty())
		Expect(s.told(telemetry.ReasonActionReported)).To(BeTrue())
	},
		Entry("when a StatefulSet's team says nothing", v1alpha1.KindStatefulSet, "", func(*set) {}, "go back to revision 1, the last stable one, and delete the pods that do not become ready"),
		Entry("when a DaemonSet's team says nothing", v1alpha1.KindDaemonSet, "", func(*set) {}, "annotate the workload rampart.dev/on-failure: Rollback"),
		Entry("when its team wants none", v1alpha1.KindStatefulSet, "Report", func(*set) {}, "asks for no rollback"),
		Entry("when its team says what nobody understands", v1alpha1.KindStatefulSet, "Always", func(*set) {}, `says "Always", which is neither Report nor Rollback and is read as Report`),
		Entry("when only people replace a StatefulSet's pods", v1alpha1.KindStatefulSet, opted, func(s *set) {
			s.change(onDelete)
			s.rollInto(s.setCrashed)
		}, "updateStrategy OnDelete"),
		Entry("when only people replace a DaemonSet's pods", v1alpha1.KindDaemonSet, opted, func(s *set) {
			s.change(onDelete)
			s.rollInto(s.setCrashed)
		}, "updateStrategy OnDelete"),
		Entry("when something keeps a DaemonSet's pods from being made", v1alpha1.KindDaemonSet, opted, func(s *set) {
			s.remove(s.pods()["shop-0"])
			s.settle()
		}, "1 of 3 pods are not made: the events of the DaemonSet say what refuses them"),
	)

	It("has all the time it needs while one pod after the other comes up", func() {
		s := failedSet(v1alpha1.KindStatefulSet, opted, "empty")
		for _, next := range []int{1, 0} {
			s.look()
			s.later(standstill - time.Second)
			s.setReady(s.pods()[fmt.Sprintf("shop-%d", next+1)]) // in the last moment
			s.setCrashed(s.make(next, s.keep()))
			s.settle()
			s.look()
		}
		s.later(standstill - time.Second)
		s.look()
		Expect(s.image()).To(Equal(badImage))
	})

	It("is no failed rollout when a pod fails long after it was complete", func() {
		s := failedSet(v1alpha1.KindStatefulSet, opted, "empty")
		s.roll()
		s.later(time.Hour)
		s.look()
		s.look()
		s.setCrashed(s.pods()["shop-2"])
		s.settle()
		s.look()
		s.later(time.Hour)
		s.look()

		Expect(s.image()).To(Equal(badImage))
	})
})

// specOf is what a set asks for.
func specOf(object workload.Object) any {
	if o, ok := object.(*appsv1.StatefulSet); ok {
		return o.Spec
	}
	return object.(*appsv1.DaemonSet).Spec
}

// restored is a StatefulSet that was rolled back, whose controller has seen it and waits for
// the pod that failed.
func restored(edit ...func(*v1alpha1.EnvironmentPolicySpec)) *set {
	GinkgoHelper()
	s := failedSet(v1alpha1.KindStatefulSet, string(v1alpha1.OnFailureRollback), "empty", edit...)
	s.later(standstill)
	s.look()
	Expect(s.image()).To(Equal(goodImage))
	return s
}

var _ = Describe("The pod that keeps a StatefulSet from going back", func() {
	It("is deleted once its controller has seen the restored template, and explained", func() {
		s := restored()
		failed, bad := s.first(), s.pods()["shop-2"].Labels[appsv1.ControllerRevisionHashLabelKey]
		s.look()
		Expect(s.first()).To(Equal(failed), "the controller may replace it itself")
		s.settle()
		s.look()

		Expect(s.first()).To(BeEmpty())
		Expect(s.pods()).To(And(HaveKey("shop-0"), HaveKey("shop-1")))
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
		Expect(s.says(telemetry.ReasonPodReplaced, "pod shop-2 runs what was rolled back and is not ready")).To(BeTrue())

		By("leaving alone what comes in its place")
		s.setCrashed(s.make(2, s.keep()))
		s.settle()
		again := s.first()
		for range 5 {
			s.later(time.Minute)
			s.look()
		}
		Expect(s.first()).To(Equal(again))

		By("leaving it alone even if it comes back as it was")
		s.setCrashed(s.make(2, bad))
		s.settle()
		again = s.first()
		s.look()
		Expect(s.first()).To(Equal(again))
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(HaveLen(1))
	})

	It("does not use up the rollbacks that are allowed", func() {
		s := restored()
		s.settle()
		s.look()
		s.roll()
		s.look()
		s.later(11 * time.Minute)
		s.change(toImage(badImage + "-next"))
		s.look()
		s.rollInto(s.setCrashed)
		s.look()
		s.later(standstill)
		s.look()
		Expect(s.image()).To(Equal(goodImage))
		Expect(s.outcomes(v1alpha1.ActionRollback)).To(HaveLen(2))
	})

	It("is left alone when it becomes ready at the last moment", func() {
		s := restored()
		s.settle()
		failed := s.first()
		s.client = interceptor.NewClient(operator, interceptor.Funcs{
			Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
				if pod, isPod := object.(*corev1.Pod); isPod {
					s.setReady(pod.DeepCopy())
				}
				return c.Delete(ctx, object, options...)
			},
		})
		s.restartOperator()
		s.look()
		Expect(s.first()).To(Equal(failed))
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(BeEmpty(), "as if it had never been")
	})

	DescribeTable("is left alone when that is decided between the judgement and the deletion", func(change func(*set), says string) {
		s := restored()
		s.settle()
		failed, changed := s.first(), false
		s.client = interceptor.NewClient(operator, interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
				err := c.SubResource(sub).Patch(ctx, object, patch, options...)
				if !changed {
					changed = true
					change(s)
				}
				return err
			},
		})
		s.restartOperator()
		s.look()
		Expect(changed).To(BeTrue())
		Expect(s.first()).To(Equal(failed))
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(BeEmpty(), "as if it had never been")

		s.look()
		Expect(s.first()).To(Equal(failed))
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
		Expect(s.status().Message).To(And(ContainSubstring("delete it"), ContainSubstring(says)))
	},
		Entry("by whoever suspends remediation", func(s *set) { s.suspend(v1alpha1.SuspendRemediation) }, "remediation is suspended"),
		Entry("by its team", func(s *set) { s.say(string(v1alpha1.OnFailureReport)) }, "any more"),
		Entry("by what rollbacks led to elsewhere in the namespace", func(s *set) {
			s.decidedAlready("web", v1alpha1.ActionRollback, v1alpha1.ActAct, disagreed, agreed, disagreed)
			s.reconcileNamespace(s.namespace)
		}, "rollbacks are back at Report in this namespace"),
	)

	It("tells nothing of a moment in which another worker decides about the namespace, and asks again at once", func() {
		s := restored()
		s.settle()
		giveBack, _ := s.reports.Slots.Take(s.namespace)
		Expect(s.look().RequeueAfter).To(BeNumerically("<=", time.Second))
		Expect(s.first()).NotTo(BeEmpty())
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(BeEmpty())

		giveBack()
		s.look()
		Expect(s.first()).To(BeEmpty())
	})

	It("is given up after a few refusals of the API server, instead of trying for ever", func() {
		s := restored()
		s.settle()
		tries := 0
		s.client = interceptor.NewClient(operator, interceptor.Funcs{
			Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
				tries++
				return errors.New("admission webhook denied the request")
			},
		})
		s.restartOperator()
		for range 10 {
			_, _ = s.tryLook()
			s.later(10 * time.Second)
		}
		Expect(tries).To(Equal(2), "actionsPerHour is 2")
		Expect(s.told(telemetry.ReasonActionFailed)).To(BeTrue())
		Expect(s.status().Message).To(And(ContainSubstring("delete it"), ContainSubstring("which is the limit")))
	})

	DescribeTable("is left to people, with what to do", func(change func(*set), says string) {
		s := restored()
		s.settle()
		failed := s.first()
		change(s)
		s.look()
		s.look()

		Expect(s.first()).To(Equal(failed))
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
		Expect(s.status().Message).To(And(ContainSubstring("delete it"), ContainSubstring(says)))
	},
		Entry("while remediation is suspended", func(s *set) {
			before := s.policy.DeepCopy()
			s.policy.Spec.Suspend = v1alpha1.SuspendRemediation
			Expect(admin.Patch(ctx, s.policy, client.MergeFrom(before))).To(Succeed())
		}, "remediation is suspended"),
		Entry("when the team has changed its mind", func(s *set) { s.say(string(v1alpha1.OnFailureReport)) }, "any more"),
		Entry("when rollbacks are back at Report in its namespace", func(s *set) {
			s.decidedAlready("web", v1alpha1.ActionRollback, v1alpha1.ActAct, disagreed, agreed, disagreed)
			s.reconcileNamespace(s.namespace)
		}, "rollbacks are back at Report in this namespace"),
		Entry("when the policy only reports failed rollouts by now", func(s *set) {
			before := s.policy.DeepCopy()
			s.policy.Spec.Rollout.OnFailure = v1alpha1.OnFailureReport
			Expect(admin.Patch(ctx, s.policy, client.MergeFrom(before))).To(Succeed())
		}, "failed rollouts are only reported here"),
		Entry("while another workload of the namespace is being changed", func(s *set) {
			s.remember("cart", func(status *v1alpha1.ReadinessReportStatus) {
				status.Actions = []v1alpha1.Action{{ID: "1", Kind: v1alpha1.ActionRollback, Outcome: v1alpha1.ActionIntended, Time: metav1.NewTime(s.clock.Now())}}
			})
		}, "Deployment cart is being changed"),
		Entry("while too much of the environment fails", func(s *set) {
			for _, other := range []string{"a", "b", "c"} {
				s.remember(other, func(status *v1alpha1.ReadinessReportStatus) {
					status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: s.clock.Now()}
				})
			}
		}, "all remediation here has stopped"),
	)

	It("is not forgotten when the rollout is judged in the look that was interrupted", func() {
		s := restored()
		s.setCrashed(s.pods()["shop-0"]) // so that the restored revision is judged too
		s.settle()
		s.client = interceptor.NewClient(operator, interceptor.Funcs{
			Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
				return errors.New("the operator was stopped here")
			},
		})
		s.restartOperator()
		_, err := s.tryLook()
		Expect(err).To(HaveOccurred())

		s.client = operator
		s.restartOperator()
		s.later(time.Minute)
		s.look()
		Expect(s.first()).To(BeEmpty())
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone, v1alpha1.ActionFailed}))
	})

	It("is left alone below the partition, where it would come back as it is", func() {
		s := restored()
		s.change(partitioned(setSize))
		s.settle()
		failed := s.first()
		s.look()
		s.look()
		Expect(s.first()).To(Equal(failed))
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(BeEmpty())
	})

	atEveryWrite(3, func(c *crash) {
		s := restored()
		s.settle()
		failed := s.first()
		deletions := 0
		s.client = c.in(interceptor.NewClient(operator, interceptor.Funcs{
			Delete: func(ctx context.Context, i client.WithWatch, object client.Object, options ...client.DeleteOption) error {
				deletions++
				return i.Delete(ctx, object, options...)
			},
		}))
		s.restartOperator()
		_, err := s.tryLook()
		if c.answer == nil {
			Expect(err != nil).To(Equal(c.happened()))
		}
		if s.first() == "" {
			s.setReady(s.make(2, s.keep()))
			s.settle()
		}
		s.client = interceptor.NewClient(operator, interceptor.Funcs{
			Delete: func(ctx context.Context, i client.WithWatch, object client.Object, options ...client.DeleteOption) error {
				deletions++
				return i.Delete(ctx, object, options...)
			},
		})
		s.restartOperator()
		for range 5 {
			s.look()
			s.later(30 * time.Second)
		}
		Expect(s.first()).NotTo(Equal(failed))
		Expect(deletions).To(Equal(1), "it happened more than once")
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).NotTo(ContainElement(v1alpha1.ActionIntended), "its outcome was never recorded")
		Expect(s.outcomes(v1alpha1.ActionReplacePod)).To(ContainElement(v1alpha1.ActionDone))
	})
})
