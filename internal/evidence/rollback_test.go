// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestRollback(t *testing.T) {
	old := readyPod("o", -900, -890, -880)
	look := func(pods ...workload.Pod) Snapshot {
		s := grown(deployment(2, pods...))
		s.Returned, s.Revision.Number, s.Before = true, 3, after(-60)
		return s
	}
	edit := func(s Snapshot, by func(*Snapshot)) Snapshot { by(&s); return s }
	homeless := waitingPod("b", 1)
	homeless.Unschedulable = true
	paused := edit(look(old), func(s *Snapshot) { s.Workload.Paused = true })
	crashed := crashedPod(20, 1)
	crashed.Created = after(1)

	for name, c := range map[string]struct {
		usual []int32
		looks []at
		want  []string
		open  bool
	}{
		"it is available again in time":             {nil, []at{{1, look(old)}, {30, look(old, readyPod("b", 1, 3, 20))}}, []string{"Rollback Success"}, false},
		"all its pods were still there":             {nil, []at{{1, look(old, readyPod("b", -900, -890, -880))}}, []string{"Rollback Success"}, false},
		"it is not available yet":                   {nil, []at{{1, look(old)}, {299, look(old)}}, nil, true},
		"it has five minutes, however quick it was": {[]int32{10}, []at{{1, look(old)}, {300, look(old, startedPod("b", 1, 3))}}, []string{"Rollback Failure"}, false},
		"or twice its usual time":                   {[]int32{200}, []at{{1, look(old)}, {399, look(old)}}, nil, true},
		"it comes too late":                         {[]int32{10}, []at{{1, look(old)}, {310, look(old, readyPod("b", 1, 3, 305))}}, []string{"Rollback Failure"}, false},
		"nobody looked, and it was in time":         {nil, []at{{1, look(old)}, {9000, look(old, readyPod("b", 1, 3, 20))}}, []string{"Rollback Success"}, false},
		"nobody looked, and it is complete now":     {nil, []at{{1, look(old)}, {9000, look(old, readyPod("b", 1, 3, 8000))}}, []string{"Rollback Censored"}, false},
		"nobody looked, and it is not complete":     {nil, []at{{1, look(old)}, {9000, look(old, startedPod("b", 1, 3))}}, []string{"Rollback Censored"}, false},
		"no node takes its pods":                    {[]int32{10}, []at{{1, look(old)}, {300, look(old, homeless)}}, []string{"Rollback Censored"}, false},
		"what it went back to crashes":              {nil, []at{{1, look(old)}, {21, look(old, crashed)}}, []string{"Rollback Failure"}, false},
		"somebody pauses it":                        {nil, []at{{1, paused}}, []string{"Rollback Censored"}, false},
		"it is a new revision":                      {nil, []at{{1, edit(look(old, old), func(s *Snapshot) { s.Returned = false })}}, nil, false},
		"it brings no new pods":                     {nil, []at{{1, edit(look(old, old), func(s *Snapshot) { s.Kept = true })}}, nil, false},
		"a service without a readiness probe": {nil, []at{{1, edit(look(old, readyPod("b", 1, 3, 3)), func(s *Snapshot) {
			s.Workload.Template.Spec.Containers = []corev1.Container{{Name: "app"}}
		})}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := resume(v1alpha1.Evidence{RolloutSeconds: c.usual}, c.looks...)
			g.Expect(only(e, v1alpha1.TrialRollback)).To(Equal(c.want))
			if c.open {
				g.Expect(openKinds(e)).To(ContainElement(v1alpha1.TrialRollback))
			} else {
				g.Expect(openKinds(e)).NotTo(ContainElement(v1alpha1.TrialRollback))
			}
			g.Expect(Observe(e, c.looks[len(c.looks)-1].look, after(c.looks[len(c.looks)-1].second))).To(Equal(e), "it counts once")
		})
	}
}
