// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func TestOwnerOf(t *testing.T) {
	by := func(apiVersion, kind string) *metav1.OwnerReference {
		return &metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: "above", Controller: ptr.To(true)}
	}
	for name, c := range map[string]struct {
		owner *metav1.OwnerReference
		owned bool
	}{
		"nothing controls a top":                           {nil, false},
		"a Deployment owns":                                {by("apps/v1", "Deployment"), true},
		"an older version of its kind owns as well":        {by("apps/v1beta1", "Deployment"), true},
		"the core group has no name":                       {by("v1", "ReplicationController"), true},
		"a custom resource owns nothing that is evidence":  {by("monitoring.coreos.com/v1", "Prometheus"), false},
		"another project's StatefulSet is not Kubernetes'": {by("apps.kruise.io/v1beta1", "StatefulSet"), false},
		"a Node is no workload":                            {by("v1", "Node"), false},
		"a version that cannot be read is of no group":     {by("apps/v1/x", "Deployment"), false},
		"an owner that does not control owns no evidence":  {&metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "above"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			object := &appsv1.ReplicaSet{}
			if c.owner != nil {
				object.OwnerReferences = []metav1.OwnerReference{*c.owner}
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
