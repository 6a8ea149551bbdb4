// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// standstill is how long the rollout of one whose pods start at once may stand still, and
// some time to see it.
const standstill = 150*time.Second + 60*time.Second

// A set is a workload whose pods are replaced one after the other, each in its place.
type set struct {
	*world
	kind     v1alpha1.WorkloadKind
	manifest client.Object
}

// The first pod of a bad release fails, and no other follows it: that is not enough to go
// back at once, and enough when nothing else happens.
func TestAReleaseOfOnePodAtATimeIsRolledBackWhereItsTeamSaysSo(t *testing.T) {
	const image, badImage = "registry.example/db:1.0.0", "registry.example/db:1.1.0-crash-loop"
	theWorld(t)
	for _, kind := range []v1alpha1.WorkloadKind{v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			g, w := NewWithT(t), theWorld(t)
			namespace := w.protected(t)
			tool := w.developer(t, "edit", namespace)
			good, bad := w.newSet(kind, namespace, "Rollback", image), w.newSet(kind, namespace, "Rollback", badImage)
			good.released(t, tool)
			untouched := good.pods(t)

			g.Expect(bad.push(t.Context(), tool)).To(Succeed())
			g.Eventually(func() []v1alpha1.QuarantinedRevision { return good.report(t).Quarantined }).WithTimeout(standstill).ShouldNot(BeEmpty())
			g.Eventually(func(g Gomega) {
				live := good.live(g, t)
				g.Expect(live.Rollout.Complete()).To(BeTrue())
				g.Expect(live.Template.Spec.Containers[0].Image).To(Equal(image))
			}).Should(Succeed(), "also the pod that was stuck is replaced")
			g.Expect(good.report(t).Actions).To(ContainElement(And(HaveField("Kind", v1alpha1.ActionRollback), HaveField("Outcome", v1alpha1.ActionDone),
				HaveField("Message", ContainSubstring("1 crashed, 0 run well, and its progress deadline has passed: rolled back to revision 1")))))

			now := good.pods(t)
			g.Expect(slices.DeleteFunc(untouched, func(uid types.UID) bool { return !slices.Contains(now, uid) })).To(HaveLen(nodes-1), "the others never went")
			g.Expect(good.writes(t, func(write write) bool { return write.changesSpec() })).To(HaveLen(1))
			deleted := 0
			for _, write := range w.audit.writes(t) {
				if write.ObjectRef.Namespace == namespace && write.Verb == "delete" && resource(write) == "pods" {
					deleted++
				}
			}
			g.Expect(deleted).To(Equal(map[v1alpha1.WorkloadKind]int{v1alpha1.KindStatefulSet: 1}[kind]), "the controller of a DaemonSet replaces its pods itself")

			refused := MatchError(ContainSubstring("was rolled back at"))
			g.Eventually(func() error { return bad.push(t.Context(), tool) }).Should(refused)
			g.Expect(bad.imageAlone(t.Context(), tool, badImage)).To(refused)
			_, err := w.cluster.RunKubectl(t.Context(), "-n", namespace, "rollout", "undo", string(kind)+"/db")
			g.Expect(err).To(refused, "what failed is what ran before")
			fix := w.newSet(kind, namespace, "Rollback", badImage)
			fix.template().Spec.Containers[0].Env = []corev1.EnvVar{{Name: "MODE", Value: "safe"}}
			g.Expect(fix.push(t.Context(), tool, client.DryRunAll)).To(Succeed())
		})
	}
	t.Run("and only reported where its team says nothing", func(t *testing.T) {
		t.Parallel()
		g, w := NewWithT(t), theWorld(t)
		namespace := w.protected(t)
		tool := w.developer(t, "edit", namespace)
		good, bad := w.newSet(v1alpha1.KindStatefulSet, namespace, "", image), w.newSet(v1alpha1.KindStatefulSet, namespace, "", badImage)
		good.released(t, tool)

		g.Expect(bad.push(t.Context(), tool)).To(Succeed())
		g.Eventually(func() []v1alpha1.Action { return good.report(t).Actions }).WithTimeout(standstill).Should(ConsistOf(And(
			HaveField("Outcome", v1alpha1.ActionReported),
			HaveField("Message", And(ContainSubstring("go back to revision 1"), ContainSubstring("annotate the workload rampart.dev/on-failure: Rollback"))))))
		g.Expect(good.writes(t, func(write) bool { return true })).To(BeEmpty())
	})
}

