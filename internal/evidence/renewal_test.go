// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// renewedHash is the name of the pods after the restart.
const renewedHash = "hash-2"

// restartOf is a look at a singleton whose rollout a drill restarts at second 99: the new
// pods are named otherwise, the revision is the same.
func restartOf(old workload.Pod, pods ...workload.Pod) Snapshot {
	s := deployment(1, pods...)
	s.Drill = &v1alpha1.Drill{
		Kind: v1alpha1.DrillRestart, Pod: old.Name, PodUID: old.UID, PodTemplateHash: current, Since: metav1.NewTime(after(99)),
	}
	s.Revision.PodTemplateHash = renewedHash
	return settledRollout(s)
}

func renewing(p workload.Pod) workload.Pod {
	p.TemplateHash = renewedHash
	return p
}

func settledSingleton() v1alpha1.Evidence {
	return tell(at{1, deployment(1)}, at{9, deployment(1, readyPod("a", 0, 1, 5))})
}

func TestRenewal(t *testing.T) {
	a, b := readyPod("a", 0, 1, 5), renewing(readyPod("b", 100, 103, 109))
	starting := renewing(startedPod("b", 100, 103))
	homeless := renewing(waitingPod("b", 100))
	homeless.Unschedulable = true
	gone := departing(a, 110)
	notYet := func() Snapshot {
		s := restartOf(a, a)
		s.Revision.PodTemplateHash = current
		return settledRollout(s)
	}()
	deleting := restartOf(a, a, starting)
	deleting.Workload.Deleting = true
	zero := restartOf(a, a)
	zero.Workload.Replicas = 0
	anotherRevision := restartOf(a, b)
	anotherRevision.Revision.Since = metav1.NewTime(after(105))
	ahead, behind := restartOf(a, a, b), restartOf(a, b)
	ahead.Workload.Rollout, behind.Workload.Rollout = behind.Workload.Rollout, ahead.Workload.Rollout
	sick := restartOf(a, a, starting)
	sick.NodeTrouble = map[string]string{"node-1": "node has MemoryPressure"}

	for name, c := range map[string]struct {
		looks []at
		want  []string
	}{
		"the new pod is ready and the old one goes": {
			[]at{{101, restartOf(a, a, starting)}, {110, restartOf(a, gone, b)}}, []string{"Renewal Success"},
		},
		"the new pod is ready and the old one stays": {
			[]at{{101, restartOf(a, a, starting)}, {110, restartOf(a, a, b)}}, nil,
		},
		"the Deployment is complete before the old pod is seen to go": {
			[]at{{101, restartOf(a, a, starting)}, {110, ahead}}, nil,
		},
		"the pods are replaced before the Deployment is complete": {
			[]at{{101, restartOf(a, a, starting)}, {110, behind}}, nil,
		},
		"the restart does not show yet": {
			[]at{{99, notYet}}, nil,
		},
		"somebody takes the restart back": {
			[]at{{101, restartOf(a, a, starting)}, {104, notYet}}, []string{"Renewal Censored"},
		},
		"the new pod is never ready": {
			[]at{{101, restartOf(a, a, starting)}, {399, restartOf(a, a, starting)}}, []string{"Renewal Failure"},
		},
		"the new pod is on a node in trouble": {
			[]at{{101, restartOf(a, a, starting)}, {399, sick}}, []string{"Renewal Excluded"},
		},
		"no node takes the new pod": {
			[]at{{101, restartOf(a, a, homeless)}, {399, restartOf(a, a, homeless)}}, []string{"Renewal Censored"},
		},
		"it was in time though nobody looked for an hour": {
			[]at{{101, restartOf(a, a, starting)}, {3700, restartOf(a, b)}}, []string{"Renewal Success"},
		},
		"nobody looked for an hour and it is ready now": {
			[]at{{101, restartOf(a, a, starting)}, {3700, restartOf(a, renewing(readyPod("b", 100, 103, 3600)))}}, []string{"Renewal Censored"},
		},
		"the workload is deleted": {
			[]at{{101, restartOf(a, a, starting)}, {104, deleting}}, []string{"Renewal Censored"},
		},
		"the workload is scaled to zero": {
			[]at{{101, restartOf(a, a, starting)}, {104, zero}}, []string{"Renewal Censored"},
		},
		"another revision came since": {
			[]at{{110, anotherRevision}}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(only(resume(settledSingleton(), c.looks...), v1alpha1.TrialRenewal)).To(Equal(c.want))
		})
	}
}

func TestARestartIsOneEpisodeOfThreeQualities(t *testing.T) {
	g := NewWithT(t)
	a, b := readyPod("a", 0, 1, 5), renewing(readyPod("b", 100, 103, 109))
	stopping := departing(a, 110)
	drill := *restartOf(a).Drill

	e := resume(settledSingleton(), at{101, restartOf(a, a)})
	g.Expect(DrillBegun(e, drill)).To(BeTrue())
	e = resume(e, at{104, restartOf(a, a, renewing(startedPod("b", 100, 103)))}, at{110, restartOf(a, stopping, b)})
	g.Expect(only(e, v1alpha1.TrialRenewal)).To(Equal([]string{"Renewal Success"}))
	g.Expect(DrillOutcome(e, drill)).To(BeEmpty(), "the old pod still stops, and only the drill tells that it is of the revision")

	end := restartOf(a, b)
	end.Departed = []workload.Pod{exited(stopping, 112, 0)}
	e = resume(e, at{113, end})
	g.Expect(DrillOutcome(e, drill)).To(Equal(v1alpha1.TrialSuccess))
	g.Expect(summary(e)[2:]).To(ConsistOf("Renewal Success", "Start Success", "Termination Success"))
	for _, trial := range e.Trials[2:] {
		g.Expect(trial.Source).To(Equal(v1alpha1.SourceDrill), trial.Message)
		g.Expect(trial.Episode).To(Equal(drillCause(a.UID).episode), trial.Message)
	}
	g.Expect(resume(e, at{113, end})).To(Equal(e), "the same look changes nothing")
}

// However the looks at a restart are ordered, repeated or missed, it counts once at most.
func TestARestartCountsOnce(t *testing.T) {
	a, b := readyPod("a", 0, 1, 5), renewing(readyPod("b", 100, 103, 109))
	end := restartOf(a, b)
	end.Departed = []workload.Pod{exited(departing(a, 110), 112, 0)}
	looks := []at{{101, restartOf(a, a)}, {104, restartOf(a, a, renewing(startedPod("b", 100, 103)))}, {110, restartOf(a, departing(a, 110), b)}, {113, end}}
	for skipped := range 1 << len(looks) {
		g := NewWithT(t)
		e := settledSingleton()
		for i, l := range looks {
			if skipped&(1<<i) == 0 {
				e = resume(e, l, l)
			}
		}
		for _, kind := range []v1alpha1.TrialKind{v1alpha1.TrialRenewal, v1alpha1.TrialTermination} {
			g.Expect(len(only(e, kind))).To(BeNumerically("<=", 1), "%s with looks %b skipped", kind, skipped)
		}
		g.Expect(only(e, v1alpha1.TrialReplacement)).To(BeEmpty(), "nothing was evicted")
	}
}
