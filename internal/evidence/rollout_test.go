// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestRollout(t *testing.T) {
	exceeded := deployment(1, startedPod("a", 0, 1))
	exceeded.Workload.Rollout.DeadlineExceeded = true
	homeless := waitingPod("a", 0)
	homeless.Unschedulable = true
	badImage := waitingPod("a", 0)
	badImage.Containers[0].Waiting = "ImagePullBackOff"
	rewritten := deployment(2)
	rewritten.Workload.Rollout.Updated, rewritten.Workload.Rollout.Available, rewritten.Workload.Rollout.Total = 2, 2, 2
	stuckRewritten := deployment(2)
	stuckRewritten.Workload.Rollout.Updated, stuckRewritten.Workload.Rollout.DeadlineExceeded = 2, true
	sick := deployment(1, crashedPod(5, 1))
	sick.NodeTrouble = map[string]string{"node-1": "node is not ready"}
	paused := deployment(1, startedPod("a", 0, 1))
	paused.Workload.Paused = true
	unobserved := deployment(1)
	unobserved.Workload.Rollout.Observed = false

	for name, c := range map[string]struct {
		usual []int32
		looks []at
		want  []string
		open  bool
	}{
		"all pods become available in time": {
			looks: []at{{1, deployment(2)}, {9, deployment(2, readyPod("a", 0, 2, 6), readyPod("b", 0, 2, 8))}},
			want:  []string{"Rollout Success"},
		},
		"a rollout is open while pods are missing": {
			looks: []at{{1, deployment(2)}, {9, deployment(2, readyPod("a", 0, 2, 6))}},
			open:  true,
		},
		"the pull of an image does not count": {
			usual: []int32{10},
			looks: []at{{1, deployment(1, waitingPod("a", 0))}, {300, deployment(1, waitingPod("a", 0))}, {320, deployment(1, readyPod("a", 0, 310, 318))}},
			want:  []string{"Rollout Success"},
		},
		"it takes more than twice the usual time": {
			usual: []int32{40},
			looks: []at{{1, deployment(1, startedPod("a", 0, 1))}, {82, deployment(1, startedPod("a", 0, 1))}},
			want:  []string{"Rollout Failure"},
		},
		"thirty seconds are always allowed": {
			usual: []int32{2},
			looks: []at{{1, deployment(1)}, {29, deployment(1, readyPod("a", 0, 1, 28))}},
			want:  []string{"Rollout Success"},
		},
		"a container crashes": {
			looks: []at{{1, deployment(1)}, {6, deployment(1, crashedPod(5, 1))}},
			want:  []string{"Rollout Failure"},
		},
		"a container crashes on a node in trouble": {
			looks: []at{{1, deployment(1)}, {6, sick}},
			want:  []string{"Rollout Excluded"},
		},
		"its progress deadline passes": {
			looks: []at{{1, deployment(1)}, {600, exceeded}},
			want:  []string{"Rollout Failure"},
		},
		"its image cannot be had": {
			looks: []at{{1, deployment(1, badImage)}, {599, deployment(1, badImage)}, {600, deployment(1, badImage)}, {601, deployment(1, badImage)}},
			want:  []string{"Rollout Failure"},
		},
		"no node takes its pods": {
			looks: []at{{1, deployment(1, homeless)}, {600, deployment(1, homeless)}, {601, deployment(1, homeless)}},
			want:  []string{"Rollout Censored"},
		},
		"a webhook gives its pods other images": {
			usual: []int32{2},
			looks: []at{{1, rewritten}, {29, rewritten}, {30, rewritten}},
			want:  []string{"Rollout Censored"},
		},
		"a webhook gives its pods other images, which do not start": {
			looks: []at{{1, rewritten}, {600, stuckRewritten}},
			want:  []string{"Rollout Censored"},
		},
		"somebody pauses it": {
			looks: []at{{1, deployment(1)}, {6, paused}},
			want:  []string{"Rollout Censored"},
		},
		"it is scaled to zero": {
			looks: []at{{1, deployment(0)}},
			want:  []string{"Rollout Censored"},
		},
		"its controller has not seen it yet": {
			looks: []at{{1, unobserved}},
			open:  true,
		},
		"it was over long before the operator came": {
			looks: []at{{1, grown(deployment(1, readyPod("a", -9000, -8999, -8990)))}},
			want:  []string{"Rollout Censored"},
		},
		"it took place while the operator was away for minutes": {
			looks: []at{{1, grown(deployment(1, readyPod("a", -300, -298, -290)))}},
			want:  []string{"Rollout Success"},
		},
		"nobody looked at its deadline and it is complete now": {
			usual: []int32{10},
			looks: []at{{1, deployment(1)}, {4000, deployment(1, readyPod("a", 0, 1, 3900))}},
			want:  []string{"Rollout Censored"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := resume(v1alpha1.Evidence{RolloutSeconds: c.usual}, c.looks...)
			g.Expect(only(e, v1alpha1.TrialRollout)).To(Equal(c.want))
			if c.open {
				g.Expect(openKinds(e)).To(ContainElement(v1alpha1.TrialRollout))
			} else {
				g.Expect(openKinds(e)).NotTo(ContainElement(v1alpha1.TrialRollout))
			}
		})
	}
}

