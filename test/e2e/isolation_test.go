// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/isolation"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// isolationOf a workload: the NetworkPolicy, or the error that there is none.
func (w *world) isolationOf(t *testing.T, kind v1alpha1.WorkloadKind, namespace, name string) func() (*networkingv1.NetworkPolicy, error) {
	t.Helper()
	return func() (*networkingv1.NetworkPolicy, error) {
		policy := &networkingv1.NetworkPolicy{}
		return policy, w.admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: isolation.Name(kind, name)}, policy)
	}
}

// isolated is what the report of a workload says about its isolation.
func (w *world) isolated(t *testing.T, kind v1alpha1.WorkloadKind, namespace, name string) func() *v1alpha1.Isolation {
	t.Helper()
	return func() *v1alpha1.Isolation {
		var report v1alpha1.ReadinessReport
		key := client.ObjectKey{Namespace: namespace, Name: workload.ReportName(kind, name)}
		NewWithT(t).Expect(client.IgnoreNotFound(w.admin.Get(t.Context(), key, &report))).To(Succeed())
		return report.Status.Isolation
	}
}

// cutOff are the names of the pods that a NetworkPolicy selects.
func (w *world) cutOff(t *testing.T, policy *networkingv1.NetworkPolicy) (selected, left []string) {
	t.Helper()
	g := NewWithT(t)
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	g.Expect(err).NotTo(HaveOccurred())
	var pods corev1.PodList
	g.Expect(w.admin.List(t.Context(), &pods, client.InNamespace(policy.Namespace))).To(Succeed())
	for _, pod := range pods.Items {
		if selector.Matches(labels.Set(pod.Labels)) {
			selected = append(selected, pod.Name)
		} else {
			left = append(left, pod.Name)
		}
	}
	return selected, left
}

