// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/internal/testenv"
)

// What violated a guardrail before it was enforced lives on, with all that happens in the
// life of a workload: the controllers of the cluster are not kept from making its pods.
func TestAnOldViolatorIsNeverWedged(t *testing.T) {
	w := theWorld(t)
	namespace := w.namespace(t)
	dev, almighty := w.developer(t, "edit", namespace), w.developer(t, "cluster-admin", namespace)
	manifests := map[string]client.Object{}
	for i, object := range everyKind("", namespace, corev1.PodTemplateSpec{}) {
		kind := kindOf(object).Kind
		name := strings.ToLower(kind)
		manifests[kind] = everyKind(name, namespace, template(name, unpinnedImage))[i]
		if job, ok := manifests[kind].(*batchv1.Job); ok { // Its pods run on, and there may be more than one.
			metav1.SetMetaDataAnnotation(&job.Spec.Template.ObjectMeta, testenv.BehaviourAnnotation, string(testenv.NeverReady))
			job.Spec.Completions = ptr.To[int32](9)
		}
		NewWithT(t).Eventually(func() error { return dev.Create(t.Context(), copied(manifests[kind])) }).Should(Succeed(), kind)
	}
	w.enforce(t, namespace)

	for kind, life := range map[string][]event{
		"Deployment":            {scaled, rolledOut, losesItsPods, drained, appliedAgain},
		"StatefulSet":           {scaled, rolledOut, losesItsPods, drained, appliedAgain},
		"DaemonSet":             {rolledOut, losesItsPods, drained, appliedAgain},
		"ReplicaSet":            {scaled, getsAnotherTemplate, losesItsPods, drained, appliedAgain},
		"ReplicationController": {scaled, getsAnotherTemplate, losesItsPods, drained, appliedAgain},
		// The controller of Jobs waits longer before each pod that it makes for one that failed.
		"Job": {drained, scaled, appliedAgain},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			v := &violator{world: w, dev: dev, manifest: manifests[kind], object: copied(manifests[kind])}
			for _, event := range life {
				v.lives(t, event)
			}
		})
	}
	t.Run("CronJob", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		v := &violator{world: w, dev: dev, object: copied(manifests["CronJob"])}
		g.Expect(dev.Get(t.Context(), client.ObjectKeyFromObject(v.object), v.object)).To(Succeed())
		v.change(t)
		w.missARun(t, v.object)
		g.Eventually(func(g Gomega) {
			var jobs batchv1.JobList
			g.Expect(dev.List(t.Context(), &jobs, client.InNamespace(namespace))).To(Succeed())
			g.Expect(jobs.Items).To(ContainElement(And(
				HaveField("Status.Succeeded", BeEquivalentTo(1)),
				HaveField("Spec.Template.Annotations", HaveKeyWithValue(releaseAnnotation, v.release)),
			)))
		}).Should(Succeed(), "it runs")
	})
	t.Run("Pod", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		pod := copied(manifests["Pod"])
		g.Expect(dev.Get(t.Context(), client.ObjectKeyFromObject(pod), pod)).To(Succeed())
		labelled := copied(pod)
		labelled.SetLabels(map[string]string{"app": "another"})
		g.Expect(dev.Patch(t.Context(), labelled, client.MergeFrom(pod))).To(Succeed())
		debugged := labelled.DeepCopyObject().(*corev1.Pod)
		debugged.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debugger", Image: pinned}}}
		g.Expect(almighty.SubResource("ephemeralcontainers").Patch(t.Context(), debugged, client.StrategicMergeFrom(labelled))).To(Succeed())
	})
}

// missARun makes the controller of CronJobs believe that a run was missed, so that it makes
// up for it and nobody has to wait for one.
func (w *world) missARun(t *testing.T, nightly client.Object) {
	t.Helper()
	missed := copied(nightly).(*batchv1.CronJob)
	missed.Status.LastScheduleTime = &metav1.Time{Time: time.Now().Add(-2 * time.Hour)}
	NewWithT(t).Expect(w.admin.Status().Patch(t.Context(), missed, client.MergeFrom(nightly))).To(Succeed())
}

// violator is a workload to which things happen.
type violator struct {
	*world
	dev client.Client
	// manifest as its owner wrote it, and object as it stands.
	manifest, object client.Object
	// release is the last change of its template.
	release string
}

// event is something that happens to a workload in its life.
type event struct {
	name    string
	happens func(*violator, *testing.T)
	// replaces is true when no pod from before is left in the end.
	replaces bool
}

