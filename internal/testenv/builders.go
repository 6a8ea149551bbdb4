// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// containerPort is where the containers of the builders serve.
const containerPort = 8080

// A DeploymentOption states what is special about a Deployment. A PodOption is one too, and
// speaks of the pod template then.
type DeploymentOption interface {
	applyToDeployment(*appsv1.Deployment)
}

// A PodOption states what is special about a Pod, or about the Pods of a workload.
type PodOption func(*corev1.PodTemplateSpec)

func (o PodOption) applyToDeployment(d *appsv1.Deployment) { o(&d.Spec.Template) }

type deploymentOption func(*appsv1.Deployment)

func (o deploymentOption) applyToDeployment(d *appsv1.Deployment) { o(d) }

// Namespace returns a namespace with the labels.
func Namespace(name string, labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

// Deployment returns a Deployment of one replica whose Pods are labelled app=<name> and run
// one container, main, of the image registry.example/<name>:1.0.0.
func Deployment(name, namespace string, options ...DeploymentOption) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](1),
			Selector: &metav1.LabelSelector{MatchLabels: appLabel(name)},
			Template: template(name),
		},
	}
	for _, option := range options {
		option.applyToDeployment(d)
	}
	return d
}

// Pod returns a bare Pod as Deployment's template would make it.
func Pod(name, namespace string, options ...PodOption) *corev1.Pod {
	t := template(name)
	for _, option := range options {
		option(&t)
	}
	t.Name, t.Namespace = name, namespace
	return &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
}

// Service returns a Service in front of the Pods that are labelled app=<name>.
func Service(name, namespace string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: corev1.ServiceSpec{
			Selector: appLabel(name),
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(containerPort)}},
		},
	}
}

// Replicas sets how many Pods a Deployment wants.
func Replicas(n int32) DeploymentOption {
	return deploymentOption(func(d *appsv1.Deployment) { d.Spec.Replicas = &n })
}

// Image sets the image of the container.
func Image(image string) PodOption {
	return func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image = image }
}

// Behaves sets how kwok plays the Pod, by annotation.
func Behaves(b Behaviour) PodOption {
	return func(t *corev1.PodTemplateSpec) {
		metav1.SetMetaDataAnnotation(&t.ObjectMeta, BehaviourAnnotation, string(b))
	}
}

// Probed gives the container a readiness probe.
func Probed() PodOption {
	return func(t *corev1.PodTemplateSpec) {
		t.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
			HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromInt32(containerPort)},
		}}
	}
}

// GracePeriod sets how many seconds the Pod has to end once it is deleted.
func GracePeriod(seconds int64) PodOption {
	return func(t *corev1.PodTemplateSpec) { t.Spec.TerminationGracePeriodSeconds = &seconds }
}

func template(name string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: appLabel(name)},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "main", Image: "registry.example/" + name + ":1.0.0"}},
		},
	}
}

func appLabel(name string) map[string]string { return map[string]string{"app": name} }