// The whole life of an isolation: it comes when a first release fails, says what it is
// worth, and goes with the next release, by a person, and with the policy.
func TestAFailingReleaseWithNothingBeforeItIsIsolatedUntilTheNextOne(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage:       v1alpha1.Production,
		Rollout:     &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback},
		Isolation:   &v1alpha1.IsolationPolicy{Mode: v1alpha1.IsolationOnFailure, After: &metav1.Duration{}},
		Baseline:    &v1alpha1.BaselinePolicy{NetworkIsolation: v1alpha1.BaselineApply},
		BlastRadius: &v1alpha1.BlastRadius{MaxUnhealthy: 100},
	})
	dev := w.developer(t, "edit", namespace)
	w.released(t, dev, service("web", namespace))

	shop := service("shop", namespace, testenv.Image("registry.example/shop:1.0.0-crash-loop"))
	g.Expect(dev.Create(t.Context(), shop.DeepCopy())).To(Succeed())
	shopPolicy, shopState := w.isolationOf(t, v1alpha1.KindDeployment, namespace, "shop"), w.isolated(t, v1alpha1.KindDeployment, namespace, "shop")
	g.Eventually(func() error { _, err := shopPolicy(); return err }).Should(Succeed())
	cut, err := shopPolicy()
	g.Expect(err).NotTo(HaveOccurred())
	selected, left := w.cutOff(t, cut)
	g.Expect(selected).To(And(HaveLen(2), HaveEach(HavePrefix("shop-"))))
	g.Expect(left).To(And(HaveLen(2), HaveEach(HavePrefix("web-"))))

	// The baseline, which would let the namespace in, makes way for exactly these pods.
	g.Eventually(shopState).Should(HaveValue(And(
		HaveField("State", v1alpha1.Isolated), HaveField("Effective", v1alpha1.IsolationUnverified), HaveField("Message", ContainSubstring("network plugin")))))
	reached := &networkingv1.NetworkPolicy{}
	g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: baseline.Name}, reached)).To(Succeed())
	selected, left = w.cutOff(t, reached)
	g.Expect(selected).To(And(HaveLen(2), HaveEach(HavePrefix("web-"))))
	g.Expect(left).To(HaveLen(2))

	// A policy of the team's adds up with it, and that is said.
	theirs := &networkingv1.NetworkPolicy{ObjectMeta: in(namespace, "theirs"), Spec: networkingv1.NetworkPolicySpec{
		PodSelector: *shop.Spec.Selector, Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}}},
	}}
	g.Expect(dev.Create(t.Context(), theirs)).To(Succeed())
	g.Eventually(shopState).Should(HaveValue(And(
		HaveField("Effective", v1alpha1.IsolationIneffective), HaveField("Message", ContainSubstring("NetworkPolicy theirs lets traffic in from all pods of the namespace")))))
	g.Expect(dev.Delete(t.Context(), theirs)).To(Succeed())

	// Nobody changes it, and at rest nobody writes.
	cut.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
	g.Expect(dev.Update(t.Context(), cut)).To(Succeed())
	g.Eventually(func(g Gomega) {
		cut, err := shopPolicy()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(cut.Spec.Ingress).To(BeEmpty())
	}).Should(Succeed())
	w.settle(t)

	// The next release is free, and ends it.
	var live appsv1.Deployment
	g.Expect(dev.Get(t.Context(), client.ObjectKeyFromObject(shop), &live)).To(Succeed())
	fixed := live.DeepCopy()
	fixed.Spec.Template.Spec.Containers[0].Image = "registry.example/shop:1.0.1"
	g.Expect(dev.Patch(t.Context(), fixed, client.MergeFrom(&live))).To(Succeed())
	g.Eventually(func() error { _, err := shopPolicy(); return err }).Should(Satisfy(apierrors.IsNotFound))
	g.Eventually(w.rolledOut(t, shop)).Should(BeTrue())
	g.Eventually(shopState).Should(BeNil())
	g.Expect(w.actions(t, shop, v1alpha1.ActionRelease, v1alpha1.ActionDone)).To(HaveLen(1))

	t.Run("a StatefulSet is isolated by its own revision, and somebody who deletes the NetworkPolicy is obeyed", func(t *testing.T) {
		g := NewWithT(t)
		template := testenv.Deployment("ledger", namespace, testenv.Probed(), testenv.GracePeriod(1), testenv.Image("registry.example/ledger:1.0.0-crash-loop")).Spec.Template
		ledger := &appsv1.StatefulSet{ObjectMeta: in(namespace, "ledger"), Spec: appsv1.StatefulSetSpec{
			Replicas: ptr.To[int32](2), PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector: &metav1.LabelSelector{MatchLabels: template.Labels}, Template: template,
		}}
		g.Expect(dev.Create(t.Context(), ledger)).To(Succeed())
		ledgerPolicy, ledgerState := w.isolationOf(t, v1alpha1.KindStatefulSet, namespace, "ledger"), w.isolated(t, v1alpha1.KindStatefulSet, namespace, "ledger")
		g.Eventually(func() error { _, err := ledgerPolicy(); return err }).Should(Succeed())
		cut, err := ledgerPolicy()
		g.Expect(err).NotTo(HaveOccurred())
		selected, _ := w.cutOff(t, cut)
		g.Expect(selected).To(ConsistOf("ledger-0", "ledger-1"))

		g.Expect(dev.Delete(t.Context(), cut)).To(Succeed())
		g.Eventually(ledgerState).Should(HaveValue(HaveField("State", v1alpha1.IsolationLifted)))
		w.settle(t)
		_, err = ledgerPolicy()
		g.Expect(err).To(Satisfy(apierrors.IsNotFound))
		g.Expect(dev.Delete(t.Context(), ledger)).To(Succeed())
		g.Eventually(func() *v1alpha1.Isolation { return ledgerState() }).Should(BeNil())
	})

	t.Run("nothing of it outlives the policy", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(dev.Create(t.Context(), service("till", namespace, testenv.Image("registry.example/till:1.0.0-crash-loop")))).To(Succeed())
		tillPolicy := w.isolationOf(t, v1alpha1.KindDeployment, namespace, "till")
		g.Eventually(func() error { _, err := tillPolicy(); return err }).Should(Succeed())
		g.Expect(w.admin.Delete(t.Context(), policy)).To(Succeed())
		g.Eventually(func() error { _, err := tillPolicy(); return err }).Should(Satisfy(apierrors.IsNotFound))
	})
}
