// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// deploy creates a Deployment of two replicas by the deployer, stamped as admission does.
func (w *world) deploy(name string, edits ...func(*appsv1.Deployment)) {
	GinkgoHelper()
	deployment := testenv.Deployment(name, w.namespace, testenv.Replicas(2), testenv.Probed())
	for _, edit := range edits {
		edit(deployment)
	}
	deployment.Annotations = with(deployment.Annotations, v1alpha1.AnnotationSpecAuthor, "1:"+deployer)
	Expect(writers[deployer].Create(ctx, deployment)).To(Succeed())
}

// running deploys, and lets all pods become ready.
func (w *world) running(name string, edits ...func(*appsv1.Deployment)) {
	GinkgoHelper()
	w.deploy(name, edits...)
	w.rollOut(name)
	w.look(name)
}

func (w *world) deployment(name string) *appsv1.Deployment {
	GinkgoHelper()
	var deployment appsv1.Deployment
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, &deployment)).To(Succeed())
	return &deployment
}

// change writes the spec of a Deployment as a user, stamped as admission does.
func (w *world) change(name, user string, change func(*appsv1.Deployment)) {
	GinkgoHelper()
	deployment := w.deployment(name)
	change(deployment)
	stamps := deployment.Annotations[v1alpha1.AnnotationSpecAuthor]
	deployment.Annotations = with(deployment.Annotations, v1alpha1.AnnotationSpecAuthor,
		fmt.Sprintf("%s,%d:%s", stamps, deployment.Generation+1, user))
	Expect(writers[user].Update(ctx, deployment, client.FieldOwner(user))).To(Succeed())
}

// labelled gives a Deployment a label.
func labelled(name, value string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Labels = with(d.Labels, name, value) }
}

// setImage sets the image of the only container.
func setImage(image string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = image }
}

// setReplicas scales.
func setReplicas(n int32) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Spec.Replicas = &n }
}

// setEnv sets an environment variable of the only container.
func setEnv(value string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "LOG_LEVEL", Value: value}}
	}
}

// rollOut plays the Deployment controller and the kubelet: all pods are of the newest
// template and ready.
func (w *world) rollOut(name string) {
	GinkgoHelper()
	deployment := w.deployment(name)
	newest := w.replicaSet(deployment)
	have := 0
	for _, pod := range w.podsOf(name) {
		if metav1.IsControlledBy(&pod, newest) {
			w.setReady(&pod)
			have++
			continue
		}
		w.remove(&pod)
	}
	for ; have < int(*deployment.Spec.Replicas); have++ {
		w.setReady(w.newPod(newest))
	}
	w.setStatus(name, *deployment.Spec.Replicas, *deployment.Spec.Replicas)
}

// rollOutCrashing plays a rollout whose first pods crash while the old ones serve.
func (w *world) rollOutCrashing(name string, crashing int) {
	GinkgoHelper()
	deployment := w.deployment(name)
	newest := w.replicaSet(deployment)
	for range crashing {
		w.setCrashed(w.newPod(newest))
	}
	serving := int32(0)
	for _, pod := range w.podsOf(name) {
		if workload.PodFrom(&pod).Ready {
			serving++
		}
	}
	w.setStatus(name, int32(crashing), serving)
}

// setStatus of a Deployment whose controller has seen its newest spec.
func (w *world) setStatus(name string, updated, available int32) {
	GinkgoHelper()
	deployment := w.deployment(name)
	deployment.Status = appsv1.DeploymentStatus{
		ObservedGeneration: deployment.Generation, Replicas: int32(len(w.podsOf(name))),
		UpdatedReplicas: updated, ReadyReplicas: available, AvailableReplicas: available,
	}
	Expect(admin.Status().Update(ctx, deployment)).To(Succeed())
}

// replicaSet of a Deployment's newest template, made if there is none.
func (w *world) replicaSet(deployment *appsv1.Deployment) *appsv1.ReplicaSet {
	GinkgoHelper()
	hash := workload.Digest(deployment.Spec.Template)[:10]
	template := *deployment.Spec.Template.DeepCopy()
	template.Labels = with(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey, hash)
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: deployment.Namespace, Name: deployment.Name + "-" + hash, Labels: template.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(deployment, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec: appsv1.ReplicaSetSpec{Replicas: deployment.Spec.Replicas, Selector: &metav1.LabelSelector{MatchLabels: template.Labels}, Template: template},
	}
	Expect(client.IgnoreAlreadyExists(admin.Create(ctx, rs))).To(Succeed())
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(rs), rs)).To(Succeed())
	return rs
}

// newPod makes a pod of a ReplicaSet, bound to the healthy node.
func (w *world) newPod(rs *appsv1.ReplicaSet) *corev1.Pod {
	GinkgoHelper()
	w.pods++
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: rs.Namespace, Name: fmt.Sprintf("%s-%d", rs.Name, w.pods), Labels: rs.Spec.Template.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(rs, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
		},
		Spec: *rs.Spec.Template.Spec.DeepCopy(),
	}
	pod.Spec.NodeName = healthyNode
	Expect(admin.Create(ctx, pod)).To(Succeed())
	return pod
}

// setReady plays the kubelet of a pod that runs well.
func (w *world) setReady(pod *corev1.Pod) {
	GinkgoHelper()
	if workload.PodFrom(pod).Ready {
		return
	}
	now := metav1.NewTime(w.clock.Now())
	pod.Status = corev1.PodStatus{
		Phase:      corev1.PodRunning,
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: now}},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "main", Ready: true, Started: ptr.To(true), ContainerID: "fake://" + pod.Name, Image: pod.Spec.Containers[0].Image,
			ImageID: "registry.example/shop@sha256:" + fmt.Sprintf("%064d", 1),
			State:   corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		}},
	}
	Expect(admin.Status().Update(ctx, pod)).To(Succeed())
}

// setCrashed plays the kubelet of a pod in a crash loop.
func (w *world) setCrashed(pod *corev1.Pod) {
	GinkgoHelper()
	now := metav1.NewTime(w.clock.Now())
	pod.Status = corev1.PodStatus{
		Phase:      corev1.PodRunning,
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: now}},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "main", RestartCount: 2, ContainerID: "fake://" + pod.Name, Image: pod.Spec.Containers[0].Image,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: 1, Reason: "Error", StartedAt: now, FinishedAt: now,
			}},
		}},
	}
	Expect(admin.Status().Update(ctx, pod)).To(Succeed())
}

// podsOf a Deployment, of all of its revisions.
func (w *world) podsOf(name string) []corev1.Pod {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(admin.List(ctx, &pods, client.InNamespace(w.namespace), client.MatchingLabels{"app": name})).To(Succeed())
	return pods.Items
}

// remove plays the kubelet of a pod that has ended.
func (w *world) remove(pod *corev1.Pod) {
	GinkgoHelper()
	Expect(client.IgnoreNotFound(admin.Delete(ctx, pod, client.GracePeriodSeconds(0)))).To(Succeed())
}
