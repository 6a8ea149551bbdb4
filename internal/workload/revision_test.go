// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestRevision(t *testing.T) {
	container := func(change func(*corev1.Container)) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) { change(&d.Spec.Template.Spec.Containers[0]) }
	}
	template := func(change func(*corev1.PodTemplateSpec)) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) { change(&d.Spec.Template) }
	}
	same := func(*appsv1.Deployment) {}
	type parts struct{ content, starting, recovering, stopping bool }
	for _, test := range []struct {
		name                  string
		change                func(*appsv1.Deployment)
		configuration, images string
		// cause is empty where it is no other revision.
		cause   v1alpha1.RevisionCause
		differs parts
	}{
		{"replicas are no revision", func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To(int32(9)) }, "c", "", "", parts{}},
		{"a restart is no revision", template(func(p *corev1.PodTemplateSpec) {
			p.Annotations = map[string]string{workload.AnnotationRestartedAt: "now"}
		}), "c", "", "", parts{}},
		{"another annotation of the template is one", template(func(p *corev1.PodTemplateSpec) {
			p.Annotations = map[string]string{"config/checksum": "2"}
		}), "c", "", v1alpha1.CauseTemplate, parts{}},
		{"an image is one", container(func(c *corev1.Container) { c.Image = "registry.example/shop:2" }),
			"c", "", v1alpha1.CauseTemplate, parts{content: true}},
		{"another Secret of the template is one", container(func(c *corev1.Container) {
			c.EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "b"}}}}
		}), "c", "", v1alpha1.CauseTemplate, parts{content: true}},
		{"a probe changes how it starts and recovers", container(func(c *corev1.Container) { c.ReadinessProbe.PeriodSeconds = 1 }),
			"c", "", v1alpha1.CauseTemplate, parts{content: true, starting: true, recovering: true}},
		{"a hook changes how it stops", container(func(c *corev1.Container) { c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{}} }),
			"c", "", v1alpha1.CauseTemplate, parts{content: true, stopping: true}},
		{"the grace period changes how it stops", template(func(p *corev1.PodTemplateSpec) {
			p.Spec.TerminationGracePeriodSeconds = ptr.To(int64(5))
		}), "c", "", v1alpha1.CauseTemplate, parts{stopping: true}},
		{"the strategy changes how it recovers, and is a revision by itself", func(d *appsv1.Deployment) {
			d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
		}, "c", "", v1alpha1.CauseStrategy, parts{recovering: true}},
		{"a ConfigMap is one by itself", same, "c2", "", v1alpha1.CauseConfigMaps, parts{}},
		{"so is a tag that moved", same, "c", "i", v1alpha1.CauseImages, parts{}},
		{"a template with its ConfigMaps is one of the template", container(func(c *corev1.Container) { c.Image = "registry.example/shop:2" }),
			"c2", "", v1alpha1.CauseTemplate, parts{content: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			was, is := view(t, deployment()), view(t, deployment(test.change))
			before, now := was.Mechanism("c", ""), is.Mechanism(test.configuration, test.images)
			hash := was.RevisionHash(before)
			if test.cause == "" {
				g.Expect(is.RevisionHash(now)).To(Equal(hash))
			} else {
				g.Expect(is.RevisionHash(now)).NotTo(Equal(hash))
				g.Expect(is.CauseOf(now, hash, before)).To(Equal(test.cause))
			}
			g.Expect(parts{
				content: now.Content != before.Content, starting: now.Starting != before.Starting,
				recovering: now.Recovering != before.Recovering, stopping: now.Stopping != before.Stopping,
			}).To(Equal(test.differs))
		})
	}
}

func TestMovingThePartitionOfAStatefulSetIsNoRevision(t *testing.T) {
	g := NewWithT(t)
	partitioned := func(partition int32) workload.Workload {
		return view(t, &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{UpdateStrategy: appsv1.StatefulSetUpdateStrategy{
			Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition},
		}}})
	}
	from, to := partitioned(2), partitioned(0)
	g.Expect(to.RevisionHash(to.Mechanism("", ""))).To(Equal(from.RevisionHash(from.Mechanism("", ""))))
	g.Expect(*from.Strategy.(appsv1.StatefulSetUpdateStrategy).RollingUpdate.Partition).To(BeEquivalentTo(2), "the strategy itself is not written to")
}

func TestABarePodIsOnlyWhatItsContainersRun(t *testing.T) {
	g := NewWithT(t)
	pod := func(label, image string) workload.Workload {
		p := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: image}}}}
		p.Labels = map[string]string{"seen": label}
		return view(t, p)
	}
	hash := func(w workload.Workload, configuration string) string {
		return w.RevisionHash(w.Mechanism(configuration, ""))
	}
	g.Expect(hash(pod("b", "i"), "c")).To(Equal(hash(pod("a", "i"), "c")))
	g.Expect(hash(pod("a", "j"), "c")).NotTo(Equal(hash(pod("a", "i"), "c")))
	g.Expect(hash(pod("a", "i"), "d")).NotTo(Equal(hash(pod("a", "i"), "c")))
}
