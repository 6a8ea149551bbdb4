// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// sequential is a look at a StatefulSet that replaces one pod after the other.
func sequential(pods ...workload.Pod) Snapshot {
	s := deployment(3, pods...)
	s.Workload.Kind = v1alpha1.KindStatefulSet
	s.Workload.Strategy = appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType}
	return s
}

func TestARolloutThatNobodyGivesUpHasADeadline(t *testing.T) {
	quick := v1alpha1.Evidence{StartSeconds: []int32{2, 3, 2}}
	slow := v1alpha1.Evidence{StartSeconds: []int32{900}}
	crashed := crashedPod(10, 4)
	ran := func(p workload.Pod, from, to int) workload.Pod {
		p.Containers = append([]workload.Container(nil), p.Containers...)
		p.Containers[0].LastExit = &workload.Exit{Code: 1, Started: after(from), Finished: after(to)}
		return p
	}
	made := func(p workload.Pod, at int) workload.Pod { p.Created = after(at); return p }
	other := crashed
	other.TemplateHash = "hash-0"
	sick := sequential(crashed)
	sick.NodeTrouble = map[string]string{"node-1": "node is not ready"}
	unobserved := sequential(crashed)
	unobserved.Workload.Rollout.Observed = false
	agent := sequential(crashed)
	agent.Workload.Kind, agent.Workload.Strategy = v1alpha1.KindDaemonSet, appsv1.DaemonSetUpdateStrategy{}

	for _, c := range []struct {
		name    string
		look    Snapshot
		known   v1alpha1.Evidence
		settled bool
		// at is in seconds after noon; 0 for no deadline.
		at int
	}{
		{"a start is usually quick", sequential(crashed), quick, false, 150},
		{"the same for a DaemonSet", agent, quick, false, 150},
		{"what is usual is not known", sequential(crashed), v1alpha1.Evidence{}, false, 600},
		{"a start usually takes a minute", sequential(crashed), v1alpha1.Evidence{StartSeconds: []int32{60}}, false, 600},
		{"a start usually takes longer than a Deployment would wait", sequential(startedPod("a", 0, 5)), slow, false, 1800},
		{"the pod was made later", sequential(made(crashed, 40)), quick, false, 190},
		{"another pod became ready", sequential(readyPod("b", 0, 1, 60), made(crashed, 40)), quick, false, 210},
		{"a pod is not ready any more", sequential(unready(startedPod("a", 0, 1), 500)), quick, false, 650},
		{"a pod that crashes is ready for a moment between two crashes", sequential(unready(ran(crashed, 98, 100), 100)), quick, false, 150},
		{"a pod ran for an hour before it crashed", sequential(ran(crashed, 0, 3600)), quick, false, 3750},
		{"when the instance that crashed began is not known", sequential(crashedPod(3600, 1)), quick, false, 150},
		{"an old pod takes its time to end", sequential(crashed, departing(oldPod("b"), 70)), quick, false, 250},
		{"all pods are ready", sequential(readyPod("a", 0, 1, 2)), quick, false, 0},
		{"only a pod of another revision fails", sequential(other), quick, false, 0},
		{"its node is in trouble", sick, quick, false, 0},
		{"its controller has not seen the revision", unobserved, quick, false, 0},
		{"the rollout was complete before", sequential(crashed), quick, true, 0},
		{"the controller of a Deployment says so itself", deployment(3, crashed), quick, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := time.Time{}
			if c.at > 0 {
				want = after(c.at)
			}
			NewWithT(t).Expect(ProgressDeadline(c.look, c.known, c.settled)).To(Equal(want))
		})
	}
}
