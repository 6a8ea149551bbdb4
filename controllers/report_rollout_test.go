// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
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
