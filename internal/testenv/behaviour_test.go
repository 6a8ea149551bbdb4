// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/internal/testenv"
)

func TestADeploymentRollsOutAndItsServiceGetsEndpoints(t *testing.T) {
	t.Parallel()
	g, c := NewWithT(t), newClient(t)
	namespace := newNamespace(t, c)
	deployment := testenv.Deployment("shop", namespace, testenv.Replicas(3), testenv.Probed())
	g.Expect(c.Create(t.Context(), deployment)).To(Succeed())
	g.Expect(c.Create(t.Context(), testenv.Service("shop", namespace))).To(Succeed())

	g.Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment)).To(Succeed())
		g.Expect(deployment.Status.AvailableReplicas).To(BeEquivalentTo(3))
		slices := &discoveryv1.EndpointSliceList{}
		g.Expect(c.List(t.Context(), slices, client.InNamespace(namespace))).To(Succeed())
		g.Expect(slices.Items).To(HaveLen(1))
		g.Expect(slices.Items[0].Endpoints).To(HaveEach(HaveField("Conditions.Ready", HaveValue(BeTrue()))))
		g.Expect(slices.Items[0].Endpoints).To(HaveLen(3))
	}).Should(Succeed())
}

func TestAFailingReleaseNeverBecomesAvailable(t *testing.T) {
	t.Parallel()
	g, c := NewWithT(t), newClient(t)
	deployment := testenv.Deployment("shop", newNamespace(t, c), testenv.Image("registry.example/shop:1.2.0-crash-loop"))
	g.Expect(c.Create(t.Context(), deployment)).To(Succeed())

	g.Eventually(func(g Gomega) {
		pods := &corev1.PodList{}
		g.Expect(c.List(t.Context(), pods, client.InNamespace(deployment.Namespace))).To(Succeed())
		g.Expect(pods.Items).To(HaveLen(1))
		g.Expect(pods.Items[0].Status.ContainerStatuses).To(HaveLen(1))
		container := pods.Items[0].Status.ContainerStatuses[0]
		g.Expect(container.State.Waiting).To(HaveValue(HaveField("Reason", "CrashLoopBackOff")))
		g.Expect(container.LastTerminationState.Terminated).To(HaveValue(HaveField("ExitCode", BeEquivalentTo(1))))
		g.Expect(container.RestartCount).To(BeNumerically(">=", 1))
	}).Should(Succeed())
	g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment)).To(Succeed())
	g.Expect(deployment.Status).To(HaveField("AvailableReplicas", BeZero()))
}

