// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// own labels a Deployment with its owner, or takes the label away.
func own(owner string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Labels = with(d.Labels, "owner", owner)
		d.Spec.Template.Annotations = with(d.Spec.Template.Annotations, "owner", owner) // a new revision
	}
}

// reportGone says whether the report of a Deployment was deleted.
func (w *world) reportGone(name string) bool {
	GinkgoHelper()
	err := admin.Get(ctx, w.reportKey(name), &v1alpha1.ReadinessReport{})
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	return err != nil
}

var _ = Describe("ReadinessReport", func() {
	It("is made for a workload of an environment, and says what runs and what is wrong with it", func() {
		w := newWorld(v1alpha1.Staging)
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		w.joined("empty")
		w.reconcileEnvironment(w.environments())
		w.running("shop")
		status := w.report("shop").Status

		Expect(status.Environment).To(Equal(w.policy.Name))
		Expect(status.Workload).To(And(HaveField("Kind", v1alpha1.KindDeployment), HaveField("Name", "shop")))
		Expect(status.Revision.Number).To(BeEquivalentTo(1))
		Expect(status.Revision.Containers).To(ConsistOf(And(
			HaveField("Image", "registry.example/shop:1.0.0"), HaveField("Digest", HavePrefix("sha256:")))))
		Expect(status.Guardrails).To(ConsistOf(And(HaveField("Name", rule.Name), HaveField("Total", BeEquivalentTo(1)))))
		Expect(status.Findings).To(BeEquivalentTo(1))
		Expect(status.Evidence.Counted).To(BeNumerically(">", 0), "the rollout and both starts are trials")
	})

	It("writes nothing at rest", func() {
		w := newWorld(v1alpha1.Production, correcting)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		w.joined("empty")
		w.reconcileEnvironment(w.environments())
		w.running("shop")
		w.look("shop")
		before := w.report("shop")
		w.later(time.Hour)
		w.look("shop")
		Expect(w.report("shop").ResourceVersion).To(Equal(before.ResourceVersion))

		By("not even after a restart of the operator")
		w.restartOperator()
		w.look("shop")
		Expect(w.report("shop").ResourceVersion).To(Equal(before.ResourceVersion))
		Expect(w.deployment("shop").Generation).To(BeEquivalentTo(1))
	})

	It("remembers what a new revision violates anew, and carries its evidence on", func() {
		w := newWorld(v1alpha1.Staging)
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		w.joined("empty")
		w.reconcileEnvironment(w.environments())
		w.running("shop", labelled("owner", "team"))
		w.later(time.Minute)

		w.change("shop", deployer, own(""))
		w.rollOut("shop")
		w.look("shop")
		status := w.report("shop").Status
		Expect(status.Revision.Number).To(BeEquivalentTo(2))
		Expect(status.Outcomes).To(HaveLen(2))
		Expect(status.Outcomes[0].NewFindings).To(ConsistOf(rule.Name))
		Expect(status.Outcomes[0].Writer).To(Equal(deployer))
		Expect(status.Outcomes[1].Result).To(Equal(v1alpha1.RolloutStable))
		Expect(status.Outcomes[1].Evidence).NotTo(BeEmpty())
		Expect(status.Evidence.Carried).NotTo(BeEmpty())

		By("not counting an old finding again: that is the ratchet")
		w.later(time.Minute)
		w.change("shop", deployer, setEnv("debug"))
		w.rollOut("shop")
		w.look("shop")
		Expect(w.report("shop").Status.Outcomes[0].NewFindings).To(BeEmpty())
		Expect(w.report("shop").Status.Findings).To(BeEquivalentTo(1))
	})

	It("counts nothing as a change that was there in the second in which its namespace joined", func() {
		w := newWorld(v1alpha1.Staging)
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())
		w.deploy("shop")
		w.clock.SetTime(w.deployment("shop").CreationTimestamp.Time)
		w.joined("busy")
		w.look("shop")
		status := w.report("shop").Status
		Expect(status.Guardrails).To(ConsistOf(And(HaveField("Name", rule.Name), HaveField("Total", BeEquivalentTo(1)))))
		Expect(status.Outcomes).To(HaveExactElements(HaveField("NewFindings", BeEmpty())))
	})

	It("counts no pod that somebody made by hand under the workload's name", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		w.look("shop")
		honest := w.report("shop").Status.Evidence.Counted

		deployment := w.deployment("shop")
		rs := w.replicaSet(deployment)
		ofDeployment := rs.DeepCopy()
		ofDeployment.Spec.Template.Spec.Containers[0].Image = "evil.example/pause:1"
		for _, owner := range []metav1.OwnerReference{
			*metav1.NewControllerRef(deployment, appsv1.SchemeGroupVersion.WithKind("Deployment")),
			*metav1.NewControllerRef(rs, appsv1.SchemeGroupVersion.WithKind("ReplicaSet")),
		} {
			forged := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: rs.Namespace, GenerateName: "forged-", Labels: rs.Spec.Template.Labels, OwnerReferences: []metav1.OwnerReference{owner},
				},
				Spec: ofDeployment.Spec.Template.Spec,
			}
			forged.Spec.NodeName = healthyNode
			Expect(admin.Create(ctx, forged)).To(Succeed())
			w.setReady(forged)
		}
		w.look("shop")
		Expect(w.report("shop").Status.Evidence.Counted).To(Equal(honest))
	})

	It("begins no new revision when the workload is scaled or restarted", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		w.change("shop", dana, func(d *appsv1.Deployment) {
			*d.Spec.Replicas = 3
			d.Spec.Template.Annotations = with(d.Spec.Template.Annotations, "kubectl.kubernetes.io/restartedAt", "now")
		})
		w.look("shop")

		Expect(w.report("shop").Status.Revision.Number).To(BeEquivalentTo(1))
	})

	It("outlives its workload by seven days", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		evidence := w.report("shop").Status.Evidence
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		gone := w.report("shop")

		Expect(gone.Status.State).To(Equal(v1alpha1.ReportGone))
		Expect(gone.Status.Evidence.Counted).To(Equal(evidence.Counted))
		Expect(meta.IsStatusConditionTrue(gone.Status.Conditions, v1alpha1.ConditionWorkloadGone)).To(BeTrue())

		w.later(7*24*time.Hour - time.Minute)
		Expect(w.look("shop").RequeueAfter).To(BeNumerically("~", time.Minute, 10*time.Second))
		Expect(w.report("shop").ResourceVersion).To(Equal(gone.ResourceVersion), "nothing is written while it is kept")

		w.later(2 * time.Minute)
		w.look("shop")
		Expect(w.reportGone("shop")).To(BeTrue())
	})

	It("goes on when its workload comes back, and counts seven days anew when that goes", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		w.later(6 * 24 * time.Hour)

		w.deploy("shop")
		w.look("shop")
		back := w.report("shop")
		Expect(back.Status.State).NotTo(Equal(v1alpha1.ReportGone))
		Expect(meta.FindStatusCondition(back.Status.Conditions, v1alpha1.ConditionWorkloadGone)).To(BeNil())

		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		w.later(2 * 24 * time.Hour)
		w.look("shop")
		Expect(w.reportGone("shop")).To(BeFalse())
	})

	It("forgives nothing when its workload is made again as it was", func() {
		for _, seenGone := range []bool{true, false} {
			w := newWorld(v1alpha1.Staging)
			rule := acceptedGuardrail(w.policy.Name, ownerFindings)
			w.joined("empty")
			w.reconcileEnvironment(w.environments())
			w.running("shop")
			w.look("shop")
			w.later(time.Minute)
			Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
			if seenGone {
				w.look("shop")
			}
			w.deploy("shop")
			w.look("shop")

			Expect(w.report("shop").Status.Outcomes).To(HaveExactElements(
				And(HaveField("Number", BeEquivalentTo(2)), HaveField("NewFindings", ConsistOf(rule.Name)), HaveField("Writer", deployer)),
				And(HaveField("Number", BeEquivalentTo(1)), HaveField("NewFindings", ConsistOf(rule.Name)))))

			By("being one revision for all looks to come")
			before := w.report("shop").ResourceVersion
			w.look("shop")
			w.restartOperator()
			w.look("shop")
			Expect(w.report("shop").ResourceVersion).To(Equal(before))
		}
	})

	It("keeps what was shown and proven when its workload is made again as it was", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		earlier := w.report("shop")
		earlier.Status.Proven = []v1alpha1.ProvenRevision{{
			Hash: earlier.Status.Revision.Hash, Time: metav1.NewTime(w.clock.Now()), Targets: earlier.Status.Targets,
		}}
		Expect(historian.Status().Update(ctx, earlier)).To(Succeed())
		shown := evidence.Shown(earlier.Status.Evidence)
		Expect(shown).NotTo(BeEmpty())

		By("being deleted in a rollout, long ago")
		w.change("shop", deployer, setReplicas(3))
		w.look("shop")
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		w.later(6 * 24 * time.Hour)
		w.deploy("shop")
		w.look("shop")

		status := w.report("shop").Status
		Expect(status.Revision.Number).To(BeEquivalentTo(2))
		Expect(status.Revision.Hash).To(Equal(earlier.Status.Revision.Hash))
		Expect(status.Evidence.Carried).To(Equal(shown))
		Expect(status.State).To(Equal(v1alpha1.ReportProven))
	})

	It("takes no rollout for failed because its workload was deleted in it", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.deploy("shop")
		w.look("shop")
		Expect(w.report("shop").Status.Evidence.Open).NotTo(BeEmpty())
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		w.look("shop")
		w.later(6 * 24 * time.Hour)
		w.deploy("shop")
		w.look("shop")

		status := w.report("shop").Status
		Expect(status.Outcomes[1].Result).To(Equal(v1alpha1.RolloutSuperseded))
		Expect(status.Evidence.Carried).To(BeEmpty())
	})

	It("counts no start again when a workload that is made again takes the pods of before", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		rs := w.replicaSet(w.deployment("shop"))
		Expect(admin.Delete(ctx, w.deployment("shop"))).To(Succeed())
		// Times are to the second: the workload must come back in a later one.
		Eventually(func() time.Time { return time.Now().Truncate(time.Second) }).Should(BeTemporally(">", w.podsOf("shop")[1].CreationTimestamp.Time))
		w.later(time.Minute)
		w.deploy("shop")
		rs.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(w.deployment("shop"), appsv1.SchemeGroupVersion.WithKind("Deployment"))}
		Expect(admin.Update(ctx, rs)).To(Succeed())
		w.rollOut("shop")
		w.look("shop")

		status := w.report("shop").Status
		Expect(status.Revision.Number).To(BeEquivalentTo(2))
		Expect(status.Evidence.Counted).To(BeZero())
		Expect(status.Evidence.Carried).NotTo(BeEmpty())
	})

	It("goes when its namespace leaves the environment", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		w.label("none")
		w.look("shop")

		Expect(w.reportGone("shop")).To(BeTrue())
	})

	It("is not made where no environment is", func() {
		w := newWorld(v1alpha1.Staging)
		w.label("none")
		w.deploy("shop")
		w.look("shop")

		Expect(w.reportGone("shop")).To(BeTrue())
	})

	It("belongs to the top owner: none is made for a pod that a ReplicaSet controls", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		key := w.key("shop")
		key.Kind, key.Name = v1alpha1.KindPod, w.podsOf("shop")[0].Name
		_, err := w.reports.Reconcile(ctx, key)
		Expect(err).NotTo(HaveOccurred())

		var reports v1alpha1.ReadinessReportList
		Expect(admin.List(ctx, &reports, client.InNamespace(w.namespace))).To(Succeed())
		Expect(reports.Items).To(HaveLen(1))
	})

	It("says that it could not look, instead of what it last saw", func() {
		w := newWorld(v1alpha1.Staging)
		w.joined("empty")
		w.running("shop")
		evidence := w.report("shop").Status.Evidence
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
				if _, pods := list.(*corev1.PodList); pods {
					return errors.New("the API server does not answer")
				}
				return c.List(ctx, list, options...)
			},
		})
		w.restartOperator()
		_, err := w.tryLook("shop")

		Expect(err).To(MatchError(ContainSubstring("does not answer")))
		status := w.report("shop").Status
		Expect(meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)).To(And(
			HaveField("Status", metav1.ConditionFalse), HaveField("Message", ContainSubstring("does not answer"))))
		Expect(status.Evidence).To(Equal(evidence))
	})

	It("tells a workload's owner about new findings, once", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		w.joined("empty")
		w.reconcileEnvironment(w.environments())
		w.running("shop")
		w.look("shop")

		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonGuardrailFindings), ContainSubstring("has no label owner"))))
		count := len(w.events.all())
		w.look("shop")
		Expect(w.events.all()).To(HaveLen(count))
	})
})
