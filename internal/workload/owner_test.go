// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func TestOwnerOf(t *testing.T) {
	by := func(apiVersion, kind string) *metav1.OwnerReference {
		return &metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: "above", Controller: ptr.To(true)}
	}
	pod, replicaSet, job := &corev1.Pod{}, &appsv1.ReplicaSet{}, &batchv1.Job{}
	for name, c := range map[string]struct {
		object Object
		owner  *metav1.OwnerReference
		owned  bool
	}{
		"nothing controls a top":                               {replicaSet, nil, false},
		"a Deployment makes ReplicaSets":                       {replicaSet, by("apps/v1", "Deployment"), true},
		"an older version of its kind does as well":            {replicaSet, by("apps/v1beta1", "Deployment"), true},
		"a CronJob makes Jobs":                                 {job, by("batch/v1", "CronJob"), true},
		"a ReplicaSet makes Pods":                              {pod, by("apps/v1", "ReplicaSet"), true},
		"a StatefulSet makes Pods":                             {pod, by("apps/v1", "StatefulSet"), true},
		"a DaemonSet makes Pods":                               {pod, by("apps/v1", "DaemonSet"), true},
		"a Job makes Pods":                                     {pod, by("batch/v1", "Job"), true},
		"the core group has no name":                           {pod, by("v1", "ReplicationController"), true},
		"a Deployment makes no Pods":                           {pod, by("apps/v1", "Deployment"), false},
		"a Deployment makes no Jobs":                           {job, by("apps/v1", "Deployment"), false},
		"a ReplicaSet makes no ReplicaSets":                    {replicaSet, by("apps/v1", "ReplicaSet"), false},
		"no Deployment is below another one, whatever it says": {&appsv1.Deployment{}, by("apps/v1", "Deployment"), false},
		"nor a StatefulSet":                                    {&appsv1.StatefulSet{}, by("apps/v1", "Deployment"), false},
		"nor a DaemonSet":                                      {&appsv1.DaemonSet{}, by("apps/v1", "DaemonSet"), false},
		"nor a CronJob":                                        {&batchv1.CronJob{}, by("batch/v1", "CronJob"), false},
		"nor a ReplicationController":                          {&corev1.ReplicationController{}, by("apps/v1", "Deployment"), false},
		"a custom resource owns nothing that is evidence":      {pod, by("monitoring.coreos.com/v1", "Prometheus"), false},
		"another project's StatefulSet is not Kubernetes'":     {pod, by("apps.kruise.io/v1beta1", "StatefulSet"), false},
		"a Node is no workload":                                {pod, by("v1", "Node"), false},
		"a version that cannot be read is of no group":         {replicaSet, by("apps/v1/x", "Deployment"), false},
		"an owner that does not control owns no evidence":      {replicaSet, &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "above"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			object := c.object.DeepCopyObject().(Object)
			if c.owner != nil {
				object.SetOwnerReferences([]metav1.OwnerReference{*c.owner})
			}
			g.Expect(OwnerOf(object) != nil).To(Equal(c.owned))
		})
	}
}

func TestAWorkloadNamesWhatControlsIt(t *testing.T) {
	g := NewWithT(t)
	object := &appsv1.StatefulSet{}
	free, _ := From(object)
	object.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "monitoring.coreos.com/v1", Kind: "Prometheus", Name: "main", Controller: ptr.To(true),
	}}
	controlled, _ := From(object)
	g.Expect(free.Controller).To(BeEmpty())
	g.Expect(controlled.Controller).To(Equal("Prometheus main"))
}