func TestAPodBehavesAsItsImagesOrItsAnnotationSay(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	namespace := newNamespace(t, c)
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

	for name, tc := range map[string]struct {
		options []testenv.PodOption
		want    func(Gomega, corev1.PodStatus)
	}{
		"a healthy pod is ready, with an address, a container id and a digest": {
			[]testenv.PodOption{testenv.Probed()},
			func(g Gomega, status corev1.PodStatus) {
				g.Expect(ready(status)).To(BeTrue())
				g.Expect(status.PodIP).NotTo(BeEmpty())
				g.Expect(status.StartTime).NotTo(BeNil())
				container := status.ContainerStatuses[0]
				g.Expect(container.ImageID).To(MatchRegexp(`^registry\.example/pod-\d+@sha256:[0-9a-f]{64}$`))
				g.Expect(container.ContainerID).To(MatchRegexp(`^containerd://[0-9a-f]{64}$`))
				g.Expect(container.Started).To(HaveValue(BeTrue()))
			},
		},
		"an image that is named by digest has that digest": {
			[]testenv.PodOption{testenv.Image("registry.example:5000/shop:1.0@" + digest)},
			func(g Gomega, status corev1.PodStatus) {
				g.Expect(status.ContainerStatuses[0].ImageID).To(Equal("registry.example:5000/shop@" + digest))
			},
		},
		"a behaviour in the tag is found before a digest": {
			[]testenv.PodOption{testenv.Image("registry.example/shop:never-ready@" + digest)},
			func(g Gomega, status corev1.PodStatus) {
				g.Expect(status.Phase).To(Equal(corev1.PodRunning))
				g.Expect(ready(status)).To(BeFalse())
			},
		},
		"the annotation wins over the image": {
			[]testenv.PodOption{testenv.Image("registry.example/shop:crash-loop"), testenv.Behaves(testenv.Healthy)},
			func(g Gomega, status corev1.PodStatus) { g.Expect(ready(status)).To(BeTrue()) },
		},
		"a behaviour in the middle of a name means nothing": {
			[]testenv.PodOption{testenv.Image("registry.example/slow-cooker:1.0")},
			func(g Gomega, status corev1.PodStatus) { g.Expect(ready(status)).To(BeTrue()) },
		},
		"an image that cannot be pulled keeps the pod pending": {
			[]testenv.PodOption{testenv.Behaves(testenv.ImageError)},
			func(g Gomega, status corev1.PodStatus) {
				g.Expect(status.Phase).To(Equal(corev1.PodPending))
				g.Expect(status.ContainerStatuses[0].State.Waiting).To(HaveValue(HaveField("Reason", "ImagePullBackOff")))
			},
		},
		"a registry that does not answer is named by its time-out": {
			[]testenv.PodOption{testenv.Image("registry.example/shop:1.2.0-registry-outage")},
			func(g Gomega, status corev1.PodStatus) {
				g.Expect(status.ContainerStatuses[0].State.Waiting).To(HaveValue(And(
					HaveField("Reason", "ImagePullBackOff"), HaveField("Message", ContainSubstring("i/o timeout")))))
			},
		},
		"configuration that does not exist keeps the pod pending": {
			[]testenv.PodOption{testenv.Image("registry.example/shop:1.2.0-config-error")},
			func(g Gomega, status corev1.PodStatus) {
				g.Expect(status.Phase).To(Equal(corev1.PodPending))
				g.Expect(status.ContainerStatuses[0].State.Waiting).To(HaveValue(HaveField("Reason", "CreateContainerConfigError")))
			},
		},
		"a tag names another image for the pod that says so": {
			[]testenv.PodOption{func(t *corev1.PodTemplateSpec) {
				metav1.SetMetaDataAnnotation(&t.ObjectMeta, testenv.DigestAnnotation, digest)
			}},
			func(g Gomega, status corev1.PodStatus) {
				g.Expect(status.ContainerStatuses[0].ImageID).To(HaveSuffix("@" + digest))
			},
		},
		"a pod that takes too much memory is killed and backs off": {
			[]testenv.PodOption{testenv.Image("registry.example/shop:1.2.0-out-of-memory")},
			func(g Gomega, status corev1.PodStatus) {
				g.Expect(status.ContainerStatuses[0].State.Waiting).To(HaveValue(HaveField("Reason", "CrashLoopBackOff")))
				g.Expect(status.ContainerStatuses[0].LastTerminationState.Terminated).To(HaveValue(And(
					HaveField("ExitCode", BeEquivalentTo(137)), HaveField("Reason", "OOMKilled"))))
				g.Expect(status.Conditions).To(ContainElement(And(
					HaveField("Type", corev1.PodReady), HaveField("LastTransitionTime", *status.StartTime),
				)), "a pod that has never been ready has not lost it")
			},
		},
		"a sidecar runs on and an ordinary init container has completed": {
			[]testenv.PodOption{func(t *corev1.PodTemplateSpec) {
				t.Spec.InitContainers = []corev1.Container{
					{Name: "prepare", Image: "registry.example/prepare:1"},
					{Name: "sidecar", Image: "registry.example/sidecar:1", RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways)},
				}
			}},
			func(g Gomega, status corev1.PodStatus) {
				g.Expect(ready(status)).To(BeTrue())
				g.Expect(status.InitContainerStatuses[0].State.Terminated).To(HaveValue(HaveField("ExitCode", BeZero())))
				g.Expect(status.InitContainerStatuses[1].State.Running).NotTo(BeNil())
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			pod := testenv.Pod("pod-"+uniqueNumber(), namespace, tc.options...)
			g.Expect(c.Create(t.Context(), pod)).To(Succeed())
			g.Eventually(func(g Gomega) {
				g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(pod), pod)).To(Succeed())
				g.Expect(pod.Status.ContainerStatuses).To(HaveLen(1))
				tc.want(g, pod.Status)
			}).Should(Succeed())
		})
	}
}

func TestASlowPodRunsUnreadyAfterAHealthyOneIsReady(t *testing.T) {
	t.Parallel()
	g, c := NewWithT(t), newClient(t)
	namespace := newNamespace(t, c)
	slow := testenv.Pod("slow", namespace, testenv.Behaves(testenv.Slow))
	healthy := testenv.Pod("healthy", namespace, testenv.Probed())
	g.Expect(c.Create(t.Context(), slow)).To(Succeed())
	g.Expect(c.Create(t.Context(), healthy)).To(Succeed())

	g.Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(healthy), healthy)).To(Succeed())
		g.Expect(ready(healthy.Status)).To(BeTrue())
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(slow), slow)).To(Succeed())
		g.Expect(slow.Status.Phase).To(Equal(corev1.PodRunning))
	}).Should(Succeed())
	g.Expect(ready(slow.Status)).To(BeFalse())
}

func TestARunningPodChangesItsBehaviourWithItsAnnotation(t *testing.T) {
	t.Parallel()
	g, c := NewWithT(t), newClient(t)
	pod := testenv.Pod("shop", newNamespace(t, c), testenv.Probed())
	g.Expect(c.Create(t.Context(), pod)).To(Succeed())
	becomes := func(want bool) {
		t.Helper()
		g.Eventually(func(g Gomega) {
			g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(pod), pod)).To(Succeed())
			g.Expect(ready(pod.Status)).To(Equal(want))
		}).Should(Succeed())
	}
	behave := func(b testenv.Behaviour) {
		t.Helper()
		before := pod.DeepCopy()
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, testenv.BehaviourAnnotation, string(b))
		g.Expect(c.Patch(t.Context(), pod, client.MergeFrom(before))).To(Succeed())
	}

	becomes(true)
	behave(testenv.NeverReady)
	becomes(false)
	behave(testenv.Healthy)
	becomes(true)
	behave(testenv.CrashLoop)
	becomes(false)
	behave(testenv.Healthy)
	becomes(true)
	g.Expect(pod.Status.ContainerStatuses[0].RestartCount).To(BeEquivalentTo(1))
}

