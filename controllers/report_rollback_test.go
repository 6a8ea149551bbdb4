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
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/telemetry"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// The images of a rollback's story.
const (
	goodImage = "registry.example/shop:1.0.0"
	badImage  = "registry.example/shop:2.0.0"
)

// rollingBack lets an environment roll failed revisions back.
func rollingBack(spec *v1alpha1.EnvironmentPolicySpec) {
	spec.Rollout = &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback}
}

// failed is a world in which the deployer has rolled out an image whose first pods crash,
// after one that ran well.
func failed(crashing int, state string, edit ...func(*v1alpha1.EnvironmentPolicySpec)) *world {
	GinkgoHelper()
	w := newWorld(v1alpha1.Production, append([]func(*v1alpha1.EnvironmentPolicySpec){rollingBack}, edit...)...)
	w.joined(state)
	w.running("shop")
	w.look("shop")
	w.failingRelease(crashing, setImage(badImage))
	return w
}

// failingRelease is one of the deployer, of which the first pods crash.
func (w *world) failingRelease(crashing int, edit func(*appsv1.Deployment)) {
	GinkgoHelper()
	w.later(5 * time.Minute) // ConfigMaps of before have no part in it
	w.change("shop", deployer, edit)
	w.look("shop")
	w.rollOutCrashing("shop", crashing)
}

// optOut of automatic rollbacks.
func (w *world) optOut(name string) {
	GinkgoHelper()
	deployment := w.deployment(name)
	deployment.Annotations = with(deployment.Annotations, v1alpha1.AnnotationOnFailure, string(v1alpha1.OnFailureReport))
	Expect(admin.Update(ctx, deployment)).To(Succeed())
	// An annotation of a Deployment counts as a change, which its controller observes.
	deployment.Status.ObservedGeneration = deployment.Generation
	Expect(admin.Status().Update(ctx, deployment)).To(Succeed())
}

// crashAnew rolls out what was changed after the first failure: those pods go, and the
// new ones crash too.
func (w *world) crashAnew(name string) {
	GinkgoHelper()
	for _, pod := range w.podsOf(name) {
		if !workload.PodFrom(&pod).Ready {
			w.remove(&pod)
		}
	}
	w.look(name)
	w.rollOutCrashing(name, 2)
}

// readsConfigMap sets the environment of the only container from a ConfigMap.
func readsConfigMap(name string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{
			ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
		}}
	}
}

// runJob runs a Job with an image to its end, at the API server's time: long ago by the clock
// of the world.
func (w *world) runJob(name, image string, owners ...metav1.OwnerReference) {
	GinkgoHelper()
	spec := testenv.Pod(name, w.namespace).Spec
	spec.RestartPolicy, spec.Containers[0].Image = corev1.RestartPolicyNever, image
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, OwnerReferences: owners},
		Spec:       batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: spec}},
	}
	Expect(admin.Create(ctx, job)).To(Succeed())
	w.endJob(job, false, job.CreationTimestamp)
}

func (w *world) job(name string) *batchv1.Job {
	GinkgoHelper()
	var job batchv1.Job
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, &job)).To(Succeed())
	return &job
}

func (w *world) image(name string) string {
	GinkgoHelper()
	return w.deployment(name).Spec.Template.Spec.Containers[0].Image
}

