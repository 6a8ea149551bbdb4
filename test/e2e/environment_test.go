// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// namespace makes one for the test alone.
func (w *world) namespace(t *testing.T) string {
	t.Helper()
	g := NewWithT(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "case-"}}
	g.Expect(w.admin.Create(t.Context(), namespace)).To(Succeed())
	w.removeLater(t, namespace)
	return namespace.Name
}

// enrol declares that the namespace is an environment of its own, of the same name, and
// returns when the operator has taken it in. Left out of the spec is the selector.
func (w *world) enrol(t *testing.T, namespace string, spec v1alpha1.EnvironmentPolicySpec) *v1alpha1.EnvironmentPolicy {
	t.Helper()
	spec.NamespaceSelector = metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
	policy := w.policy(t, namespace, spec)
	NewWithT(t).Eventually(func() map[string]string { return w.annotations(t, namespace) }).Should(HaveKey(v1alpha1.AnnotationJoined))
	return policy
}

// policy makes an EnvironmentPolicy and waits until it is ready.
func (w *world) policy(t *testing.T, name string, spec v1alpha1.EnvironmentPolicySpec) *v1alpha1.EnvironmentPolicy {
	t.Helper()
	g := NewWithT(t)
	policy := &v1alpha1.EnvironmentPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	g.Expect(w.admin.Create(t.Context(), policy)).To(Succeed())
	w.removeLater(t, policy)
	g.Eventually(func(g Gomega) {
		g.Expect(w.admin.Get(t.Context(), client.ObjectKeyFromObject(policy), policy)).To(Succeed())
		g.Expect(policy).To(haveCondition(v1alpha1.ConditionReady, metav1.ConditionTrue))
	}).Should(Succeed())
	return policy
}

// annotations of a namespace.
func (w *world) annotations(t *testing.T, namespace string) map[string]string {
	t.Helper()
	var read corev1.Namespace
	NewWithT(t).Expect(w.admin.Get(t.Context(), client.ObjectKey{Name: namespace}, &read)).To(Succeed())
	return read.Annotations
}

// only lets the one guardrail of the catalogue stand, from the level on.
func only(guardrail string, level v1alpha1.Level) []v1alpha1.GuardrailEntry {
	return []v1alpha1.GuardrailEntry{{Name: guardrail, StartLevel: level}}
}

// removeLater deletes the object when the test ends, unless it is gone by then.
func (w *world) removeLater(t *testing.T, object client.Object) {
	t.Cleanup(func() {
		err := w.admin.Delete(context.Background(), object)
		NewWithT(t).Expect(client.IgnoreNotFound(err)).To(Succeed())
	})
}
