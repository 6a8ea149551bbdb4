// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package episodes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// app is the name of the one Deployment of a scene, and of its Service.
const app = "shop"

// Scene is where an episode plays: a namespace of its own, which is an environment in
// Staging, on a platform.
type Scene struct {
	// Admin may do everything.
	Admin     client.WithWatch
	Namespace string
	Platform  Platform
}

// deployment is the workload of the scene: three healthy pods with a readiness probe. A new
// revision may make one pod more, and takes none away before another is ready.
func (s Scene) deployment() *appsv1.Deployment {
	d := testenv.Deployment(app, s.Namespace, testenv.Replicas(3), testenv.Probed(), testenv.GracePeriod(3))
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{
		MaxSurge: ptr.To(intstr.FromInt32(1)), MaxUnavailable: ptr.To(intstr.FromInt32(0)),
	}
	s.Platform.Behave(&d.Spec.Template, testenv.Healthy)
	return d
}

// pin keeps the Deployment's pods on one node, and returns its name.
func (s Scene) pin(t *testing.T, d *appsv1.Deployment) string {
	t.Helper()
	g := NewWithT(t)
	var nodes corev1.NodeList
	g.Expect(s.Admin.List(t.Context(), &nodes)).To(Succeed())
	g.Expect(nodes.Items).NotTo(BeEmpty())
	node := nodes.Items[0]
	d.Spec.Template.Spec.NodeSelector = map[string]string{corev1.LabelHostname: node.Labels[corev1.LabelHostname]}
	return node.Name
}

// run makes the Deployment, behind a Service, and returns when the operator has seen its
// rollout end well.
func (s Scene) run(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(s.Admin.Create(t.Context(), testenv.Service(app, s.Namespace))).To(Succeed())
	g.Expect(s.Admin.Create(t.Context(), d)).To(Succeed())
	g.Eventually(func() []string { return flaws(s.Report(t).Evidence, firstRollout()) }).Should(BeEmpty())
	s.serves(t, 3)
}

// release gives the Deployment another revision, which behaves so, with other changes, and
// returns when the operator has seen it.
func (s Scene) release(t *testing.T, b testenv.Behaviour, changes ...func(*appsv1.Deployment)) {
	t.Helper()
	g := NewWithT(t)
	number := s.Report(t).Revision.Number
	var before appsv1.Deployment
	g.Expect(s.Admin.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: app}, &before)).To(Succeed())
	after := before.DeepCopy()
	s.Platform.Behave(&after.Spec.Template, b)
	container := &after.Spec.Template.Spec.Containers[0]
	container.Env = append(container.Env, corev1.EnvVar{Name: "VERSION", Value: "2"})
	for _, change := range changes {
		change(after)
	}
	g.Expect(s.Admin.Patch(t.Context(), after, client.MergeFrom(&before))).To(Succeed())
	g.Eventually(func() int64 { return s.Report(t).Revision.Number }).Should(BeNumerically(">", number))
}

// pods of the scene that are not being deleted, oldest first.
func (s Scene) pods(t *testing.T) []*corev1.Pod {
	t.Helper()
	var list corev1.PodList
	NewWithT(t).Expect(s.Admin.List(t.Context(), &list, client.InNamespace(s.Namespace))).To(Succeed())
	var pods []*corev1.Pod
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp == nil {
			pods = append(pods, &list.Items[i])
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return pods
}

// serves waits until so many pods get traffic.
func (s Scene) serves(t *testing.T, count int) {
	t.Helper()
	g := NewWithT(t)
	g.Eventually(func(g Gomega) (ready int) {
		var list discoveryv1.EndpointSliceList
		g.Expect(s.Admin.List(t.Context(), &list, client.InNamespace(s.Namespace))).To(Succeed())
		for _, slice := range list.Items {
			for _, endpoint := range slice.Endpoints {
				if ptr.Deref(endpoint.Conditions.Ready, false) {
					ready++
				}
			}
		}
		return ready
	}).Should(Equal(count))
}

// restarts waits until a container has been restarted so often, the last time for the reason.
func (s Scene) restarts(t *testing.T, times int32, reason string) {
	t.Helper()
	NewWithT(t).Eventually(func() (ended []corev1.ContainerStatus) {
		for _, pod := range s.pods(t) {
			ended = append(ended, pod.Status.ContainerStatuses...)
		}
		return ended
	}).Should(ContainElement(And(
		HaveField("RestartCount", BeNumerically(">=", times)),
		HaveField("LastTerminationState.Terminated", HaveValue(HaveField("Reason", reason))),
	)))
}

// cordon keeps new pods off a node until uncordon lets them come again, or the test ends:
// the node is there for the tests after an episode that fails.
func (s Scene) cordon(t *testing.T, node string) (uncordon func()) {
	t.Helper()
	set := func(cordoned bool) {
		patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, cordoned)
		object := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}
		NewWithT(t).Expect(s.Admin.Patch(context.WithoutCancel(t.Context()), object, client.RawPatch(types.MergePatchType, patch))).To(Succeed())
	}
	set(true)
	uncordon = sync.OnceFunc(func() { set(false) })
	t.Cleanup(uncordon)
	return uncordon
}

// Report is what the operator says of the workload; empty while it says nothing.
func (s Scene) Report(t *testing.T) v1alpha1.ReadinessReportStatus {
	t.Helper()
	var report v1alpha1.ReadinessReport
	name := client.ObjectKey{Namespace: s.Namespace, Name: workload.ReportName(v1alpha1.KindDeployment, app)}
	NewWithT(t).Expect(client.IgnoreNotFound(s.Admin.Get(t.Context(), name, &report))).To(Succeed())
	return report.Status
}
