// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/controllers"
)

// copies is how many objects of a kind are held to find out what one takes.
const copies = 2000

// cacheFigures are what an object takes in the operator's cache, in bytes.
type cacheFigures struct {
	kind string
	// whole as the API server sends it, lean as the operator keeps it.
	whole, lean int
}

// encoded is an API object that informers receive.
type encoded interface {
	client.Object
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

// measureCache asks an API server for objects as they are in a cluster, with all that
// others have written to them, and holds many copies.
func measureCache(ctx context.Context, api client.Client) ([]cacheFigures, error) {
	d, p := deployment("catalogue"), pod("catalogue-5c4f8d7b9-x2x7q")
	if err := errors.Join(applied(ctx, api, d), run(ctx, api, d, p)); err != nil {
		return nil, fmt.Errorf("make what is cached: %w", err)
	}
	var figures []cacheFigures
	for _, of := range []struct {
		kind   string
		object encoded
		empty  func() encoded
	}{
		{"Deployment", d, func() encoded { return &appsv1.Deployment{} }},
		{"Pod of a Deployment", p, func() encoded { return &corev1.Pod{} }},
	} {
		wire, err := of.object.Marshal()
		if err != nil {
			return nil, err
		}
		whole, err := held(wire, of.empty, nil)
		if err != nil {
			return nil, err
		}
		lean, err := held(wire, of.empty, transformOf(of.object))
		if err != nil {
			return nil, err
		}
		figures = append(figures, cacheFigures{of.kind, whole, lean})
	}
	return figures, nil
}

// applied creates a Deployment as kubectl apply does: with the manifest in an annotation.
// Its controller reports on it afterwards.
func applied(ctx context.Context, api client.Client, d *appsv1.Deployment) error {
	manifest, err := json.Marshal(d)
	if err != nil {
		return err
	}
	d.Annotations[corev1.LastAppliedConfigAnnotation] = string(manifest)
	if err := api.Create(ctx, d, client.FieldOwner("kubectl-client-side-apply")); err != nil {
		return err
	}
	now := metav1.Now()
	d.Status = appsv1.DeploymentStatus{
		ObservedGeneration: 1, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable", Message: "Deployment has minimum availability.", LastUpdateTime: now, LastTransitionTime: now},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable", Message: "ReplicaSet has successfully progressed.", LastUpdateTime: now, LastTransitionTime: now},
		},
	}
	return api.Status().Update(ctx, d, client.FieldOwner("kube-controller-manager"))
}

// run creates a pod of the Deployment as its controller does, and reports on it as a
// kubelet does.
func run(ctx context.Context, api client.Client, d *appsv1.Deployment, p *corev1.Pod) error {
	p.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "apps/v1", Kind: "ReplicaSet", Name: d.Name + "-5c4f8d7b9", UID: d.UID, Controller: new(true), BlockOwnerDeletion: new(true),
	}}
	if err := api.Create(ctx, p, client.FieldOwner("kube-controller-manager")); err != nil {
		return err
	}
	now := metav1.NewTime(time.Now())
	p.Status.Phase = corev1.PodRunning
	p.Status.HostIP, p.Status.PodIP, p.Status.StartTime = "10.0.0.7", "10.1.0.7", &now
	for _, t := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled} {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: t, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	for _, c := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: c.Image, ContainerID: "containerd://" + fmt.Sprintf("%064d", 1), Ready: true, Started: new(true),
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	return api.Status().Update(ctx, p, client.FieldOwner("kubelet"))
}

// transformOf is what the operator's cache does to objects of a kind before it keeps them.
func transformOf(object client.Object) toolscache.TransformFunc {
	options := controllers.CacheOptions("rampart-system")
	for of, by := range options.ByObject {
		if reflect.TypeOf(of) == reflect.TypeOf(object) && by.Transform != nil {
			return by.Transform
		}
	}
	return options.DefaultTransform
}

// held is how many bytes an object takes in memory that was decoded and transformed.
func held(wire []byte, empty func() encoded, transform toolscache.TransformFunc) (int, error) {
	kept := make([]any, copies)
	before := heap()
	for i := range kept {
		object := empty()
		if err := object.Unmarshal(wire); err != nil {
			return 0, err
		}
		kept[i] = object
		if transform == nil {
			continue
		}
		transformed, err := transform(object)
		if err != nil {
			return 0, err
		}
		kept[i] = transformed
	}
	bytes := int(heap()-before) / copies
	runtime.KeepAlive(kept)
	return bytes, nil
}
