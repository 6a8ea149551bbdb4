// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"testing"

	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

func labelled(labels map[string]string) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "smoke", Labels: labels}}
}

func TestAJobNamesWhatItTests(t *testing.T) {
	all := []v1alpha1.WorkloadKind{v1alpha1.KindDeployment, v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet}
	for label, want := range map[string]struct {
		kinds []v1alpha1.WorkloadKind
		name  string
	}{
		"":                 {nil, ""},
		"shop":             {all, "shop"},
		"StatefulSet.shop": {all[1:2], "shop"},
		"shop.v2":          {all, "shop.v2"},
		"CronJob.shop":     {all, "CronJob.shop"}, // no object has such a name
	} {
		t.Run("label "+label, func(t *testing.T) {
			g := NewWithT(t)
			kinds, name := workload.Tested(labelled(map[string]string{v1alpha1.LabelTests: label}))
			g.Expect(kinds).To(Equal(want.kinds))
			g.Expect(name).To(Equal(want.name))
			for _, kind := range kinds {
				g.Expect(workload.TestLabels(kind, name)).To(ContainElement(label), "the workload finds the Job by the same label")
			}
		})
	}
	NewWithT(t).Expect(workload.TestLabels(v1alpha1.KindCronJob, "shop")).To(BeEmpty())
}

func TestAQualityThatDoesNotExistIsNone(t *testing.T) {
	g := NewWithT(t)
	g.Expect(workload.TestJobFrom(labelled(map[string]string{v1alpha1.LabelQuality: "SafeFailure"})).Quality).To(Equal(v1alpha1.SafeFailure))
	g.Expect(workload.TestJobFrom(labelled(map[string]string{v1alpha1.LabelQuality: "Speed"})).Quality).To(BeEmpty())
}