func TestAnEvictedPodReportsHowItEndedBeforeItGoes(t *testing.T) {
	t.Parallel()
	g, c := NewWithT(t), newClient(t)
	pod := readyPod(t, c, testenv.Pod("shop", newNamespace(t, c)))
	end := watchEnd(t, c, pod)
	g.Expect(c.SubResource("eviction").Create(t.Context(), pod, &policyv1.Eviction{})).To(Succeed())

	last := end()
	g.Expect(last.Status.Conditions).To(ContainElement(And(
		HaveField("Type", corev1.DisruptionTarget), HaveField("Reason", "EvictionByEvictionAPI"))))
	g.Expect(last.Status.ContainerStatuses[0].State.Terminated).To(HaveValue(HaveField("ExitCode", BeZero())))
}

func TestAPodThatIgnoresSigtermIsKilledAtTheEndOfItsGracePeriod(t *testing.T) {
	t.Parallel()
	g, c := NewWithT(t), newClient(t)
	pod := readyPod(t, c, testenv.Pod("shop", newNamespace(t, c), testenv.GracePeriod(2), testenv.Behaves(testenv.IgnoreTerm)))
	end := watchEnd(t, c, pod)
	g.Expect(c.Delete(t.Context(), pod)).To(Succeed())

	last := end()
	terminated := last.Status.ContainerStatuses[0].State.Terminated
	g.Expect(terminated).To(HaveValue(HaveField("ExitCode", BeEquivalentTo(137))))
	// Times in a status are whole seconds; the deletion timestamp includes the grace period.
	g.Expect(terminated.FinishedAt.Time).To(BeTemporally("~", last.DeletionTimestamp.Time, time.Second))
}

func TestThePodOfAJobCompletesOrFails(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	namespace := newNamespace(t, c)
	for name, tc := range map[string]struct {
		behaviour testenv.Behaviour
		want      batchv1.JobConditionType
	}{
		"completes when healthy":  {testenv.Healthy, batchv1.JobComplete},
		"fails when it may crash": {testenv.CrashLoop, batchv1.JobFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			template := testenv.Deployment("task", namespace, testenv.Behaves(tc.behaviour)).Spec.Template
			template.Spec.RestartPolicy = corev1.RestartPolicyNever
			job := &batchv1.Job{
				ObjectMeta: metav1.ObjectMeta{Name: "task-" + string(tc.behaviour), Namespace: namespace},
				Spec:       batchv1.JobSpec{BackoffLimit: ptr.To[int32](0), Template: template},
			}
			g.Expect(c.Create(t.Context(), job)).To(Succeed())
			g.Eventually(func(g Gomega) {
				g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(job), job)).To(Succeed())
				g.Expect(job.Status.Conditions).To(ContainElement(HaveField("Type", tc.want)))
			}).Should(Succeed())
		})
	}
}

// ready says what the Pod's Ready condition says.
func ready(status corev1.PodStatus) bool {
	for _, condition := range status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// readyPod creates the Pod and waits until it is ready.
func readyPod(t *testing.T, c client.Client, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	g := NewWithT(t)
	g.Expect(c.Create(t.Context(), pod)).To(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(pod), pod)).To(Succeed())
		g.Expect(ready(pod.Status)).To(BeTrue())
	}).Should(Succeed())
	return pod
}

// watchEnd watches the Pod from now on. The function that it returns waits until the Pod is
// gone and returns the last state that a watcher saw before.
func watchEnd(t *testing.T, c client.WithWatch, pod *corev1.Pod) func() *corev1.Pod {
	t.Helper()
	g := NewWithT(t)
	watcher, err := c.Watch(t.Context(), &corev1.PodList{}, client.InNamespace(pod.Namespace))
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(watcher.Stop)
	return func() *corev1.Pod {
		t.Helper()
		var last *corev1.Pod
		for deadline := time.After(30 * time.Second); ; {
			select {
			case event := <-watcher.ResultChan():
				if event.Type == watch.Deleted {
					return last
				}
				last = event.Object.(*corev1.Pod)
			case <-deadline:
				t.Fatalf("pod %s was not removed, its last status was %+v", pod.Name, last.Status)
			}
		}
	}
}

// replicaSetOf is a ReplicaSet as a person would write it by hand.
func replicaSetOf(d *appsv1.Deployment) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{GenerateName: d.Name + "-", Namespace: d.Namespace},
		Spec:       appsv1.ReplicaSetSpec{Selector: d.Spec.Selector, Template: d.Spec.Template},
	}
}
