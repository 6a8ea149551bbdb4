// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestPodsThatKeepAStatefulSetFromGoingBack(t *testing.T) {
	const good, bad = "db-good", "db-bad"
	type set = appsv1.StatefulSet
	pod := func(name, revision string, edits ...func(*workload.Pod)) workload.Pod {
		p := workload.Pod{Name: name, TemplateHash: revision, Node: "node-1", Phase: corev1.PodRunning}
		for _, edit := range edits {
			edit(&p)
		}
		return p
	}
	ready := func(p *workload.Pod) { p.Ready = true }
	departing := func(p *workload.Pod) { p.Deleting = time.Unix(1, 0) }
	asItIs := func(*set) {}
	crashing := []workload.Pod{pod("db-0", good, ready), pod("db-1", good, ready), pod("db-2", bad)}

	for _, c := range []struct {
		name   string
		change func(*set)
		pods   []workload.Pod
		stuck  []string
	}{
		{"the pod that failed", asItIs, crashing, []string{"db-2"}},
		{"several, the one that the controller waits for first", asItIs, []workload.Pod{pod("db-10", bad), pod("db-9", bad), pod("db-2", bad)}, []string{"db-2", "db-9", "db-10"}},
		{"one at a time", asItIs, []workload.Pod{pod("db-1", bad), pod("db-2", bad, departing)}, nil},
		{"not one that is ready: the controller replaces it", asItIs, []workload.Pod{pod("db-2", bad, ready)}, nil},
		{"not one that ended: the controller replaces it", asItIs, []workload.Pod{pod("db-2", bad, func(p *workload.Pod) { p.Phase = corev1.PodFailed })}, nil},
		{"one whose container ended a moment ago", asItIs, []workload.Pod{pod("db-2", bad, func(p *workload.Pod) {
			p.Containers = []workload.Container{{Name: "main", Exit: &workload.Exit{Code: 1}}}
		})}, []string{"db-2"}},
		{"not one of a good revision", asItIs, []workload.Pod{pod("db-2", good)}, nil},
		{"not one of another revision", asItIs, []workload.Pod{pod("db-2", "db-other")}, nil},
		{"not on a node in trouble", asItIs, []workload.Pod{pod("db-2", bad, func(p *workload.Pod) { p.Node = "node-2" })}, nil},
		{"not before the controller has acted", func(s *set) { s.Status.ObservedGeneration = 3 }, crashing, nil},
		{"not while the failed revision is the newest", func(s *set) { s.Status.UpdateRevision = bad }, crashing, nil},
		{"not where nothing rolls", func(s *set) { s.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType }, crashing, nil},
		{"not below the partition: it would come back as it is", func(s *set) {
			s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr.To[int32](3)}
		}, crashing, nil},
		{"above the partition", func(s *set) {
			s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr.To[int32](2)}
		}, crashing, []string{"db-2"}},
		{"ordinals that begin later", func(s *set) {
			s.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: 20}
			s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr.To[int32](1)}
		}, []workload.Pod{pod("db-2", bad), pod("db-20", bad), pod("db-21", bad)}, []string{"db-21"}},
		{"not one that is scaled away", func(s *set) { s.Spec.Replicas = ptr.To[int32](2) }, crashing, nil},
		{"not one without an ordinal", asItIs, []workload.Pod{pod("db", bad)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &set{}
			s.Generation, s.Status.ObservedGeneration, s.Status.UpdateRevision = 4, 4, good
			s.Spec.Replicas = ptr.To[int32](11)
			s.Spec.UpdateStrategy.Type = appsv1.RollingUpdateStatefulSetStrategyType
			c.change(s)
			var names []string
			for _, p := range remediation.Stuck(s, c.pods, []string{bad}, map[string]string{"node-2": "node is not ready"}) {
				names = append(names, p.Name)
			}
			NewWithT(t).Expect(names).To(Equal(c.stuck))
		})
	}
}

func TestAPodIsReplacedOnceForEachRollback(t *testing.T) {
	g := NewWithT(t)
	once := remediation.ReplacementID("rollback-1", "db-2")
	g.Expect(remediation.ReplacementID("rollback-1", "db-2")).To(Equal(once))
	g.Expect(remediation.ReplacementID("rollback-2", "db-2")).NotTo(Equal(once))
	g.Expect(remediation.ReplacementID("rollback-1", "db-1")).NotTo(Equal(once))
}
