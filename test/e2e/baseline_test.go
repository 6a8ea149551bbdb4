// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// everything is a baseline in which every item is applied.
func everything() *v1alpha1.BaselinePolicy {
	return &v1alpha1.BaselinePolicy{
		NetworkIsolation: v1alpha1.BaselineApply, DisruptionBudgets: v1alpha1.BaselineApply, DefaultToken: v1alpha1.BaselineApply,
		PodSecurity:     &v1alpha1.PodSecurityBaseline{Mode: v1alpha1.BaselineApply},
		ResourceQuota:   &v1alpha1.ResourceQuotaBaseline{Mode: v1alpha1.BaselineApply, Hard: corev1.ResourceList{"pods": quantity.MustParse("20")}},
		DefaultRequests: &v1alpha1.DefaultRequestsBaseline{Mode: v1alpha1.BaselineApply, Requests: corev1.ResourceList{"cpu": quantity.MustParse("10m")}},
	}
}

const (
	podSecurityWarn    = "pod-security.kubernetes.io/warn"
	podSecurityEnforce = "pod-security.kubernetes.io/enforce"
)

// The whole life of a baseline: applied, restored, making way for what the team brings,
// and gone with the policy.
func TestABaselineStandsBesideWhatATeamBringsAndGoesWithItsPolicy(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production, Baseline: everything()})
	key := client.ObjectKey{Namespace: namespace, Name: baseline.Name}
	objects := []client.Object{&networkingv1.NetworkPolicy{}, &corev1.ResourceQuota{}, &corev1.LimitRange{}}
	for _, object := range objects {
		g.Eventually(func() error { return w.admin.Get(t.Context(), key, object) }).Should(Succeed())
	}
	g.Eventually(func() map[string]string { return w.labels(t, namespace) }).Should(HaveKeyWithValue(podSecurityEnforce, "baseline"))
	g.Eventually(w.defaultToken(t, namespace)).Should(Equal(ptr.To(false)))

	// A workload that comes later gets its budget.
	shop := testenv.Deployment("shop", namespace, testenv.Replicas(3))
	g.Expect(w.admin.Create(t.Context(), shop)).To(Succeed())
	budget := &policyv1.PodDisruptionBudget{}
	budgetKey := client.ObjectKey{Namespace: namespace, Name: "rampart-deployment-shop"}
	g.Eventually(func() error { return w.admin.Get(t.Context(), budgetKey, budget) }).Should(Succeed())

	// What somebody removes or changes comes back.
	g.Expect(w.admin.Delete(t.Context(), objects[0].DeepCopyObject().(client.Object))).To(Succeed())
	g.Eventually(func(g Gomega) {
		again := &networkingv1.NetworkPolicy{}
		g.Expect(w.admin.Get(t.Context(), key, again)).To(Succeed())
		g.Expect(again.UID).NotTo(Equal(objects[0].GetUID()))
	}).Should(Succeed())
	w.merge(t, objects[1], `{"spec":{"hard":{"pods":"1"}}}`)
	g.Eventually(func(g Gomega) {
		quota := &corev1.ResourceQuota{}
		g.Expect(w.admin.Get(t.Context(), key, quota)).To(Succeed())
		g.Expect(quota.Spec.Hard.Pods().String()).To(Equal("20"))
	}).Should(Succeed())

	// What the team brings replaces the operator's.
	g.Expect(w.admin.Create(t.Context(), &networkingv1.NetworkPolicy{ObjectMeta: in(namespace, "ours")})).To(Succeed())
	g.Expect(w.admin.Create(t.Context(), &policyv1.PodDisruptionBudget{ObjectMeta: in(namespace, "ours"), Spec: policyv1.PodDisruptionBudgetSpec{Selector: shop.Spec.Selector}})).To(Succeed())
	g.Eventually(func() error { return w.admin.Get(t.Context(), key, &networkingv1.NetworkPolicy{}) }).Should(Satisfy(apierrors.IsNotFound))
	g.Eventually(func() error { return w.admin.Get(t.Context(), budgetKey, budget) }).Should(Satisfy(apierrors.IsNotFound))
	g.Eventually(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(policy), policy)).To(Succeed())
		g.Expect(policy.Status.Baseline).To(ContainElements(
			And(HaveField("Item", v1alpha1.NetworkIsolation), HaveField("Provided", int32(1))),
			And(HaveField("Item", v1alpha1.ResourceQuota), HaveField("Applied", int32(1))),
		))
	}).Should(Succeed())

	// Nothing of it outlives the policy, and what the team made stays.
	g.Expect(w.admin.Delete(t.Context(), policy)).To(Succeed())
	for _, object := range objects {
		g.Eventually(func() error { return w.admin.Get(t.Context(), key, object) }).Should(Satisfy(apierrors.IsNotFound))
	}
	g.Eventually(func() map[string]string { return w.labels(t, namespace) }).ShouldNot(Or(HaveKey(podSecurityEnforce), HaveKey(podSecurityWarn)))
	g.Eventually(w.defaultToken(t, namespace)).Should(BeNil())
	g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "ours"}, &networkingv1.NetworkPolicy{})).To(Succeed())
}

