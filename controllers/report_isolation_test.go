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
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/isolation"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// tellings keep what the events of the loops are told on, too.
type tellings struct {
	*eventLog
	on []runtime.Object
}

// Eventf keeps an event.
func (t *tellings) Eventf(on, related runtime.Object, kind, reason, action, note string, args ...any) {
	t.on = append(t.on, on)
	t.eventLog.Eventf(on, related, kind, reason, action, note, args...)
}

// isolateAfter is how long a workload fails before it is isolated, by default.
const isolateAfter = 5 * time.Minute

// isolating lets an environment isolate what has nothing to return to.
func isolating(spec *v1alpha1.EnvironmentPolicySpec) {
	spec.Isolation = &v1alpha1.IsolationPolicy{Mode: v1alpha1.IsolationOnFailure}
}

// stranded is a world in which the first revision of a Deployment crashes.
func stranded(state string, edits ...func(*v1alpha1.EnvironmentPolicySpec)) *world {
	GinkgoHelper()
	w := newWorld(v1alpha1.Production, append([]func(*v1alpha1.EnvironmentPolicySpec){isolating}, edits...)...)
	w.joined(state)
	w.deploy("shop")
	w.look("shop")
	w.rollOutCrashing("shop", 2)
	w.look("shop")
	return w
}

// isolated is one in which it was isolated for that.
func isolated(edits ...func(*v1alpha1.EnvironmentPolicySpec)) *world {
	GinkgoHelper()
	w := stranded("empty", edits...)
	w.later(isolateAfter)
	w.look("shop")
	Expect(w.isolation("shop")).NotTo(BeNil())
	return w
}

func (w *world) isolationKey(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.namespace, Name: isolation.Name(v1alpha1.KindDeployment, name)}
}

// isolation is the NetworkPolicy under the name of the one that isolates, or nil.
func (w *world) isolation(name string) *networkingv1.NetworkPolicy {
	GinkgoHelper()
	var policy networkingv1.NetworkPolicy
	err := admin.Get(ctx, w.isolationKey(name), &policy)
	if apierrors.IsNotFound(err) {
		return nil
	}
	Expect(err).NotTo(HaveOccurred())
	return &policy
}

// hashOf the newest pods of a Deployment.
func (w *world) hashOf(name string) string {
	GinkgoHelper()
	return w.replicaSet(w.deployment(name)).Labels[appsv1.DefaultDeploymentUniqueLabelKey]
}

// ask writes the annotation about isolation.
func (w *world) ask(name, wish string) {
	GinkgoHelper()
	deployment := w.deployment(name)
	deployment.Annotations = with(deployment.Annotations, v1alpha1.AnnotationIsolation, wish)
	Expect(admin.Update(ctx, deployment)).To(Succeed())
	deployment.Status.ObservedGeneration = deployment.Generation
	Expect(admin.Status().Update(ctx, deployment)).To(Succeed())
}

// allow makes a NetworkPolicy of the team's that lets everybody in.
func (w *world) allow(name string) *networkingv1.NetworkPolicy {
	GinkgoHelper()
	policy := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
		Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, Ingress: []networkingv1.NetworkPolicyIngressRule{{}},
		},
	}
	Expect(admin.Create(ctx, policy)).To(Succeed())
	return policy
}

// setPolicy changes the environment.
func (w *world) setPolicy(change func(*v1alpha1.EnvironmentPolicySpec)) {
	GinkgoHelper()
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.policy), w.policy)).To(Succeed())
	change(&w.policy.Spec)
	Expect(admin.Update(ctx, w.policy)).To(Succeed())
}