var (
	scaled              = event{name: "is scaled", happens: (*violator).scale}
	getsAnotherTemplate = event{name: "gets another template, which its pods do not follow", happens: (*violator).change}
	rolledOut           = event{name: "is rolled out", happens: (*violator).change, replaces: true}
	losesItsPods        = event{name: "loses its pods", happens: (*violator).losePods, replaces: true}
	drained             = event{name: "is drained", happens: (*violator).evictPods, replaces: true}
	appliedAgain        = event{name: "is applied again", happens: (*violator).apply}
)

const releaseAnnotation = "example.com/release"

// lives lets the event happen and waits until all of the pods run again.
func (v *violator) lives(t *testing.T, event event) {
	t.Helper()
	g := NewWithT(t)
	g.Eventually(func(g Gomega) { v.runs(t, g, nil) }).Should(Succeed())
	var gone []types.UID
	if event.replaces {
		for _, pod := range v.pods(t, g) {
			gone = append(gone, pod.UID)
		}
	}
	event.happens(v, t)
	g.Eventually(func(g Gomega) { v.runs(t, g, gone) }).Should(Succeed(), "it %s", event.name)
}

// runs demands as many running pods as there shall be, none of which is gone. Where some
// are gone, the others have the newest template.
func (v *violator) runs(t *testing.T, g Gomega, gone []types.UID) {
	g.Expect(v.dev.Get(t.Context(), client.ObjectKeyFromObject(v.object), v.object)).To(Succeed())
	pods := v.pods(t, g)
	g.Expect(pods).To(HaveLen(v.replicas()))
	for _, pod := range pods {
		g.Expect(pod.Status.Phase).To(Equal(corev1.PodRunning))
		g.Expect(podSpec(&pod).Containers[0].Image).To(Equal(unpinned))
		g.Expect(gone).NotTo(ContainElement(pod.UID))
		if len(gone) > 0 {
			g.Expect(pod.Annotations[releaseAnnotation]).To(Equal(v.release))
		}
	}
}

// replicas is how many pods there shall be.
func (v *violator) replicas() int {
	switch o := v.object.(type) {
	case *appsv1.Deployment:
		return int(*o.Spec.Replicas)
	case *appsv1.StatefulSet:
		return int(*o.Spec.Replicas)
	case *appsv1.ReplicaSet:
		return int(*o.Spec.Replicas)
	case *corev1.ReplicationController:
		return int(*o.Spec.Replicas)
	case *batchv1.Job:
		return int(*o.Spec.Parallelism)
	default:
		return nodes
	}
}

// pods of the workload that are not on their way out.
func (v *violator) pods(t *testing.T, g Gomega) []corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	labels := client.MatchingLabels{"app": v.object.GetName()}
	g.Expect(v.dev.List(t.Context(), &pods, client.InNamespace(v.object.GetNamespace()), labels)).To(Succeed())
	return slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool {
		return pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodFailed
	})
}

// scale asks for one pod more.
func (v *violator) scale(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	if job, ok := v.object.(*batchv1.Job); ok { // It has no such subresource.
		more := job.DeepCopy()
		*more.Spec.Parallelism++
		g.Expect(v.dev.Patch(t.Context(), more, client.MergeFrom(job))).To(Succeed())
		return
	}
	more := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: int32(v.replicas()) + 1}}
	g.Expect(v.dev.SubResource("scale").Update(t.Context(), v.object, client.WithSubResourceBody(more))).To(Succeed())
}

// apply the manifest as a GitOps tool does in each of its turns.
func (v *violator) apply(t *testing.T) {
	t.Helper()
	NewWithT(t).Expect(v.dev.Patch(t.Context(), copied(v.manifest), applyPatch{}, client.FieldOwner("gitops"), client.ForceOwnership)).To(Succeed())
}

// change the template in a way that violates nothing.
func (v *violator) change(t *testing.T) {
	t.Helper()
	v.release = time.Now().Format(time.RFC3339Nano)
	changed := copied(v.object)
	metav1.SetMetaDataAnnotation(&podTemplate(changed).ObjectMeta, releaseAnnotation, v.release)
	NewWithT(t).Expect(v.dev.Patch(t.Context(), changed, client.MergeFrom(v.object))).To(Succeed())
}

func (v *violator) losePods(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	for _, pod := range v.pods(t, g) {
		g.Expect(v.dev.Delete(t.Context(), &pod)).To(Succeed())
	}
}

func (v *violator) evictPods(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	for _, pod := range v.pods(t, g) {
		g.Expect(v.dev.SubResource("eviction").Create(t.Context(), &pod, &policyv1.Eviction{})).To(Succeed())
	}
}