var _ = Describe("A failed rollout", func() {
	It("is rolled back to the last good revision after two crashed pods, quarantined and explained", func() {
		w := failed(2, "empty")
		w.look("shop")

		Expect(w.image("shop")).To(Equal(goodImage))
		status := w.report("shop").Status
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionDone}))
		Expect(status.Quarantined).To(ConsistOf(And(
			HaveField("Hash", status.Revision.Hash),
			HaveField("Changes", ConsistOf(And(HaveField("Path", ContainSubstring("image")), HaveField("Value", ContainSubstring(badImage))))))))
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonRolledBack), ContainSubstring("2 crashed"), ContainSubstring("revision 1"))))
		Expect(remediation.Owns(w.deployment("shop"))).To(BeFalse())

		By("staying there")
		generation := w.deployment("shop").Generation
		w.rollOut("shop")
		w.later(time.Hour)
		w.look("shop")
		w.look("shop")
		Expect(w.deployment("shop").Generation).To(Equal(generation))
		Expect(w.report("shop").Status.State).NotTo(Equal(v1alpha1.ReportFailing))
	})

	It("changes the pod template only", func() {
		w := failed(2, "empty")
		before := w.deployment("shop")
		w.look("shop")
		after := w.deployment("shop")

		Expect(after.Spec.Template.Labels).To(Equal(before.Spec.Template.Labels), "the hash of the ReplicaSet stays out")
		after.Spec.Template = before.Spec.Template
		Expect(after.Spec).To(Equal(before.Spec))
	})

	It("is never rolled back for one crashed pod", func() {
		w := failed(1, "empty")
		w.look("shop")
		w.later(20 * time.Minute)
		w.look("shop")

		Expect(w.image("shop")).To(Equal(badImage))
		Expect(w.report("shop").Status.Quarantined).To(BeEmpty())
	})

	DescribeTable("is reported and not rolled back", func(state string, edit func(*v1alpha1.EnvironmentPolicySpec), change func(*world), says string) {
		w := failed(2, state, edit)
		change(w)
		w.look("shop")
		w.later(time.Minute)
		w.look("shop")

		Expect(w.image("shop")).To(Equal(badImage))
		status := w.report("shop").Status
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
		Expect(status.Actions[0].Message).To(ContainSubstring(says))
		Expect(status.Quarantined).To(BeEmpty())
		Expect(w.told(telemetry.ReasonActionReported)).To(BeTrue())
	},
		Entry("in a namespace that had workloads when its policy came", "busy", asItIs, untouched, "still at Report"),
		Entry("where the policy says Report", "empty",
			func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Rollout.OnFailure = v1alpha1.OnFailureReport }, untouched, "only reported"),
		Entry("while remediation is suspended", "empty",
			func(spec *v1alpha1.EnvironmentPolicySpec) { spec.Suspend = v1alpha1.SuspendRemediation }, untouched, "suspended"),
		Entry("when the workload asks for none", "empty", asItIs, func(w *world) {
			w.optOut("shop")
		}, v1alpha1.AnnotationOnFailure),
		Entry("while another workload began to fail at the same time", "empty", asItIs, func(w *world) {
			w.remember("cart", func(status *v1alpha1.ReadinessReportStatus) {
				status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now()}
			})
		}, "the cause is likely common: see Deployment "),
		Entry("while no node has room", "empty", asItIs, func(w *world) {
			pod := w.newPod(w.replicaSet(w.deployment("shop")))
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
			Expect(admin.Status().Update(ctx, pod)).To(Succeed())
		}, "no node has room"),
		Entry("when its pods write to persistent volumes", "empty", asItIs, func(w *world) {
			w.change("shop", deployer, func(d *appsv1.Deployment) {
				d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
				}}}
			})
			w.crashAnew("shop")
		}, "persistent volumes"),
		Entry("when a ConfigMap that it refers to changed with it", "empty", asItIs, func(w *world) {
			Expect(admin.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "settings"}})).To(Succeed())
			// The API server's clock says when a ConfigMap was written.
			w.clock.SetTime(time.Now())
			w.change("shop", deployer, readsConfigMap("settings"))
			w.crashAnew("shop")
		}, "ConfigMap settings changed with it"),
		Entry("when a Job with its image has ended before the Deployment changed", "empty", asItIs, func(w *world) {
			w.runJob("migrate", badImage)
			Expect(w.report("shop").Status.Revision.Since.Time).To(BeTemporally(">", w.job("migrate").Status.CompletionTime.Time))
		}, "Job migrate ran with a newer image"),
	)

	It("is reported when a ConfigMap that only the good revision needs was deleted", func() {
		w := newWorld(v1alpha1.Production, rollingBack)
		w.joined("empty")
		settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "settings-7f9"}}
		Expect(admin.Create(ctx, settings)).To(Succeed())
		w.running("shop", readsConfigMap(settings.Name))
		w.look("shop")
		w.later(5 * time.Minute)
		w.change("shop", deployer, func(d *appsv1.Deployment) {
			setImage(badImage)(d)
			d.Spec.Template.Spec.Containers[0].EnvFrom = nil
		})
		Expect(admin.Delete(ctx, settings)).To(Succeed())
		w.look("shop")
		w.rollOutCrashing("shop", 2)
		w.look("shop")

		Expect(w.image("shop")).To(Equal(badImage))
		Expect(w.report("shop").Status.Message).To(ContainSubstring("ConfigMap settings-7f9 does not exist any more"))
	})

	It("is rolled back although the clock has started a Job with its image", func() {
		w := failed(2, "empty")
		w.runJob("nightly-1", badImage, metav1.OwnerReference{
			APIVersion: "batch/v1", Kind: "CronJob", Name: "nightly", UID: "nightly", Controller: ptr.To(true),
		})
		w.look("shop")
		Expect(w.image("shop")).To(Equal(goodImage))
	})

	It("is not rolled back to a template that somebody changed since it ran", func() {
		w := failed(2, "empty")
		var kept appsv1.ReplicaSetList
		Expect(admin.List(ctx, &kept, client.InNamespace(w.namespace))).To(Succeed())
		for _, rs := range kept.Items {
			if rs.Spec.Template.Spec.Containers[0].Image == goodImage {
				rs.Spec.Template.Spec.Containers[0].Command = []string{"/planted"}
				Expect(writers[dana].Update(ctx, &rs)).To(Succeed())
			}
		}
		w.look("shop")

		Expect(w.deployment("shop").Spec.Template.Spec.Containers[0]).To(And(HaveField("Image", badImage), HaveField("Command", BeEmpty())))
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
		Expect(w.report("shop").Status.Message).To(ContainSubstring("the template that is kept of revision 1, the good one, is not the one that ran"))
	})

	It("is not rolled back when nothing better is known", func() {
		w := newWorld(v1alpha1.Production, rollingBack)
		w.joined("empty")
		w.deploy("shop")
		w.look("shop")
		w.rollOutCrashing("shop", 2)
		w.look("shop")

		Expect(w.deployment("shop").Generation).To(BeEquivalentTo(1))
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
		Expect(w.report("shop").Status.Actions[0].Message).To(ContainSubstring("fix it forward"))
	})

	It("waits while another workload of the namespace is being changed, and asks again by itself", func() {
		w := failed(2, "empty")
		w.remember("cart", func(status *v1alpha1.ReadinessReportStatus) {
			status.Actions = []v1alpha1.Action{{ID: "1", Kind: v1alpha1.ActionRollback, Outcome: v1alpha1.ActionIntended, Time: metav1.NewTime(w.clock.Now())}}
		})
		result := w.look("shop")
		Expect(w.image("shop")).To(Equal(badImage))
		Expect(result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", time.Minute)), "no event tells that the other one is done")

		By("waiting for its rollout too")
		w.remember("cart", func(status *v1alpha1.ReadinessReportStatus) {
			status.Actions[0].Outcome = v1alpha1.ActionDone
			status.Outcomes = []v1alpha1.RevisionOutcome{{Number: 1, Hash: "a", Result: v1alpha1.RolloutRolling}}
		})
		w.later(time.Minute)
		w.look("shop")
		Expect(w.image("shop")).To(Equal(badImage))

		w.remember("cart", func(status *v1alpha1.ReadinessReportStatus) { status.Outcomes[0].Result = v1alpha1.RolloutStable })
		w.look("shop")
		Expect(w.image("shop")).To(Equal(goodImage))
	})

	It("tells nothing of a moment in which another worker decides about the namespace, and asks again at once", func() {
		w := failed(2, "empty")
		giveBack, _ := w.reports.Slots.Take(w.namespace)
		result := w.look("shop")
		Expect(result.RequeueAfter).To(BeNumerically("<=", time.Second))
		Expect(w.image("shop")).To(Equal(badImage))
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(BeEmpty())
		Expect(w.report("shop").Status.HeldBack).To(BeNil())

		giveBack()
		w.look("shop")
		Expect(w.image("shop")).To(Equal(goodImage))
		Expect(w.told(telemetry.ReasonActionReported)).To(BeFalse(), "it was rolled back")
	})

	It("is held while too much of the environment fails", func() {
		w := failed(2, "empty")
		for _, other := range []string{"a", "b"} {
			w.remember(other, func(status *v1alpha1.ReadinessReportStatus) {
				status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now().Add(-time.Hour)}
			})
		}
		w.look("shop")

		Expect(w.image("shop")).To(Equal(badImage))
		Expect(w.report("shop").Status.Message).To(ContainSubstring("all remediation here has stopped"))
	})

	It("is rolled back whatever a team breaks in a namespace of its own, where remediation stops", func() {
		w := failed(2, "empty")
		own := w.in(w.namespace + "-own")
		Expect(admin.Create(ctx, testenv.Namespace(own.namespace, map[string]string{"environment": w.policy.Name}))).To(Succeed())
		own.joined("empty")
		for _, broken := range []string{"a", "b", "c"} {
			own.remember(broken, func(status *v1alpha1.ReadinessReportStatus) {
				status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now().Add(-time.Hour)}
			})
		}
		own.failing("cart")
		w.lookAtEnvironment(w.environments())
		Expect(w.policy.Status.Breaker).To(HaveValue(And(
			HaveField("Namespace", own.namespace), HaveField("Reason", ContainSubstring("in namespace "+own.namespace+", 3 of 4 workloads are unhealthy")))))
		Expect(w.remediating()).To(And(HaveField("Reason", v1alpha1.ReasonActing), HaveField("Message", ContainSubstring("but not in namespace "+own.namespace))))
		Expect(w.events.all()).To(ContainElement(And(HavePrefix(telemetry.ReasonBreakerOpened), ContainSubstring("no workload of namespace "+own.namespace+" is changed"))))

		w.look("shop")
		Expect(w.image("shop")).To(Equal(goodImage))
		w.later(3 * time.Minute) // what begins to fail with shop is held for that
		own.look("cart")
		own.look("cart")
		Expect(own.image("cart")).To(Equal(badImage))
		Expect(own.report("cart").Status.Message).To(ContainSubstring("all remediation here has stopped: in namespace " + own.namespace))
	})

	It("is rolled back whatever bare Pods and Jobs do, which fail for reasons of their own", func() {
		w := failed(2, "empty")
		for name, kind := range map[string]v1alpha1.WorkloadKind{"debug": v1alpha1.KindPod, "migrate": v1alpha1.KindJob, "nightly": v1alpha1.KindCronJob} {
			w.remember(name, func(status *v1alpha1.ReadinessReportStatus) {
				status.Workload.Kind = kind
				status.State, status.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: w.clock.Now()}
			})
		}
		w.look("shop")
		Expect(w.image("shop")).To(Equal(goodImage))
	})

	It("is given up after a few refusals of the API server, instead of trying for ever", func() {
		w := failed(2, "empty")
		tries := 0
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
				if _, deployment := object.(*appsv1.Deployment); deployment {
					tries++
					return errors.New("admission webhook denied the request")
				}
				return c.Patch(ctx, object, patch, options...)
			},
		})
		w.restartOperator()
		for range 10 {
			_, _ = w.tryLook("shop")
			w.later(10 * time.Second)
		}

		Expect(tries).To(BeNumerically("<=", 2), "actionsPerHour is 2")
		Expect(w.image("shop")).To(Equal(badImage))
		Expect(w.told(telemetry.ReasonActionFailed)).To(BeTrue())
		Expect(w.report("shop").Status.Quarantined).To(BeEmpty(), "nothing was rolled back, so that nothing may be refused")
		Expect(w.report("shop").Status.Actions).To(ContainElement(HaveField("Message", ContainSubstring("denied the request"))))
	})

	It("is judged anew when somebody writes the workload between the judgement and the rollback", func() {
		w := failed(2, "empty")
		first := true
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
				if _, deployment := object.(*appsv1.Deployment); deployment && first {
					first = false
					w.optOut("shop")
				}
				return c.Patch(ctx, object, patch, options...)
			},
		})
		w.restartOperator()
		w.look("shop")
		Expect(w.image("shop")).To(Equal(badImage))
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(BeEmpty())
		Expect(w.report("shop").Status.Quarantined).To(BeEmpty(), "nothing was rolled back, so that nothing may be refused")

		w.look("shop")
		Expect(w.image("shop")).To(Equal(badImage))
		Expect(w.actions("shop", v1alpha1.ActionRollback)).To(Equal([]v1alpha1.ActionOutcome{v1alpha1.ActionReported}))
	})

	It("keeps its place in the namespace until it is recorded, although drift is judged too", func() {
		w := failed(2, "empty", correcting)
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
				if report, ok := object.(*v1alpha1.ReadinessReport); ok && len(report.Status.Actions) > 0 && report.Status.Actions[0].Outcome == v1alpha1.ActionIntended {
					_, taken := w.reports.Slots.Take(w.namespace)
					Expect(taken).To(BeFalse(), "another worker could begin before this one is recorded")
				}
				return c.SubResource(sub).Patch(ctx, object, patch, options...)
			},
		})
		w.restartOperator()
		w.look("shop")
		Expect(w.image("shop")).To(Equal(goodImage))

		_, free := w.reports.Slots.Take(w.namespace)
		Expect(free).To(BeTrue(), "it gives its place back")
	})
})

func asItIs(*v1alpha1.EnvironmentPolicySpec) {}

func untouched(*world) {}