var _ = Describe("A failing revision with nothing good to return to", func() {
	It("is isolated once it has failed for long enough, by its own pods and no others, and that is explained", func() {
		w := stranded("empty")
		Expect(w.isolation("shop")).To(BeNil())
		Expect(w.report("shop").Status.Message).To(ContainSubstring("if it still fails"))
		result := w.look("shop")
		Expect(result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", isolateAfter)))

		w.later(isolateAfter)
		w.look("shop")
		policy := w.isolation("shop")
		Expect(policy).NotTo(BeNil())
		Expect(policy.Spec.PodSelector.MatchLabels).To(Equal(map[string]string{"app": "shop", "pod-template-hash": w.hashOf("shop")}))
		Expect(policy.Spec.PolicyTypes).To(ConsistOf(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress))
		Expect(policy.OwnerReferences).To(ConsistOf(And(HaveField("UID", w.deployment("shop").UID), HaveField("Controller", BeNil()))))
		Expect(w.actions("shop", v1alpha1.ActionIsolate)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
		Expect(w.told(telemetry.ReasonIsolated)).To(BeTrue())

		w.look("shop")
		status := w.report("shop").Status
		Expect(status.Isolation).To(HaveValue(And(
			HaveField("State", v1alpha1.Isolated), HaveField("Revision", int64(1)), HaveField("NetworkPolicy", policy.Name),
			HaveField("Reason", ContainSubstring("no earlier revision is known to be good")),
			HaveField("Effective", v1alpha1.IsolationUnverified), HaveField("Message", ContainSubstring("network plugin")))))
		Expect(status.Message).To(And(ContainSubstring("2 crashed"), ContainSubstring("it is isolated")))

		By("resting there")
		version := w.report("shop").ResourceVersion
		w.look("shop")
		Expect(w.report("shop").ResourceVersion).To(Equal(version))
		Expect(w.isolation("shop").ResourceVersion).To(Equal(policy.ResourceVersion))
	})

	DescribeTable("is not isolated", func(state string, edit func(*v1alpha1.EnvironmentPolicySpec), change func(*world), says string) {
		w := stranded(state, edit)
		change(w)
		w.later(isolateAfter)
		w.look("shop")
		w.later(time.Minute)
		w.look("shop")

		var policies networkingv1.NetworkPolicyList
		Expect(admin.List(ctx, &policies, client.InNamespace(w.namespace), client.HasLabels{v1alpha1.LabelIsolates})).To(Succeed())
		Expect(policies.Items).To(BeEmpty())
		Expect(w.report("shop").Status.Isolation).To(BeNil())
		if says == "" {
			Expect(w.actions("shop", v1alpha1.ActionIsolate)).To(BeEmpty())
			return
		}
		Expect(w.actions("shop", v1alpha1.ActionIsolate)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
		Expect(w.report("shop").Status.Message).To(ContainSubstring(says))
		Expect(w.told(telemetry.ReasonActionReported)).To(BeTrue())
	},
		Entry("where nobody said so", "empty", func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Isolation = nil }, untouched, ""),
		Entry("where somebody has to ask for it", "empty",
			func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Isolation.Mode = v1alpha1.IsolationManual }, untouched, ""),
		Entry("when the workload refuses", "empty", asItIs, func(w *world) { w.ask("shop", v1alpha1.IsolationRefused) }, ""),
		Entry("when the workload wants failures reported only", "empty", asItIs, func(w *world) { w.optOut("shop") }, ""),
		Entry("in a namespace that had workloads when its policy came", "busy", asItIs, untouched, "it would be isolated"),
		Entry("while remediation is suspended", "empty",
			func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Suspend = v1alpha1.SuspendRemediation }, untouched, "suspended"),
		Entry("under a name that is taken", "empty", asItIs, func(w *world) { w.allow(w.isolationKey("shop").Name) }, "somebody else made"),
		Entry("where everything is let through anyway", "empty", asItIs, func(w *world) {
			policy := w.allow("theirs")
			policy.Spec.PolicyTypes, policy.Spec.Egress = append(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress), []networkingv1.NetworkPolicyEgressRule{{}}
			Expect(admin.Update(ctx, policy)).To(Succeed())
		}, "it would have no effect: not effective: NetworkPolicy theirs"),
		Entry("on the network of its node", "empty", asItIs, func(w *world) {
			w.change("shop", deployer, func(d *appsv1.Deployment) { d.Spec.Template.Spec.HostNetwork = true })
			w.crashAnew("shop")
			w.look("shop")
		}, "the network of their node"),
		Entry("while another workload of the namespace is being changed", "empty", asItIs, func(w *world) {
			w.remember("cart", func(status *v1alpha1.ReadinessReportStatus) {
				status.Actions = []v1alpha1.Action{{ID: "1", Kind: v1alpha1.ActionRollback, Outcome: v1alpha1.ActionIntended, Time: metav1.NewTime(w.clock.Now())}}
			})
		}, "is being changed"),
		Entry("while too much of the environment fails", "empty", asItIs, func(w *world) {
			for _, other := range []string{"a", "b"} {
				w.remember(other, func(status *v1alpha1.ReadinessReportStatus) {
					status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now().Add(-time.Hour)}
				})
			}
		}, "all remediation here has stopped"),
		Entry("while another workload began to fail at the same time", "empty", asItIs, func(w *world) {
			w.remember("cart", func(status *v1alpha1.ReadinessReportStatus) {
				status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now()}
			})
		}, ""),
	)

	It("is not isolated when an earlier revision ran well, although nobody rolls back", func() {
		w := failed(2, "empty", isolating, func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Rollout = nil })
		for range 3 {
			w.look("shop")
			w.later(isolateAfter)
		}
		Expect(w.isolation("shop")).To(BeNil())
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
	})

	It("is isolated at once when somebody asks for it, and let go when nobody does any more", func() {
		w := stranded("busy", func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Isolation.Mode = v1alpha1.IsolationManual })
		w.ask("shop", v1alpha1.IsolationAsked)
		w.look("shop")
		Expect(w.isolation("shop")).NotTo(BeNil())
		Expect(w.report("shop").Status.Isolation.Reason).To(ContainSubstring("somebody asked for it"))

		w.ask("shop", "")
		w.look("shop")
		Expect(w.isolation("shop")).To(BeNil())
		Expect(w.report("shop").Status.Isolation.Reason).To(ContainSubstring("nobody asks"))
	})
})

