// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"maps"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// runTest runs a Job with the labels to its end, now, as the Job controller would.
func (w *world) runTest(name string, failed bool, labels map[string]string) {
	GinkgoHelper()
	pod := testenv.Pod(name, w.namespace)
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: labels},
		Spec:       batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: pod.Spec}},
	}
	job.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	Expect(admin.Create(ctx, job)).To(Succeed())
	w.endJob(job, failed, metav1.NewTime(w.clock.Now()))
}

// endJob plays the Job controller at the end of a Job.
func (w *world) endJob(job *batchv1.Job, failed bool, now metav1.Time) {
	GinkgoHelper()
	job.Status.StartTime = &now
	ends := []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete}
	if failed {
		ends = []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed}
	} else {
		job.Status.CompletionTime, job.Status.Succeeded = &now, 1
	}
	for _, end := range ends {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: end, Status: corev1.ConditionTrue, Reason: "Played", LastTransitionTime: now,
		})
	}
	Expect(admin.Status().Update(ctx, job)).To(Succeed())
}

var _ = Describe("A team's test Job", func() {
	recovers := map[string]string{v1alpha1.LabelTests: "shop", v1alpha1.LabelQuality: string(v1alpha1.Recoverability)}
	trials := func(w *world) []v1alpha1.Trial {
		var tests []v1alpha1.Trial
		for _, trial := range w.report("shop").Status.Evidence.Trials {
			if trial.Kind == v1alpha1.TrialTest {
				tests = append(tests, trial)
			}
		}
		return tests
	}

	It("is a trial of the quality that its label names", func() {
		w := newWorld(v1alpha1.Staging)
		w.running("shop")
		w.later(time.Minute)
		w.runTest("smoke", false, recovers)
		w.runTest("load", true, recovers)
		w.look("shop")
		Expect(trials(w)).To(ConsistOf(
			And(HaveField("Quality", v1alpha1.Recoverability), HaveField("Source", v1alpha1.SourceTest), HaveField("Outcome", v1alpha1.TrialSuccess)),
			And(HaveField("Quality", v1alpha1.Recoverability), HaveField("Source", v1alpha1.SourceTest), HaveField("Outcome", v1alpha1.TrialFailure)),
		))
	})

	It("of another workload, kind or namespace is none", func() {
		w, elsewhere := newWorld(v1alpha1.Staging), newWorld(v1alpha1.Staging)
		w.running("shop")
		w.later(time.Minute)
		for name, tested := range map[string]string{"cart": "cart", "stateful": "StatefulSet.shop", "like": "shop-2"} {
			labels := maps.Clone(recovers)
			labels[v1alpha1.LabelTests] = tested
			w.runTest(name, true, labels)
		}
		elsewhere.runTest("smoke", true, recovers)
		w.look("shop")
		Expect(trials(w)).To(BeEmpty())
	})

	It("of a workload in production is none", func() {
		w := newWorld(v1alpha1.Production)
		w.running("shop")
		w.later(time.Minute)
		w.runTest("smoke", true, recovers)
		w.runTest("load", true, recovers)
		w.look("shop")
		Expect(trials(w)).To(BeEmpty())
		Expect(w.report("shop").Status.State).NotTo(Equal(v1alpha1.ReportFailing))
	})

	It("that names the kind too is one", func() {
		w := newWorld(v1alpha1.Staging)
		w.running("shop")
		w.later(time.Minute)
		labels := maps.Clone(recovers)
		labels[v1alpha1.LabelTests] = "Deployment.shop"
		w.runTest("smoke", false, labels)
		w.look("shop")
		Expect(trials(w)).To(HaveLen(1))
	})
})