// In a namespace where workloads run already, nothing is applied that would refuse them or
// cut them off, and it is said what stands against it.
func TestABaselineRefusesNothingThatRuns(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	shop := testenv.Deployment("shop", namespace, testenv.Replicas(2))
	shop.Spec.Template.Spec.HostNetwork = true
	g.Expect(w.admin.Create(t.Context(), shop)).To(Succeed())
	g.Eventually(w.rolledOut(t, shop)).Should(BeTrue())

	wanted := everything()
	wanted.ResourceQuota.Hard = corev1.ResourceList{"pods": quantity.MustParse("2")}
	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production, Baseline: wanted})
	says := func(item v1alpha1.BaselineItem, why string) any {
		return And(HaveField("Item", item), HaveField("Applied", int32(0)), HaveField("Reasons", ConsistOf(ContainSubstring(why))))
	}
	g.Eventually(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(policy), policy)).To(Succeed())
		g.Expect(policy.Status.Baseline).To(ContainElements(
			says(v1alpha1.NetworkIsolation, "workloads ran here before"),
			says(v1alpha1.DefaultToken, "Deployment shop"),
			says(v1alpha1.PodSecurity, "it warns only: workloads ran here before"),
			says(v1alpha1.ResourceQuota, "need 3 pods, and the quota is 2"),
			And(HaveField("Item", v1alpha1.DisruptionBudgets), HaveField("Applied", int32(1))),
		))
	}).Should(Succeed())
	g.Expect(w.labels(t, namespace)).To(And(HaveKeyWithValue(podSecurityWarn, "baseline"), Not(HaveKey(podSecurityEnforce))))
	for _, list := range []client.ObjectList{&networkingv1.NetworkPolicyList{}, &corev1.ResourceQuotaList{}} {
		g.Expect(w.admin.List(t.Context(), list, client.InNamespace(namespace))).To(Succeed())
		g.Expect(list).To(HaveField("Items", BeEmpty()))
	}
	w.restart(t, w.admin, shop)
	g.Eventually(w.rolledOut(t, shop)).Should(BeTrue())
}

// labels of a namespace.
func (w *world) labels(t *testing.T, namespace string) map[string]string {
	t.Helper()
	var read corev1.Namespace
	NewWithT(t).Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: namespace}, &read)).To(Succeed())
	return read.Labels
}

// defaultToken is what the default service account says about its token.
func (w *world) defaultToken(t *testing.T, namespace string) func(Gomega) *bool {
	return func(g Gomega) *bool {
		var account corev1.ServiceAccount
		g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: baseline.DefaultAccountName}, &account)).To(Succeed())
		return account.AutomountServiceAccountToken
	}
}

// merge changes an object as somebody with every right.
func (w *world) merge(t *testing.T, object client.Object, patch string) {
	t.Helper()
	target := object.DeepCopyObject().(client.Object)
	NewWithT(t).Expect(w.admin.Patch(t.Context(), target, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
}
