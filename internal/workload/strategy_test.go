// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
)

func TestOnDeleteLeavesTheReplacementOfPodsToPeople(t *testing.T) {
	for name, c := range map[string]struct {
		object Object
		want   bool
	}{
		"a StatefulSet that rolls": {&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{
			UpdateStrategy: appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType}}}, false},
		"a StatefulSet that does not": {&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{
			UpdateStrategy: appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}}}, true},
		"a DaemonSet that rolls": {&appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType}}}, false},
		"a DaemonSet that does not": {&appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}}}, true},
		"a Deployment": {&appsv1.Deployment{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w, known := From(c.object)
			g.Expect(known).To(BeTrue())
			g.Expect(w.ReplacedByHand()).To(Equal(c.want))
		})
	}
}