// protected is a namespace of its own where failed releases are rolled back.
func (w *world) protected(t *testing.T) string {
	t.Helper()
	namespace := w.namespace(t)
	w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, Guardrails: only("image-pinned", ""), Rollout: &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback},
	})
	return namespace
}

// newSet is one of as many pods as there are nodes.
func (w *world) newSet(kind v1alpha1.WorkloadKind, namespace, onFailure, image string) *set {
	of := service("db", namespace, testenv.Replicas(nodes), testenv.Image(image))
	if onFailure != "" {
		of.Annotations = map[string]string{v1alpha1.AnnotationOnFailure: onFailure}
	}
	if kind == v1alpha1.KindDaemonSet {
		return &set{w, kind, &appsv1.DaemonSet{ObjectMeta: of.ObjectMeta, Spec: appsv1.DaemonSetSpec{Selector: of.Spec.Selector, Template: of.Spec.Template}}}
	}
	return &set{w, kind, &appsv1.StatefulSet{ObjectMeta: of.ObjectMeta, Spec: appsv1.StatefulSetSpec{
		Replicas: of.Spec.Replicas, Selector: of.Spec.Selector, Template: of.Spec.Template, ServiceName: "db",
	}}}
}

func (s *set) template() *corev1.PodTemplateSpec {
	if o, ok := s.manifest.(*appsv1.StatefulSet); ok {
		return &o.Spec.Template
	}
	return &s.manifest.(*appsv1.DaemonSet).Spec.Template
}

// push applies the manifest on the server, as a GitOps tool does.
func (s *set) push(ctx context.Context, as client.Client, options ...client.ApplyOption) error {
	manifest, err := runtime.DefaultUnstructuredConverter.ToUnstructured(s.manifest)
	if err != nil {
		return err
	}
	delete(manifest, "status")
	object := &unstructured.Unstructured{Object: manifest}
	object.SetGroupVersionKind(workload.GroupVersionKind(s.kind))
	return reapply(ctx, as, object, options...)
}

// imageAlone sends what `kubectl set image` does.
func (s *set) imageAlone(ctx context.Context, as client.Client, image string) error {
	body := `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"` + image + `"}]}}}}`
	return as.Patch(ctx, s.manifest.DeepCopyObject().(client.Object), client.RawPatch(types.StrategicMergePatchType, []byte(body)))
}

// released applies the manifest and returns when the operator has seen it run well.
func (s *set) released(t *testing.T, as client.Client) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(s.push(t.Context(), as)).To(Succeed())
	g.Eventually(func() []v1alpha1.RevisionOutcome { return s.report(t).Outcomes }).
		Should(ContainElement(HaveField("Result", v1alpha1.RolloutStable)))
}

// live is the set as it is now.
func (s *set) live(g Gomega, t *testing.T) workload.Workload {
	object := workload.New(s.kind)
	g.Expect(s.admin.Get(t.Context(), client.ObjectKeyFromObject(s.manifest), object)).To(Succeed())
	view, _ := workload.From(object)
	return view
}

// report of the set; empty while there is none.
func (s *set) report(t *testing.T) v1alpha1.ReadinessReportStatus {
	t.Helper()
	var report v1alpha1.ReadinessReport
	name := client.ObjectKey{Namespace: s.manifest.GetNamespace(), Name: workload.ReportName(s.kind, s.manifest.GetName())}
	NewWithT(t).Expect(client.IgnoreNotFound(s.admin.Get(t.Context(), name, &report))).To(Succeed())
	return report.Status
}

// pods that there are.
func (s *set) pods(t *testing.T) []types.UID {
	t.Helper()
	var list corev1.PodList
	NewWithT(t).Expect(s.admin.List(t.Context(), &list, client.InNamespace(s.manifest.GetNamespace()))).To(Succeed())
	uids := make([]types.UID, 0, len(list.Items))
	for _, pod := range list.Items {
		uids = append(uids, pod.UID)
	}
	return uids
}

// writes of the set by the operator.
func (s *set) writes(t *testing.T, which func(write) bool) []write {
	t.Helper()
	resources := map[v1alpha1.WorkloadKind]string{v1alpha1.KindStatefulSet: "statefulsets", v1alpha1.KindDaemonSet: "daemonsets"}
	return slices.DeleteFunc(s.audit.writes(t), func(write write) bool {
		return resource(write) != resources[s.kind] || write.ObjectRef.Namespace != s.manifest.GetNamespace() || !which(write)
	})
}
