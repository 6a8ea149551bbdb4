// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/test/episodes"
)

// What the operator learns of real containers is what it learns of those that kwok plays.
func TestEpisodesOnARealNode(t *testing.T) {
	if admin == nil {
		t.Skipf("%s is not set: run `make e2e-node NODE=path/to/script`", scriptVariable)
	}
	t.Run("together", func(t *testing.T) {
		for _, episode := range episodes.All() {
			if !episode.Alone {
				t.Run(episode.Name, func(t *testing.T) {
					t.Parallel()
					play(t, episode)
				})
			}
		}
	})
	for _, episode := range episodes.All() {
		if episode.Alone {
			t.Run(episode.Name, func(t *testing.T) { play(t, episode) })
		}
	}
}

// play an episode in an environment of its own, and record it.
func play(t *testing.T, episode episodes.Episode) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: episode.Name}}
	policy := &v1alpha1.EnvironmentPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: episode.Name},
		Spec: v1alpha1.EnvironmentPolicySpec{
			Stage:             v1alpha1.Staging,
			NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: episode.Name}},
		},
	}
	for _, object := range []client.Object{namespace, policy} {
		NewWithT(t).Expect(admin.Create(t.Context(), object)).To(Succeed())
		t.Cleanup(func() { NewWithT(t).Expect(admin.Delete(context.Background(), object)).To(Succeed()) })
	}
	record(t, namespace.Name)
	episode.Play(t, episodes.Scene{Admin: admin, Namespace: namespace.Name, Platform: containers{}})
}