var _ = Describe("An isolated revision", func() {
	// letGo expects that the isolation has ended, and was recorded and told.
	letGo := func(w *world, why string) {
		GinkgoHelper()
		Expect(w.isolation("shop")).To(BeNil())
		Expect(w.actions("shop", v1alpha1.ActionRelease)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
		Expect(w.report("shop").Status.Actions[0].Message).To(ContainSubstring(why))
		Expect(w.told(telemetry.ReasonIsolationReleased)).To(BeTrue())
	}

	It("is let go by the next revision, which is judged anew", func() {
		w := isolated()
		w.change("shop", deployer, setImage(badImage))
		w.crashAnew("shop")
		w.look("shop")
		letGo(w, "another revision has come")

		w.look("shop")
		Expect(w.report("shop").Status.Isolation).To(BeNil())
		w.later(isolateAfter)
		w.look("shop")
		Expect(w.isolation("shop").Spec.PodSelector.MatchLabels).To(HaveKeyWithValue("pod-template-hash", w.hashOf("shop")))
		Expect(w.report("shop").Status.Isolation.Revision).To(BeEquivalentTo(2))
	})

	It("is let go when it recovers, and not isolated a second time", func() {
		w := isolated()
		w.rollOut("shop")
		w.later(time.Minute)
		w.look("shop")
		letGo(w, "does not fail any more")
		Expect(w.report("shop").Status.Isolation).To(HaveValue(HaveField("State", v1alpha1.IsolationReleased)))

		for _, pod := range w.podsOf("shop") {
			w.setCrashed(&pod)
		}
		w.setStatus("shop", 2, 0)
		for range 3 {
			w.look("shop")
			w.later(isolateAfter)
		}
		Expect(w.report("shop").Status.FailingSince).NotTo(BeNil())
		Expect(w.isolation("shop")).To(BeNil())
	})

	DescribeTable("is let go", func(change func(*world), why string) {
		w := isolated()
		change(w)
		w.look("shop")
		letGo(w, why)
		w.look("shop")
		w.later(isolateAfter)
		w.look("shop")
		Expect(w.isolation("shop")).To(BeNil(), "it stays let go")
	},
		Entry("when the workload asks for that", func(w *world) { w.ask("shop", v1alpha1.IsolationRefused) }, "its annotation rampart.dev/isolation is Off"),
		Entry("when the policy isolates nothing any more", func(w *world) {
			w.setPolicy(func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Isolation = nil })
		}, "isolates nothing any more"),
	)

	DescribeTable("is let go without an environment, which is told where its owner looks", func(change func(*world), on runtime.Object, why string) {
		w := isolated()
		change(w)
		told := &tellings{eventLog: w.events}
		w.reports.Events = told
		w.look("shop")
		Expect(w.isolation("shop")).To(BeNil())
		Expect(w.events.all()).To(ContainElement(telemetry.ReasonIsolationReleased + ": no longer isolated: " + why))
		Expect(told.on).To(HaveExactElements(BeAssignableToTypeOf(on)))
	},
		Entry("that was removed", func(w *world) { Expect(admin.Delete(ctx, w.policy)).To(Succeed()) },
			&appsv1.Deployment{}, "its namespace belongs to no environment any more"),
		Entry("that its namespace left", func(w *world) {
			Expect(admin.Patch(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}},
				client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"environment":null}}}`)))).To(Succeed())
		}, &appsv1.Deployment{}, "its namespace belongs to no environment any more"),
		Entry("because the workload is gone", func(w *world) { Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed()) },
			&networkingv1.NetworkPolicy{}, "the workload is gone"),
	)

	It("stays free once somebody deleted the NetworkPolicy, also for an operator that restarts", func() {
		w := isolated()
		Expect(admin.Delete(ctx, w.isolation("shop"))).To(Succeed())
		w.look("shop")
		Expect(w.report("shop").Status.Isolation).To(HaveValue(And(
			HaveField("State", v1alpha1.IsolationLifted), HaveField("Effective", BeEmpty()), HaveField("Reason", ContainSubstring("not isolated again")))))
		Expect(w.told(telemetry.ReasonIsolationLifted)).To(BeTrue())

		w.restartOperator()
		for range 3 {
			w.later(isolateAfter)
			w.look("shop")
		}
		Expect(w.isolation("shop")).To(BeNil())
		Expect(w.actions("shop", v1alpha1.ActionIsolate)).To(HaveLen(1))

		By("until another revision comes")
		w.change("shop", deployer, setImage(badImage))
		w.crashAnew("shop")
		w.look("shop")
		w.later(isolateAfter)
		w.look("shop")
		Expect(w.isolation("shop")).NotTo(BeNil())
	})

	It("is not taken for lifted by an operator whose cache has not seen the NetworkPolicy yet", func() {
		w := isolated()
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
				if _, is := object.(*networkingv1.NetworkPolicy); is {
					return apierrors.NewNotFound(networkingv1.Resource("networkpolicies"), key.Name)
				}
				return c.Get(ctx, key, object, options...)
			},
		})
		w.restartOperator()
		w.reports.Live = operator
		w.look("shop")
		Expect(w.report("shop").Status.Isolation.State).To(Equal(v1alpha1.Isolated))
	})

	It("is somebody else's once its labels were taken off, and left to them", func() {
		w := isolated()
		policy := w.isolation("shop")
		policy.Labels = nil
		Expect(admin.Update(ctx, policy)).To(Succeed())
		w.look("shop")
		Expect(w.report("shop").Status.Isolation.State).To(Equal(v1alpha1.IsolationLifted))
		w.change("shop", deployer, setImage(badImage))
		w.crashAnew("shop")
		w.look("shop")
		Expect(w.isolation("shop")).NotTo(BeNil())
	})

	It("is held as it should be", func() {
		w := isolated()
		policy := w.isolation("shop")
		policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
		Expect(admin.Update(ctx, policy)).To(Succeed())
		w.look("shop")
		Expect(w.isolation("shop").Spec.Ingress).To(BeEmpty())
		Expect(w.isolation("shop").UID).To(Equal(policy.UID))
		Expect(w.told(telemetry.ReasonIsolationRestored)).To(BeTrue())
	})

	It("stands as it is while remediation is suspended", func() {
		w := isolated()
		policy := w.isolation("shop")
		policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
		Expect(admin.Update(ctx, policy)).To(Succeed())
		w.setPolicy(func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Suspend = v1alpha1.SuspendRemediation })
		w.look("shop")
		Expect(w.isolation("shop").Spec.Ingress).NotTo(BeEmpty(), "nothing is written")
		Expect(w.report("shop").Status.Isolation.Effective).To(Equal(v1alpha1.IsolationIneffective))

		w.ask("shop", v1alpha1.IsolationRefused)
		w.look("shop")
		Expect(w.isolation("shop")).NotTo(BeNil())
		Expect(w.report("shop").Status.Message).To(ContainSubstring("delete NetworkPolicy " + policy.Name))

		w.setPolicy(func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Suspend = v1alpha1.SuspendNone })
		w.look("shop")
		letGo(w, "its annotation rampart.dev/isolation is Off")
	})

	It("is said to be ineffective while another policy lets traffic through", func() {
		w := isolated()
		theirs := w.allow("theirs")
		w.look("shop")
		Expect(w.report("shop").Status.Isolation).To(HaveValue(And(
			HaveField("Effective", v1alpha1.IsolationIneffective),
			HaveField("Message", "not effective: NetworkPolicy theirs lets traffic in from everywhere"))))
		Expect(w.report("shop").Status.Message).To(ContainSubstring("not effective"))

		Expect(admin.Delete(ctx, theirs)).To(Succeed())
		w.look("shop")
		Expect(w.report("shop").Status.Isolation.Effective).To(Equal(v1alpha1.IsolationUnverified))
	})

	It("is not said to be ineffective because of the operator's own baseline, which makes way for it", func() {
		w := stranded("empty")
		own := w.allow(baseline.Name)
		own.Labels = map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelBaseline: w.policy.Name}
		own.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(w.policy, v1alpha1.GroupVersion.WithKind("EnvironmentPolicy"))}
		Expect(admin.Update(ctx, own)).To(Succeed())
		w.later(isolateAfter)
		w.look("shop")
		Expect(w.isolation("shop")).NotTo(BeNil())
		Expect(w.report("shop").Status.Isolation.Effective).To(Equal(v1alpha1.IsolationUnverified))
		Expect(w.events.all()).NotTo(ContainElement(ContainSubstring("not effective")))

		By("one that does not make way")
		w.look("shop")
		Expect(w.report("shop").Status.Isolation.Effective).To(Equal(v1alpha1.IsolationIneffective))
	})

	It("is let go when the workload was made again under its name", func() {
		w := isolated()
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		for _, pod := range w.podsOf("shop") {
			w.remove(&pod)
		}
		w.deploy("shop")
		w.look("shop")
		letGo(w, "the report does not say")
		Expect(w.report("shop").Status.Isolation).To(BeNil())
	})
})
