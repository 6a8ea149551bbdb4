// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Workload is what all workload kinds have in common. It shares memory with the
// object that it was read from and must not be written to.
type Workload struct {
	Kind        v1alpha1.WorkloadKind
	Namespace   string
	Name        string
	UID         string
	Labels      map[string]string
	Annotations map[string]string
	// Generation is the version of the spec.
	Generation int64
	// Created is when the object was made.
	Created time.Time
	// Deleting is true once somebody asked for its deletion.
	Deleting bool
	// Controller names the object that controls this one ("Prometheus main"); empty for none.
	Controller string

	// Template is what its pods are made from. For a bare Pod it is the Pod itself.
	Template corev1.PodTemplateSpec
	// Run is what each Job of a CronJob is made from; empty for the other kinds.
	Run batchv1.JobSpec
	// Replicas is how many pods it should keep running; 0 for what runs to completion.
	// A DaemonSet wants as many as its status says.
	Replicas int32
	// MaxUnavailable is how many of them a rollout may take away at once.
	MaxUnavailable int32
	// Strategy is the part of the spec that says how pods are replaced.
	Strategy any
	// Paused is true when its rollouts are held by a person.
	Paused bool
	// Rollout is how the current revision's rollout goes.
	Rollout Rollout
}

// From reads a workload. False means that the object is not of a workload kind.
func From(object Object) (Workload, bool) {
	w := Workload{
		Namespace:   object.GetNamespace(),
		Name:        object.GetName(),
		UID:         string(object.GetUID()),
		Labels:      object.GetLabels(),
		Annotations: object.GetAnnotations(),
		Generation:  object.GetGeneration(),
		Created:     object.GetCreationTimestamp().Time,
		Deleting:    object.GetDeletionTimestamp() != nil,
		Controller:  controllerOf(object),
	}
	switch o := object.(type) {
	case *appsv1.Deployment:
		w.Kind, w.Template, w.Replicas = v1alpha1.KindDeployment, o.Spec.Template, ptr.Deref(o.Spec.Replicas, 1)
		w.Strategy, w.Paused = o.Spec.Strategy, o.Spec.Paused
		w.MaxUnavailable = deploymentMaxUnavailable(o)
		w.Rollout = deploymentRollout(o)
	case *appsv1.StatefulSet:
		w.Kind, w.Template, w.Replicas = v1alpha1.KindStatefulSet, o.Spec.Template, ptr.Deref(o.Spec.Replicas, 1)
		w.Strategy = o.Spec.UpdateStrategy
		w.MaxUnavailable = statefulSetMaxUnavailable(o)
		w.Rollout = statefulSetRollout(o)
	case *appsv1.DaemonSet:
		w.Kind, w.Template, w.Replicas = v1alpha1.KindDaemonSet, o.Spec.Template, o.Status.DesiredNumberScheduled
		w.Strategy = o.Spec.UpdateStrategy
		w.MaxUnavailable = daemonSetMaxUnavailable(o)
		w.Rollout = daemonSetRollout(o)
	case *batchv1.CronJob:
		w.Kind, w.Run, w.Template = v1alpha1.KindCronJob, o.Spec.JobTemplate.Spec, o.Spec.JobTemplate.Spec.Template
		w.Paused = ptr.Deref(o.Spec.Suspend, false)
	case *batchv1.Job:
		w.Kind, w.Template = v1alpha1.KindJob, o.Spec.Template
		w.Paused = ptr.Deref(o.Spec.Suspend, false)
	case *appsv1.ReplicaSet:
		w.Kind, w.Template, w.Replicas = v1alpha1.KindReplicaSet, o.Spec.Template, ptr.Deref(o.Spec.Replicas, 1)
		w.Rollout = replicasRollout(o.Generation, o.Status.ObservedGeneration, w.Replicas, o.Status.ReadyReplicas, o.Status.AvailableReplicas)
	case *corev1.ReplicationController:
		w.Kind, w.Replicas = v1alpha1.KindReplicationController, ptr.Deref(o.Spec.Replicas, 1)
		w.Template = ptr.Deref(o.Spec.Template, corev1.PodTemplateSpec{})
		w.Rollout = replicasRollout(o.Generation, o.Status.ObservedGeneration, w.Replicas, o.Status.ReadyReplicas, o.Status.AvailableReplicas)
	case *corev1.Pod:
		w.Kind, w.Replicas = v1alpha1.KindPod, 1
		w.Template = corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec}
		ready := int32(0)
		if PodFrom(o).Ready {
			ready = 1
		}
		w.Rollout = replicasRollout(0, 0, 1, ready, ready)
	default:
		return Workload{}, false
	}
	return w, true
}

// Progressing says whether the kind replaces its pods by rolling a new revision out.
func (w Workload) Progressing() bool {
	switch w.Kind {
	case v1alpha1.KindDeployment, v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet:
		return true
	default:
		return false
	}
}

// Replaces says whether the kind brings a lost pod back.
func (w Workload) Replaces() bool {
	switch w.Kind {
	case v1alpha1.KindPod, v1alpha1.KindJob, v1alpha1.KindCronJob:
		return false
	default:
		return true
	}
}

// HasReadinessProbe says whether every container that could answer says when it is ready.
// One regular container with a probe suffices: the pod is not ready before it is.
func (w Workload) HasReadinessProbe() bool {
	for _, c := range w.Template.Spec.Containers {
		if c.ReadinessProbe != nil {
			return true
		}
	}
	return false
}

// ServedBy says whether one of the services sends traffic to the workload's pods.
func (w Workload) ServedBy(services []*corev1.Service) bool {
	for _, s := range services {
		if len(s.Spec.Selector) > 0 && labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(w.Template.Labels)) {
			return true
		}
	}
	return false
}

// Surges says whether a rollout of it brings a new pod before it takes an old one away, so
// that it never has fewer than it should.
func (w Workload) Surges() bool {
	return w.Kind == v1alpha1.KindDeployment && w.MaxUnavailable == 0 // that is then what both limits come to
}

// SharedVolumes says whether its pods, old and new, write to the same persistent volumes. The
// claims that a StatefulSet makes from templates are not among them: each belongs to one
// replica, whose next pod is made when the one before it is gone.
func (w Workload) SharedVolumes() bool {
	return slices.ContainsFunc(w.Template.Spec.Volumes, func(v corev1.Volume) bool {
		return v.PersistentVolumeClaim != nil && !v.PersistentVolumeClaim.ReadOnly
	})
}

// WritableVolumes says whether its pods keep data that an older revision may not read.
func (w Workload) WritableVolumes() bool {
	return w.Kind == v1alpha1.KindStatefulSet || w.SharedVolumes()
}
