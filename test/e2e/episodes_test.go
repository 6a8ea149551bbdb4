// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/test/episodes"
)

// The operator learns from what happens exactly what there is to learn.
func TestEveryEpisodeGivesItsTrials(t *testing.T) {
	w := theWorld(t)
	t.Run("together", func(t *testing.T) {
		for _, episode := range episodes.All() {
			if !episode.Alone {
				t.Run(episode.Name, func(t *testing.T) {
					t.Parallel()
					w.play(t, episode)
				})
			}
		}
	})
	for _, episode := range episodes.All() {
		if episode.Alone {
			t.Run(episode.Name, func(t *testing.T) { w.play(t, episode) })
		}
	}
}

// play an episode in an environment of its own.
func (w *world) play(t *testing.T, episode episodes.Episode) {
	t.Helper()
	namespace := w.namespace(t)
	w.enrol(t, namespace, v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Staging, Guardrails: only("image-pinned", "")})
	episode.Play(t, episodes.Scene{Admin: w.admin, Namespace: namespace, Platform: played{}})
}

// played are containers that kwok plays.
type played struct{}

// Behave says so by the tag of the image.
func (played) Behave(template *corev1.PodTemplateSpec, b testenv.Behaviour) {
	template.Spec.Containers[0].Image = "registry.example/shop:1.0.0-" + string(b)
}

// Hang lets the pod alone be never ready, and healthy again.
func (played) Hang(t *testing.T, s episodes.Scene, pod *corev1.Pod) (wake func()) {
	t.Helper()
	annotate(t, s, pod, testenv.BehaviourAnnotation, string(testenv.NeverReady))
	return func() { annotate(t, s, pod, testenv.BehaviourAnnotation, string(testenv.Healthy)) }
}

// Crash lets the pod alone crash, and be healthy before it does so again.
func (played) Crash(t *testing.T, s episodes.Scene, pod *corev1.Pod) {
	t.Helper()
	annotate(t, s, pod, testenv.BehaviourAnnotation, string(testenv.CrashLoop))
	NewWithT(t).Eventually(func(g Gomega) []corev1.ContainerStatus {
		g.Expect(s.Admin.Get(t.Context(), client.ObjectKeyFromObject(pod), pod)).To(Succeed())
		return pod.Status.ContainerStatuses
	}).Should(ContainElement(HaveField("Ready", BeFalse())))
	annotate(t, s, pod, testenv.BehaviourAnnotation, string(testenv.Healthy))
}

// MoveTag tells the pod what it will find.
func (played) MoveTag(t *testing.T, s episodes.Scene, pod *corev1.Pod) {
	t.Helper()
	annotate(t, s, pod, testenv.DigestAnnotation, "sha256:"+strings.Repeat("0123456789abcdef", 4))
}

// annotate a pod.
func annotate(t *testing.T, s episodes.Scene, pod *corev1.Pod, key, value string) {
	t.Helper()
	before := pod.DeepCopy()
	metav1.SetMetaDataAnnotation(&pod.ObjectMeta, key, value)
	NewWithT(t).Expect(s.Admin.Patch(t.Context(), pod, client.MergeFrom(before))).To(Succeed())
}
