// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os/exec"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/isolation"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestADeletedEnvironmentLeavesNothingBehind(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, Guardrails: only("image-pinned", v1alpha1.Enforce), Defaults: v1alpha1.DefaultsApply,
	})
	dev := w.developer(t, "edit", namespace)
	compliant := testenv.Deployment("compliant", namespace)
	g.Expect(dev.Create(t.Context(), compliant.DeepCopy())).To(Succeed())
	g.Eventually(func() v1alpha1.ReportState { return w.report(t, compliant).State }).ShouldNot(BeEmpty())
	violator := testenv.Deployment("violator", namespace, testenv.Image("registry.example/violator:latest"))
	g.Eventually(func() error { return attempt(t.Context(), dev, violator) }).Should(MatchError(ContainSubstring("image-pinned")))
	own := client.MatchingLabels{guardrail.LabelEnvironment: policy.Name}
	g.Expect(nativePolicies(t, w.admin, own)).NotTo(BeEmpty())

	g.Expect(w.admin.Delete(t.Context(), policy)).To(Succeed())
	g.Eventually(func() []string { return nativePolicies(t, w.admin, own) }).Should(BeEmpty())
	g.Eventually(func() error { return attempt(t.Context(), dev, violator) }).Should(Succeed())
	g.Eventually(func() map[string]string { return w.annotations(t, namespace) }).ShouldNot(HaveKey(HavePrefix(v1alpha1.Group)))
	g.Eventually(func() v1alpha1.ReportState { return w.report(t, compliant).State }).Should(BeEmpty(), "its report goes too")
}

// The cluster of this test is its own, because all of Rampart is removed from it.
func TestUndeployLeavesNothingThatRefuses(t *testing.T) {
	g := NewWithT(t)
	cluster := testenv.ForSuite(t, testenv.Options{Controllers: true, CRDs: true})
	operator, err := cluster.StartOperator(t.Context(), testenv.OperatorOptions{Binary: program()})
	g.Expect(err).NotTo(HaveOccurred())
	for _, manifests := range []string{"config/guardrails", "config/samples/platform", "config/samples/promotion"} {
		_, err := cluster.RunKubectl(t.Context(), "apply", "-k", manifests)
		g.Expect(err).NotTo(HaveOccurred())
	}
	admin, err := newClient(cluster.Config)
	g.Expect(err).NotTo(HaveOccurred())
	violator := testenv.Deployment("violator", target, testenv.Image("registry.example/violator:latest"))
	proven := testenv.Deployment("unproven", target)
	refused := func(g Gomega) {
		g.Expect(attempt(t.Context(), admin, violator)).NotTo(Succeed())
		g.Expect(attempt(t.Context(), admin, proven)).NotTo(Succeed())
		g.Expect(nativePolicies(t, admin, nil)).To(ContainElements("rampart-production-enforce", ContainSubstring("gate")))
	}
	g.Eventually(refused).Should(Succeed())
	g.Expect(admin.Create(t.Context(), testenv.Namespace("baselined", nil))).To(Succeed())
	g.Expect(admin.Create(t.Context(), &v1alpha1.EnvironmentPolicy{ObjectMeta: metav1.ObjectMeta{Name: "baselined"}, Spec: v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, Baseline: everything(),
		NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: "baselined"}},
	}})).To(Succeed())
	baselined := func(g Gomega) (labels map[string]string, token *bool) {
		namespace, account := &corev1.Namespace{}, &corev1.ServiceAccount{}
		g.Expect(admin.Get(t.Context(), client.ObjectKey{Name: "baselined"}, namespace)).To(Succeed())
		g.Expect(admin.Get(t.Context(), client.ObjectKey{Namespace: "baselined", Name: baseline.DefaultAccountName}, account)).To(Succeed())
		return namespace.Labels, account.AutomountServiceAccountToken
	}
	g.Eventually(func(g Gomega) {
		labels, token := baselined(g)
		g.Expect(labels).To(HaveKey(podSecurityEnforce))
		g.Expect(token).To(Equal(ptr.To(false)))
	}).Should(Succeed())
	isolates := isolation.Policy(isolation.Cell{
		Workload: workload.Workload{Kind: v1alpha1.KindDeployment, Namespace: "baselined", Name: "shop", UID: "gone"},
		Selector: &metav1.LabelSelector{}, PodTemplateHash: "bad",
	})
	isolates.OwnerReferences = nil // else it went by itself, with an owner that is not there
	theirs := &networkingv1.NetworkPolicy{ObjectMeta: in("baselined", "theirs"), Spec: isolates.Spec}
	g.Expect(operator.Stop()).To(Succeed(), "nobody is there to take anything back")
	g.Expect(admin.Create(t.Context(), isolates)).To(Succeed())
	g.Expect(admin.Create(t.Context(), theirs)).To(Succeed())

	undeploy := exec.CommandContext(t.Context(), "make", "undeploy", "KUBECTL="+cluster.Kubectl+" --kubeconfig="+cluster.Kubeconfig)
	output, err := undeploy.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(output))
	labels, token := baselined(g)
	g.Expect(labels).NotTo(Or(HaveKey(podSecurityWarn), HaveKey(podSecurityEnforce)))
	g.Expect(token).To(BeNil())
	g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(isolates), isolates)).To(Satisfy(apierrors.IsNotFound))
	g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(theirs), theirs)).To(Succeed())

	g.Expect(nativePolicies(t, admin, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy})).To(BeEmpty())
	g.Eventually(func() error { return attempt(t.Context(), admin, violator) }).Should(Succeed())
	g.Eventually(func() error { return attempt(t.Context(), admin, proven) }).Should(Succeed())
}

// nativePolicies are the names of the admission policies and bindings with the labels.
func nativePolicies(t *testing.T, c client.Client, labels client.MatchingLabels) []string {
	t.Helper()
	g := NewWithT(t)
	var names []string
	for _, list := range []client.ObjectList{
		&admissionv1.ValidatingAdmissionPolicyList{}, &admissionv1.ValidatingAdmissionPolicyBindingList{},
		&admissionv1.MutatingAdmissionPolicyList{}, &admissionv1.MutatingAdmissionPolicyBindingList{},
	} {
		g.Expect(c.List(context.Background(), list, labels)).To(Succeed())
		g.Expect(meta.EachListItem(list, func(item runtime.Object) error {
			names = append(names, item.(client.Object).GetName())
			return nil
		})).To(Succeed())
	}
	return names
}
