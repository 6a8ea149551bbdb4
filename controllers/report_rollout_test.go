// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestOnlyTheTemplateThatRanIsBroughtBack(t *testing.T) {
	ran := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "shop"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "shop", Image: "shop:1"}}},
	}
	keep := func(change func(*corev1.PodTemplateSpec)) *appsv1.ReplicaSet {
		rs := &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Template: *ran.DeepCopy()}}
		rs.Labels = map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "a"}
		rs.Spec.Template.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = "a"
		change(&rs.Spec.Template)
		return rs
	}
	asItRan := keep(func(*corev1.PodTemplateSpec) {})
	restarted := keep(func(t *corev1.PodTemplateSpec) {
		t.Annotations = map[string]string{workload.AnnotationRestartedAt: "now"}
	})
	planted := keep(func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = "evil:1" })
	digest := workload.TemplateDigest(ran)
	for name, c := range map[string]struct {
		kept    []*appsv1.ReplicaSet
		digest  string
		image   string
		altered bool
	}{
		"as it ran": {[]*appsv1.ReplicaSet{asItRan}, digest, "shop:1", false},
		"restarted": {[]*appsv1.ReplicaSet{restarted}, digest, "shop:1", false},
		"changed":   {[]*appsv1.ReplicaSet{planted}, digest, "evil:1", true},
		"beside one of the same name that somebody made": {[]*appsv1.ReplicaSet{planted, asItRan}, digest, "shop:1", false},
		"kept since nobody wrote digests down":           {[]*appsv1.ReplicaSet{asItRan}, "", "shop:1", false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			l := look{report: &v1alpha1.ReadinessReport{}, replicaSets: c.kept}
			revisions := l.kept([]v1alpha1.RevisionOutcome{{Hash: "good", PodTemplateHash: "a", TemplateDigest: c.digest}, {Hash: "gone", PodTemplateHash: "b"}})
			g.Expect(revisions).To(HaveLen(1))
			g.Expect(revisions[0].Template.Spec.Containers[0].Image).To(Equal(c.image))
			g.Expect(revisions[0].Altered).To(Equal(c.altered))
		})
	}
}

func TestPodsOfTheNewestRevisionAreCountedByHowTheyRunNow(t *testing.T) {
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	ready := func(since time.Duration) workload.Pod {
		return workload.Pod{TemplateHash: "new", Ready: true, ReadySince: noon.Add(-since)}
	}
	restarted := func(pod workload.Pod) workload.Pod {
		pod.Containers = []workload.Container{{Name: "main", Restarts: 1, LastExit: &workload.Exit{Code: 1}}}
		return pod
	}
	looping := restarted(workload.Pod{TemplateHash: "new", Started: noon.Add(-time.Minute)})
	looping.Containers[0].Waiting = "CrashLoopBackOff"
	unpulled := workload.Pod{
		Name: "shop-1", TemplateHash: "new", Runs: map[string]string{"main": "registry.example/shop:9\x00run"},
		Containers: []workload.Container{{Name: "main", Waiting: "ErrImagePull", WaitingMessage: "not found"}},
	}
	const weeks, usual = 600 * time.Hour, int32(15)
	for _, c := range []struct {
		name  string
		start int32 // seconds that a start usually takes; twice that is usual
		pods  []workload.Pod
		want  remediation.NewPods
	}{
		{"three that restarted weeks ago, one of which crashes now", usual, []workload.Pod{restarted(ready(weeks)), restarted(ready(weeks)), looping}, remediation.NewPods{Total: 3, Crashed: 1, Stable: 2}},
		{"ready for the recovery objective after a crash", usual, []workload.Pod{restarted(ready(5 * time.Minute))}, remediation.NewPods{Total: 1, Stable: 1}},
		{"ready for less than that after a crash", usual, []workload.Pod{restarted(ready(5*time.Minute - time.Second))}, remediation.NewPods{Total: 1, Crashed: 1}},
		{"ready for less than is usual after a crash", 200, []workload.Pod{restarted(ready(5 * time.Minute))}, remediation.NewPods{Total: 1, Crashed: 1}},
		{"ready for as long as is usual, without a crash", usual, []workload.Pod{ready(30 * time.Second)}, remediation.NewPods{Total: 1, Stable: 1}},
		{"ready for less than is usual, without a crash", usual, []workload.Pod{ready(29 * time.Second)}, remediation.NewPods{Total: 1}},
		{"without its image, which is named", usual, []workload.Pod{unpulled}, remediation.NewPods{Total: 1, Waiting: []remediation.Waiting{
			{Pod: "shop-1", Reason: "ErrImagePull", Image: "registry.example/shop:9", Message: "not found"},
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := look{templateHash: "new", pods: c.pods, report: &v1alpha1.ReadinessReport{}}
			l.report.Status.Evidence.StartSeconds = []int32{c.start}
			NewWithT(t).Expect(l.newPods(noon)).To(Equal(c.want))
		})
	}
}
