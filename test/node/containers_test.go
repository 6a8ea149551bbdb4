// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/test/episodes"
)

const (
	// image is the server that the script loads. Environment variables say how it behaves.
	image = "local/app:1"
	// otherImage differs from it in its digest alone.
	otherImage = "local/app:2"
	// missingImage is not there.
	missingImage = "local/missing:1"
)

// never is a time in milliseconds that no episode lasts.
const never = "3600000"

// environments of the server, by behaviour.
var environments = map[testenv.Behaviour][]corev1.EnvVar{
	testenv.CrashLoop:   {{Name: "READY_MS", Value: never}, {Name: "EXIT_AFTER_MS", Value: "700"}},
	testenv.NeverReady:  {{Name: "NEVER_READY", Value: "1"}},
	testenv.Slow:        {{Name: "READY_MS", Value: "12000"}},
	testenv.IgnoreTerm:  {{Name: "IGNORE_TERM", Value: "1"}},
	testenv.OutOfMemory: {{Name: "READY_MS", Value: never}, {Name: "LEAK", Value: "1"}},
}

// containers are real ones.
type containers struct{}

// Behave lets the kubelet ask every second whether a pod is ready.
func (containers) Behave(template *corev1.PodTemplateSpec, b testenv.Behaviour) {
	container := &template.Spec.Containers[0]
	container.Image, container.ImagePullPolicy = image, corev1.PullIfNotPresent
	container.Env = slices.Clone(environments[b])
	container.ReadinessProbe.HTTPGet.Path = "/readyz"
	container.ReadinessProbe.PeriodSeconds = 1
	switch b {
	case testenv.ImageError:
		container.Image = missingImage
	case testenv.OutOfMemory:
		container.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("32Mi")}
	}
}

// Hang stops the pod's processes, so that its probe times out.
func (containers) Hang(t *testing.T, _ episodes.Scene, pod *corev1.Pod) (wake func()) {
	t.Helper()
	signal(t, pod, "SIGSTOP")
	return func() { signal(t, pod, "SIGCONT") }
}

// Crash kills the pod's processes.
func (containers) Crash(t *testing.T, _ episodes.Scene, pod *corev1.Pod) {
	t.Helper()
	signal(t, pod, "SIGKILL")
}

// MoveTag lets the tag name the other image until the test ends.
func (containers) MoveTag(t *testing.T, _ episodes.Scene, _ *corev1.Pod) {
	t.Helper()
	node := script(os.Getenv(scriptVariable))
	NewWithT(t).Expect(node.run("load", otherImage)).To(Succeed())
	containerd(t, "images", "tag", "--force", "docker.io/"+otherImage, "docker.io/"+image)
	t.Cleanup(func() { NewWithT(t).Expect(node.run("load", image)).To(Succeed()) })
}

// signal the processes of the pod's container.
func signal(t *testing.T, pod *corev1.Pod, name string) {
	t.Helper()
	id := strings.TrimPrefix(pod.Status.ContainerStatuses[0].ContainerID, "containerd://")
	containerd(t, "tasks", "kill", "--signal", name, id)
}

// containerd asks the node's container runtime for something behind the kubelet's back.
func containerd(t *testing.T, args ...string) {
	t.Helper()
	ctr := strings.Fields(os.Getenv(ctrVariable))
	if len(ctr) == 0 {
		t.Skipf("%s is not set: run `make e2e-node NODE=… CTR=\"ctr --address …/containerd.sock\"`", ctrVariable)
	}
	args = slices.Concat(ctr[1:], []string{"--namespace", "k8s.io"}, args)
	output, err := exec.Command(ctr[0], args...).CombinedOutput()
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), string(output))
}
