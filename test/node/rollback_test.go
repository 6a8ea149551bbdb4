// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// A kubelet restarts a pod that crashes after longer and longer waits. The rollout stands
// still meanwhile, is rolled back, and the workload serves in full again.
func TestAReleaseOfOnePodAtATimeIsRolledBackOnARealNode(t *testing.T) {
	if admin == nil {
		t.Skipf("%s is not set: run `make e2e-node NODE=path/to/script`", scriptVariable)
	}
	for name, c := range map[string]struct {
		kind    v1alpha1.WorkloadKind
		failure testenv.Behaviour
	}{
		"crashing-set":    {v1alpha1.KindStatefulSet, testenv.CrashLoop},
		"unready-set":     {v1alpha1.KindStatefulSet, testenv.NeverReady},
		"crashing-agents": {v1alpha1.KindDaemonSet, testenv.CrashLoop},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			protect(t, name, nil)
			good := oneByOne(c.kind, name)
			g.Expect(admin.Create(t.Context(), good)).To(Succeed())
			report := func() v1alpha1.ReadinessReportStatus {
				var report v1alpha1.ReadinessReport
				key := client.ObjectKey{Namespace: name, Name: workload.ReportName(c.kind, good.GetName())}
				g.Expect(client.IgnoreNotFound(admin.Get(t.Context(), key, &report))).To(Succeed())
				return report.Status
			}
			g.Eventually(func() []v1alpha1.RevisionOutcome { return report().Outcomes }).Should(ContainElement(HaveField("Result", v1alpha1.RolloutStable)))

			g.Eventually(func() error {
				bad := oneByOne(c.kind, name)
				g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(good), bad)).To(Succeed())
				containers{}.Behave(templateOf(bad), c.failure)
				return admin.Update(t.Context(), bad)
			}).Should(Succeed())
			g.Eventually(func() []v1alpha1.QuarantinedRevision { return report().Quarantined }).WithTimeout(5 * time.Minute).ShouldNot(BeEmpty())
			g.Eventually(func(g Gomega) {
				now := oneByOne(c.kind, name)
				g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(good), now)).To(Succeed())
				view, _ := workload.From(now)
				g.Expect(view.Rollout.Complete()).To(BeTrue())
				g.Expect(templateOf(now).Spec.Containers[0].Env).To(BeEmpty())
				g.Expect(templateOf(now).Spec.Containers[0].Image).To(Equal(image))
			}).Should(Succeed())
			for _, action := range report().Actions {
				t.Logf("%s %s %s: %s", action.Time.UTC().Format(time.TimeOnly), action.Kind, action.Outcome, action.Message)
			}
		})
	}
}

// protect makes a namespace where failed releases are rolled back, and isolated if that is said.
func protect(t *testing.T, name string, isolated *v1alpha1.IsolationPolicy) {
	t.Helper()
	g := NewWithT(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	policy := &v1alpha1.EnvironmentPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.EnvironmentPolicySpec{
		Stage:             v1alpha1.Production,
		NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: name}},
		Rollout:           &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback},
		Isolation:         isolated,
	}}
	for _, object := range []client.Object{namespace, policy} {
		g.Expect(admin.Create(t.Context(), object)).To(Succeed())
		t.Cleanup(func() { NewWithT(t).Expect(admin.Delete(context.Background(), object)).To(Succeed()) })
	}
	g.Eventually(func(g Gomega) map[string]string {
		g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace)).To(Succeed())
		return namespace.Annotations
	}).Should(HaveKey(v1alpha1.AnnotationJoined))
}

// oneByOne is a workload whose pods are replaced one after the other, and whose team lets it
// be rolled back.
func oneByOne(kind v1alpha1.WorkloadKind, namespace string) workload.Object {
	of := testenv.Deployment("db", namespace, testenv.Replicas(2), testenv.Probed(), testenv.GracePeriod(2))
	containers{}.Behave(&of.Spec.Template, testenv.Healthy)
	of.Annotations = map[string]string{v1alpha1.AnnotationOnFailure: string(v1alpha1.OnFailureRollback)}
	if kind == v1alpha1.KindDaemonSet {
		return &appsv1.DaemonSet{ObjectMeta: of.ObjectMeta, Spec: appsv1.DaemonSetSpec{Selector: of.Spec.Selector, Template: of.Spec.Template}}
	}
	return &appsv1.StatefulSet{ObjectMeta: of.ObjectMeta, Spec: appsv1.StatefulSetSpec{
		Replicas: of.Spec.Replicas, Selector: of.Spec.Selector, Template: of.Spec.Template, ServiceName: "db",
	}}
}

func templateOf(object workload.Object) *corev1.PodTemplateSpec {
	if o, ok := object.(*appsv1.StatefulSet); ok {
		return &o.Spec.Template
	}
	return &object.(*appsv1.DaemonSet).Spec.Template
}
