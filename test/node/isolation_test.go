// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/isolation"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// A first release that crashes on a real kubelet has nothing good to go back to, and is cut
// off. Nothing here makes the network keep to it, so that nothing more is claimed.
func TestAFirstReleaseThatCrashesIsIsolatedOnARealNode(t *testing.T) {
	if admin == nil {
		t.Skipf("%s is not set: run `make e2e-node NODE=path/to/script`", scriptVariable)
	}
	t.Parallel()
	g := NewWithT(t)
	const namespace = "isolated"
	protect(t, namespace, &v1alpha1.IsolationPolicy{Mode: v1alpha1.IsolationOnFailure, After: &metav1.Duration{}})
	bad := testenv.Deployment("shop", namespace, testenv.Replicas(2), testenv.Probed(), testenv.GracePeriod(2))
	containers{}.Behave(&bad.Spec.Template, testenv.CrashLoop)
	g.Expect(admin.Create(t.Context(), bad)).To(Succeed())

	state := func() *v1alpha1.Isolation {
		var report v1alpha1.ReadinessReport
		key := client.ObjectKey{Namespace: namespace, Name: workload.ReportName(v1alpha1.KindDeployment, bad.Name)}
		g.Expect(client.IgnoreNotFound(admin.Get(t.Context(), key, &report))).To(Succeed())
		return report.Status.Isolation
	}
	g.Eventually(state).WithTimeout(5 * time.Minute).Should(HaveValue(And(
		HaveField("State", v1alpha1.Isolated), HaveField("Effective", v1alpha1.IsolationUnverified))))
	t.Logf("%s", state().Message)

	cut := &networkingv1.NetworkPolicy{}
	key := client.ObjectKey{Namespace: namespace, Name: isolation.Name(v1alpha1.KindDeployment, bad.Name)}
	g.Expect(admin.Get(t.Context(), key, cut)).To(Succeed())
	selector, err := metav1.LabelSelectorAsSelector(&cut.Spec.PodSelector)
	g.Expect(err).NotTo(HaveOccurred())
	var pods corev1.PodList
	g.Expect(admin.List(t.Context(), &pods, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: selector})).To(Succeed())
	g.Expect(pods.Items).To(HaveLen(2))

	g.Eventually(func() error {
		var fixed appsv1.Deployment
		g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(bad), &fixed)).To(Succeed())
		containers{}.Behave(&fixed.Spec.Template, testenv.Healthy)
		return admin.Update(t.Context(), &fixed)
	}).Should(Succeed())
	g.Eventually(func() error { return admin.Get(t.Context(), key, cut) }).Should(Satisfy(apierrors.IsNotFound))
	g.Eventually(state).Should(BeNil())
}