func TestRolloutOfPodsThatWereThereAlreadyProvesNothing(t *testing.T) {
	rolledBack := grown(deployment(1, readyPod("a", -60, -59, -50)))
	rolledBack.Revision.Number = 3
	rolledBack.Before = after(-20)
	NewWithT(t).Expect(summary(tell(at{1, rolledBack}))).To(Equal([]string{"Rollout Censored"}))
}

func TestAWorkloadThatIsMadeAgainRollsOutAgain(t *testing.T) {
	again := deployment(1, readyPod("b", 5001, 5002, 5009))
	again.Workload.UID, again.Workload.Created = "w2", after(5000)
	e := tell(at{1, deployment(1)}, at{9, deployment(1, readyPod("a", 0, 1, 8))}, at{5010, again})
	NewWithT(t).Expect(only(e, v1alpha1.TrialRollout)).To(Equal([]string{"Rollout Success", "Rollout Success"}))
}

func TestOnDeleteHasNoRollout(t *testing.T) {
	s := deployment(1, startedPod("a", 0, 1))
	s.Workload.Kind = v1alpha1.KindStatefulSet
	s.Workload.Strategy = appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}
	NewWithT(t).Expect(openKinds(tell(at{2, s}))).To(Equal([]v1alpha1.TrialKind{v1alpha1.TrialStart}))
}

func TestWaitingIsTheUnionOfTheTimesInWhichPodsWait(t *testing.T) {
	g := NewWithT(t)
	pods := []seenPod{
		{Pod: startedPod("a", 0, 10)}, {Pod: startedPod("b", 5, 12)}, {Pod: startedPod("c", 20, 25)}, {Pod: waitingPod("d", 24)},
	}
	g.Expect(waiting(pods, noon, after(30))).To(Equal(22 * time.Second))
	g.Expect(waiting(pods, after(8), after(30))).To(Equal(14 * time.Second))
}

// only are the outcomes of one kind.
func only(e v1alpha1.Evidence, kind v1alpha1.TrialKind) []string {
	var all []string
	for _, t := range e.Trials {
		if t.Kind == kind {
			all = append(all, string(t.Kind)+" "+string(t.Outcome))
		}
	}
	return all
}

func TestARolloutBehindAServiceWithoutAReadinessProbeProvesNothing(t *testing.T) {
	g := NewWithT(t)
	probeless := func(s Snapshot) Snapshot {
		s.Workload.Template.Spec.Containers = []corev1.Container{{Name: "app"}}
		return s
	}
	e := tell(at{1, probeless(deployment(1))}, at{9, probeless(deployment(1, readyPod("a", 0, 1, 1)))})
	g.Expect(only(e, v1alpha1.TrialRollout)).To(Equal([]string{"Rollout Censored"}))
	unserved := func(s Snapshot) Snapshot {
		s = probeless(s)
		s.Serving = false
		return s
	}
	e = tell(at{1, unserved(deployment(1))}, at{9, unserved(deployment(1, readyPod("a", 0, 1, 1)))})
	g.Expect(only(e, v1alpha1.TrialRollout)).To(Equal([]string{"Rollout Success"}))
}

func TestARolloutOfPodsThatRunSomethingElseSaysSo(t *testing.T) {
	g := NewWithT(t)
	rewritten := deployment(1)
	rewritten.Workload.Rollout.Updated, rewritten.Workload.Rollout.Total = 1, 1
	e := resume(v1alpha1.Evidence{RolloutSeconds: []int32{2}}, at{1, rewritten}, at{30, rewritten})
	g.Expect(e.Trials[0].Message).To(ContainSubstring("its pods run something else than the template says"))

	open := resume(v1alpha1.Evidence{RolloutSeconds: []int32{2}}, at{1, rewritten})
	g.Expect(only(Supersede(open, rewritten, after(60)), v1alpha1.TrialRollout)).To(Equal([]string{"Rollout Censored"}))
}
