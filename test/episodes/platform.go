// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package episodes

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/internal/testenv"
)

// Platform is what the containers of an episode run on.
type Platform interface {
	// Behave makes pods of the template behave so. The template has one container, with a
	// readiness probe.
	Behave(template *corev1.PodTemplateSpec, b testenv.Behaviour)

	// Hang keeps a running pod from answering its readiness probe, until wake is called.
	Hang(t *testing.T, s Scene, pod *corev1.Pod) (wake func())

	// Crash ends the container of a running pod once, with an error.
	Crash(t *testing.T, s Scene, pod *corev1.Pod)

	// MoveTag lets the tag of the image of a pod that has no node yet name another image. No
	// other episode may play at the same time.
	MoveTag(t *testing.T, s Scene, pod *corev1.Pod)
}
