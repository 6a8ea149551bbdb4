// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// In a busy namespace corrections are reported until what they said proved right, and
// carried out from then on. The targets ask for one decision, so that nobody waits for hours.
func TestABusyNamespaceEarnsCorrectionsByThoseThatProvedRight(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	dev := w.developer(t, "edit", namespace)
	shop := testenv.Deployment("earner", namespace)
	g.Expect(w.admin.Create(t.Context(), shop.DeepCopy())).To(Succeed())
	g.Eventually(w.rolledOut(t, shop)).Should(BeTrue())
	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage:       v1alpha1.Production,
		Progression: &v1alpha1.Progression{Target: 50, Confidence: 50},
		Drift: &v1alpha1.DriftPolicy{
			Mode: v1alpha1.DriftCorrect, TrustedWriters: []string{"kubernetes-admin"}, CorrectAfter: &metav1.Duration{Duration: time.Second},
		},
	})
	w.stamps(t, namespace)
	level := func() string {
		live := shop.DeepCopy()
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(shop), live)).To(Succeed())
		return live.Spec.Template.Spec.Containers[0].Env[0].Value
	}
	trusted := func(value string) {
		t.Helper()
		first := w.report(t, shop).Revision.Number
		w.set(t, w.admin, shop, corev1.EnvVar{Name: "LEVEL", Value: value})
		g.Eventually(func() []v1alpha1.RevisionOutcome { return w.report(t, shop).Outcomes }).Should(ContainElement(And(
			HaveField("Number", BeNumerically(">", first)), HaveField("Result", v1alpha1.RolloutStable))))
	}
	g.Eventually(func() []v1alpha1.RevisionOutcome { return w.report(t, shop).Outcomes }).Should(ContainElement(HaveField("Result", v1alpha1.RolloutStable)))
	trusted("info")

	w.set(t, dev, shop, corev1.EnvVar{Name: "LEVEL", Value: "debug"})
	g.Eventually(func() []v1alpha1.ActTrial { return w.report(t, shop).ActTrials }).
		Should(ConsistOf(HaveField("Outcome", v1alpha1.ActOpen)), func() string { return w.reports(t) })
	g.Expect(level()).To(Equal("debug"))
	g.Expect(w.report(t, shop).HeldBack).To(HaveValue(HaveField("By", v1alpha1.HeldByLevel)))
	trusted("info")
	g.Expect(w.report(t, shop).ActTrials).To(ConsistOf(HaveField("Outcome", v1alpha1.ActAgreed)))

	g.Eventually(func() map[string]string { return w.annotations(t, namespace) }).
		Should(HaveKeyWithValue(v1alpha1.AnnotationActs, HavePrefix("CorrectDrift Act ")))
	g.Eventually(func() bool {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(policy), policy)).To(Succeed())
		return meta.IsStatusConditionTrue(policy.Status.Conditions, v1alpha1.ConditionRemediating)
	}).Should(BeTrue())
	g.Expect(policy.Status.Acts).To(ConsistOf(And(HaveField("Acting", BeEquivalentTo(1)), HaveField("Agreed", BeEquivalentTo(1)))))
	g.Eventually(func() []eventsv1.Event {
		var events eventsv1.EventList
		g.Expect(w.admin.List(t.Context(), &events, client.InNamespace("default"))).To(Succeed())
		return events.Items
	}).Should(ContainElement(And(HaveField("Reason", "ActRaised"), HaveField("Regarding.Name", policy.Name), HaveField("Note", ContainSubstring("Report → Act")))))

	w.set(t, dev, shop, corev1.EnvVar{Name: "LEVEL", Value: "debug"})
	g.Eventually(func() []v1alpha1.Action { return w.actions(t, shop, v1alpha1.ActionCorrectDrift, v1alpha1.ActionDone) }).Should(HaveLen(1))
	g.Eventually(level).Should(Equal("info"))
	g.Eventually(func() *v1alpha1.RemediationState {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(policy), policy)).To(Succeed())
		return policy.Status.Remediation
	}).Should(HaveField("LastHour", ContainElement(v1alpha1.ActionCount{Kind: v1alpha1.ActionCorrectDrift, Outcome: v1alpha1.ActionDone, Count: 1})))
}
