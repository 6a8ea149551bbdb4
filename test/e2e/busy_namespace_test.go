// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// The gravest policy there is, on a namespace where workloads ran before it came, changes
// nothing there and says what it would do.
func TestAPolicyThatComesToABusyNamespaceOnlyReports(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	dev := w.developer(t, "edit", namespace)
	violator := testenv.Deployment("violator", namespace, testenv.Image("registry.example/violator:latest"))
	api := service("api", namespace)
	g.Expect(dev.Create(t.Context(), violator.DeepCopy())).To(Succeed())
	g.Expect(dev.Create(t.Context(), api.DeepCopy())).To(Succeed())
	g.Eventually(w.rolledOut(t, api)).Should(BeTrue())

	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage:   v1alpha1.Production,
		Drift:   &v1alpha1.DriftPolicy{Mode: v1alpha1.DriftCorrect, TrustedWriters: []string{"kubernetes-admin"}},
		Rollout: &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback},
	})
	g.Expect(w.annotations(t, namespace)).To(HaveKeyWithValue(v1alpha1.AnnotationJoined, HaveSuffix(" busy")))
	for _, guardrail := range policy.Status.Guardrails {
		g.Expect(guardrail.Level).To(Equal(v1alpha1.Observe), guardrail.Name)
	}
	g.Eventually(func() int32 { return w.report(t, violator).Findings }).Should(BeNumerically(">", 0))
	g.Eventually(func() []v1alpha1.RevisionOutcome { return w.report(t, api).Outcomes }).
		Should(ContainElement(HaveField("Result", v1alpha1.RolloutStable)))

	t.Run("violators go on being admitted, without a warning", func(t *testing.T) {
		g := NewWithT(t)
		dev.warned()
		g.Expect(attempt(t.Context(), dev, testenv.Deployment("new", namespace, testenv.Image("registry.example/new:latest")))).To(Succeed())
		g.Expect(dev.warned()).To(BeEmpty())
	})
	t.Run("a failing release is reported with what would be done", func(t *testing.T) {
		g := NewWithT(t)
		var before appsv1.Deployment
		g.Expect(dev.Get(t.Context(), client.ObjectKeyFromObject(api), &before)).To(Succeed())
		after := before.DeepCopy()
		after.Spec.Template.Spec.Containers[0].Image = "registry.example/api:2.0.0-crash-loop"
		g.Expect(dev.Patch(t.Context(), after, client.MergeFrom(&before))).To(Succeed())
		g.Eventually(func() []v1alpha1.Action { return w.actions(t, api, v1alpha1.ActionRollback, v1alpha1.ActionReported) }).
			Should(ContainElement(HaveField("Message", ContainSubstring("it would be rolled back to revision"))))
	})
	t.Run("a change by hand is reported with what would be done", func(t *testing.T) {
		g := NewWithT(t)
		first := w.report(t, violator).Revision.Number
		w.set(t, w.admin, violator, corev1.EnvVar{Name: "LEVEL", Value: "info"})
		g.Eventually(func() []v1alpha1.RevisionOutcome { return w.report(t, violator).Outcomes }).Should(ContainElement(And(
			HaveField("Number", BeNumerically(">", first)), HaveField("Result", v1alpha1.RolloutStable),
		)), "there is a trusted state to go back to")
		w.set(t, dev, violator, corev1.EnvVar{Name: "LEVEL", Value: "debug"})
		g.Eventually(func() *v1alpha1.Drift { return w.report(t, violator).Drift }).
			Should(HaveField("Decision", ContainSubstring("it would be taken back")))
	})
	w.settle(t)
	g.Expect(w.specPatches(t, violator)).To(BeEmpty())
	g.Expect(w.specPatches(t, api)).To(BeEmpty())
}

// set gives the container of the Deployment one environment variable.
func (w *world) set(t *testing.T, as client.Client, deployment *appsv1.Deployment, variable corev1.EnvVar) {
	t.Helper()
	g := NewWithT(t)
	var before appsv1.Deployment
	g.Expect(as.Get(t.Context(), client.ObjectKeyFromObject(deployment), &before)).To(Succeed())
	after := before.DeepCopy()
	after.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{variable}
	g.Expect(as.Patch(t.Context(), after, client.MergeFrom(&before))).To(Succeed())
}
