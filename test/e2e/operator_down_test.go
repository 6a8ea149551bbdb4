// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// While the operator is down, admission decides as it did, and what ran before a
// guardrail came runs on, by the cluster's own controllers.
func TestWithoutTheOperatorTheClusterGoesOn(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	unpinned := testenv.Image("registry.example/old:latest")
	old := testenv.Deployment("old", namespace, unpinned, testenv.Replicas(2), testenv.GracePeriod(1))
	nightly := cronJob("nightly", namespace, old.Spec.Template)
	g.Expect(w.admin.Create(t.Context(), old)).To(Succeed())
	g.Expect(w.admin.Create(t.Context(), nightly)).To(Succeed())
	w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, Guardrails: only("image-pinned", v1alpha1.Enforce),
	})
	dev := w.developer(t, "edit", namespace)
	refused := func(g Gomega) {
		err := attempt(t.Context(), dev, testenv.Deployment("new", namespace, unpinned))
		g.Expect(err).To(MatchError(ContainSubstring("image-pinned")))
		g.Expect(attempt(t.Context(), dev, testenv.Deployment("new", namespace))).To(Succeed())
	}
	g.Eventually(refused).Should(Succeed())
	w.withoutOperator(t)
	refused(g)

	t.Run("an old violator is rolled out again", func(t *testing.T) {
		g := NewWithT(t)
		w.restart(t, dev, old)
		g.Eventually(w.rolledOut(t, old)).Should(BeTrue())
	})
	t.Run("an old violator is scaled", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(dev.Get(t.Context(), client.ObjectKeyFromObject(old), old)).To(Succeed())
		more := old.DeepCopy()
		*more.Spec.Replicas++
		g.Expect(dev.Patch(t.Context(), more, client.MergeFrom(old))).To(Succeed())
		g.Eventually(w.rolledOut(t, old)).Should(BeTrue())
	})
	t.Run("the runs of an old CronJob go on", func(t *testing.T) {
		g := NewWithT(t)
		w.missARun(t, nightly)
		g.Eventually(func(g Gomega) {
			var jobs batchv1.JobList
			g.Expect(w.admin.List(t.Context(), &jobs, client.InNamespace(namespace))).To(Succeed())
			g.Expect(jobs.Items).To(ContainElement(HaveField("Status.Succeeded", BeEquivalentTo(1))))
		}).Should(Succeed())
	})
}

// cronJob runs the template once an hour.
func cronJob(name, namespace string, template corev1.PodTemplateSpec) *batchv1.CronJob {
	job := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: template.Labels}}
	job.Spec.Schedule = "0 * * * *"
	job.Spec.JobTemplate.Spec.Template = *template.DeepCopy()
	job.Spec.JobTemplate.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	return job
}

// restart does what `kubectl rollout restart` does.
func (w *world) restart(t *testing.T, as client.Client, deployment *appsv1.Deployment) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(as.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment)).To(Succeed())
	again := deployment.DeepCopy()
	metav1.SetMetaDataAnnotation(&again.Spec.Template.ObjectMeta, "kubectl.kubernetes.io/restartedAt", time.Now().Format(time.RFC3339Nano))
	g.Expect(as.Patch(t.Context(), again, client.MergeFrom(deployment))).To(Succeed())
}

// rolledOut says whether all pods of the Deployment are of its newest revision and available.
func (w *world) rolledOut(t *testing.T, deployment *appsv1.Deployment) func(Gomega) bool {
	return func(g Gomega) bool {
		var d appsv1.Deployment
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(deployment), &d)).To(Succeed())
		want := *d.Spec.Replicas
		return d.Status.ObservedGeneration == d.Generation && d.Status.Replicas == want &&
			d.Status.UpdatedReplicas == want && d.Status.AvailableReplicas == want
	}
}
