// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestAnObjectLeadsToTheHighestWorkloadAboveIt(t *testing.T) {
	under := func(apiVersion, kind, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "shop", OwnerReferences: []metav1.OwnerReference{
			{APIVersion: apiVersion, Kind: kind, Name: name, Controller: ptr.To(true)},
		}}
	}
	named := func(name string, meta metav1.ObjectMeta) metav1.ObjectMeta {
		meta.Namespace, meta.Name = "shop", name
		return meta
	}
	reports := &ReportReconciler{Client: fake.NewClientBuilder().WithScheme(Scheme()).WithObjects(
		&appsv1.Deployment{ObjectMeta: named("free", metav1.ObjectMeta{})},
		&appsv1.ReplicaSet{ObjectMeta: named("free-1", under("apps/v1", "Deployment", "free"))},
		&appsv1.Deployment{ObjectMeta: named("held", under("example.com/v1", "Canary", "held"))},
		&appsv1.ReplicaSet{ObjectMeta: named("held-1", under("apps/v1", "Deployment", "held"))},
		&appsv1.ReplicaSet{ObjectMeta: named("rolled-1", under("argoproj.io/v1alpha1", "Rollout", "rolled"))},
		&appsv1.ReplicaSet{ObjectMeta: named("round-1", under("apps/v1", "ReplicaSet", "round-2"))},
		&appsv1.ReplicaSet{ObjectMeta: named("round-2", under("apps/v1", "ReplicaSet", "round-1"))},
	).Build()}

	for name, c := range map[string]struct {
		object client.Object
		want   []Key
	}{
		"a bare pod is its own": {
			&corev1.Pod{ObjectMeta: named("one", metav1.ObjectMeta{})}, []Key{{v1alpha1.KindPod, "shop", "one"}},
		},
		"a Deployment's pod is the Deployment's": {
			&corev1.Pod{ObjectMeta: under("apps/v1", "ReplicaSet", "free-1")}, []Key{{v1alpha1.KindDeployment, "shop", "free"}},
		},
		"what controls the Deployment cannot be read": {
			&corev1.Pod{ObjectMeta: under("apps/v1", "ReplicaSet", "held-1")}, []Key{{v1alpha1.KindDeployment, "shop", "held"}},
		},
		"nor what controls a ReplicaSet": {
			&corev1.Pod{ObjectMeta: under("apps/v1", "ReplicaSet", "rolled-1")}, []Key{{v1alpha1.KindReplicaSet, "shop", "rolled-1"}},
		},
		"another project's StatefulSet is none of Kubernetes'": {
			&corev1.Pod{ObjectMeta: named("db-0", under("apps.kruise.io/v1", "StatefulSet", "db"))}, []Key{{v1alpha1.KindPod, "shop", "db-0"}},
		},
		"an owner that is gone leads nowhere": {&corev1.Pod{ObjectMeta: under("batch/v1", "Job", "gone")}, nil},
		"owners that people wrote in a circle lead to the first": {
			&corev1.Pod{ObjectMeta: under("apps/v1", "ReplicaSet", "round-1")}, []Key{{v1alpha1.KindReplicaSet, "shop", "round-1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(reports.keyOf(t.Context(), c.object)).To(Equal(c.want))
		})
	}
}

func TestATestJobLeadsToWhatItTestsAndToItself(t *testing.T) {
	g := NewWithT(t)
	reports := &ReportReconciler{Client: fake.NewClientBuilder().WithScheme(Scheme()).Build()}
	smoke := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "smoke", Labels: map[string]string{v1alpha1.LabelTests: "StatefulSet.db"}}}
	g.Expect(reports.keysOfJob(t.Context(), smoke)).To(Equal([]Key{{v1alpha1.KindJob, "shop", "smoke"}, {v1alpha1.KindStatefulSet, "shop", "db"}}))
	smoke.Labels = nil
	g.Expect(reports.keysOfJob(t.Context(), smoke)).To(Equal([]Key{{v1alpha1.KindJob, "shop", "smoke"}}))
}
