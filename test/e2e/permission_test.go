// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os/exec"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

func TestAMissingPermissionIsNamed(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	namespace := w.namespace(t)
	policy := w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Development})
	kubeconfig, err := w.cluster.KubeconfigFor(t.Context(), testenv.OperatorAccount)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.operator.Stop()).To(Succeed())
	restored := false
	t.Cleanup(func() {
		if !restored {
			w.startOperator(t)
		}
	})

	var role rbacv1.ClusterRole
	g.Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: "rampart-manager"}, &role)).To(Succeed())
	for i := range role.Rules {
		rule := &role.Rules[i]
		if slices.Contains(rule.Resources, "pods") {
			rule.Verbs = slices.DeleteFunc(rule.Verbs, func(verb string) bool { return verb != "delete" })
		}
	}
	w.applyAsKubectl(t, &role)

	const said = "the operator may not get pods, list pods, watch pods"
	g.Eventually(func(g Gomega) {
		operator := exec.CommandContext(t.Context(), program(), "--kubeconfig="+kubeconfig, "--leader-elect=false",
			"--health-probe-bind-address=0", "--metrics-bind-address=0")
		log, err := operator.CombinedOutput()
		g.Expect(err).To(HaveOccurred(), "it cannot work, and does not pretend to")
		g.Expect(string(log)).To(ContainSubstring(said))
	}).Should(Succeed())

	g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(policy), policy)).To(Succeed())
	for kind, status := range map[string]metav1.ConditionStatus{v1alpha1.ConditionReady: metav1.ConditionFalse, v1alpha1.ConditionStalled: metav1.ConditionTrue} {
		condition := meta.FindStatusCondition(policy.Status.Conditions, kind)
		g.Expect(condition).NotTo(BeNil())
		g.Expect(condition.Status).To(Equal(status))
		g.Expect(condition.Reason).To(Equal(v1alpha1.ReasonPermissionDenied))
		g.Expect(condition.Message).To(And(ContainSubstring(said), ContainSubstring("kubectl apply")))
	}

	w.startOperator(t) // This applies its role again.
	restored = true
	g.Eventually(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(policy), policy)).To(Succeed())
		g.Expect(policy).To(haveCondition(v1alpha1.ConditionReady, metav1.ConditionTrue))
	}).Should(Succeed(), "with its rights back it works again")
}

// applyAsKubectl applies what `kubectl apply --server-side` would, and can change again.
func (w *world) applyAsKubectl(t *testing.T, role *rbacv1.ClusterRole) {
	t.Helper()
	g := NewWithT(t)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		Rules:      role.Rules,
	})
	g.Expect(err).NotTo(HaveOccurred())
	configuration := client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: content})
	g.Expect(w.admin.Apply(t.Context(), configuration, client.FieldOwner("kubectl"), client.ForceOwnership)).To(Succeed())
}
