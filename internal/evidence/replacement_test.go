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

// settledEvidence is what is known of a Deployment of pods a and b that rolled out at noon.
func settledEvidence() v1alpha1.Evidence {
	return tell(at{1, deployment(2)}, at{9, deployment(2, readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5))})
}

func TestReplacement(t *testing.T) {
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	lost := evicted(b, 100)
	homeless := waitingPod("c", 101)
	homeless.Unschedulable = true
	spared := b
	spared.Disruption, spared.DisruptedSince = "PreemptionByScheduler", after(100)
	drilled := func(s Snapshot) Snapshot {
		s.Drill = drillOf(b, 99)
		return s
	}
	sick := deployment(2, a, startedPod("c", 101, 102))
	sick.NodeTrouble = map[string]string{"node-1": "node has MemoryPressure"}
	deleting := deployment(2, a)
	deleting.Workload.Deleting = true

	for name, c := range map[string]struct {
		looks []at
		want  []string
	}{
		"a new pod is ready in time": {
			[]at{{100, deployment(2, a, lost)}, {110, deployment(2, a, readyPod("c", 101, 103, 109))}},
			[]string{"Replacement Success"},
		},
		"the evicted pod still stops when its replacement is ready": {
			[]at{{100, deployment(2, a, lost)}, {110, deployment(2, a, lost, readyPod("c", 101, 103, 109))}},
			[]string{"Replacement Success"},
		},
		"no new pod is ready in time": {
			[]at{{100, deployment(2, a, lost)}, {110, deployment(2, a, startedPod("c", 101, 103))}, {400, deployment(2, a, startedPod("c", 101, 103))}},
			[]string{"Replacement Failure"},
		},
		"the new pod is on a node in trouble": {
			[]at{{100, deployment(2, a, lost)}, {400, sick}},
			[]string{"Replacement Excluded"},
		},
		"no node takes the new pod": {
			[]at{{100, deployment(2, a, lost)}, {400, deployment(2, a, homeless)}},
			[]string{"Replacement Censored"},
		},
		"it was in time though nobody looked for an hour": {
			[]at{{100, deployment(2, a, lost)}, {3700, deployment(2, a, readyPod("c", 101, 103, 109))}},
			[]string{"Replacement Success"},
		},
		"nobody looked for an hour and it is ready now": {
			[]at{{100, deployment(2, a, lost)}, {3700, deployment(2, a, readyPod("c", 101, 103, 3600))}},
			[]string{"Replacement Censored"},
		},
		"the workload is scaled down instead": {
			[]at{{100, deployment(2, a, lost)}, {110, deployment(1, a)}},
			[]string{"Replacement Censored"},
		},
		"the workload is deleted": {
			[]at{{100, deployment(2, a, lost)}, {110, deleting}},
			[]string{"Replacement Censored"},
		},
		"the pod is spared": {
			[]at{{100, deployment(2, a, spared)}, {110, deployment(2, a, b)}, {401, deployment(2, a, b)}},
			nil,
		},
		"a pod is deleted by hand": {
			[]at{{100, deployment(2, a, departing(b, 100))}, {110, deployment(2, a, readyPod("c", 101, 103, 109))}},
			nil,
		},
		"the eviction of a drill is refused": {
			[]at{{100, drilled(deployment(2, a, b))}, {110, deployment(2, a, b)}},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(only(resume(settledEvidence(), c.looks...), v1alpha1.TrialReplacement)).To(Equal(c.want))
		})
	}
}

func TestBarePodsAreNotReplaced(t *testing.T) {
	s := bare(evicted(readyPod("a", 0, 1, 2), 50))
	s.Workload.Kind = v1alpha1.KindPod
	e := tell(at{50, s})
	NewWithT(t).Expect(append(openKinds(e), kindsOf(e)...)).NotTo(ContainElement(v1alpha1.TrialReplacement))
}

func kindsOf(e v1alpha1.Evidence) []v1alpha1.TrialKind {
	var all []v1alpha1.TrialKind
	for _, t := range e.Trials {
		all = append(all, t.Kind)
	}
	return all
}

func TestADrillIsOneEpisodeOfThreeQualities(t *testing.T) {
	g := NewWithT(t)
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	drill := drillOf(b, 99)
	with := func(s Snapshot) Snapshot {
		s.Drill = drill
		return s
	}
	end := deployment(2, a, readyPod("c", 101, 103, 109)) // the drill is over when the old pod is gone
	end.Departed = []workload.Pod{exited(evicted(b, 100), 112, 0)}

	e := resume(settledEvidence(), at{99, with(deployment(2, a, b))})
	g.Expect(DrillBegun(e, *drill)).To(BeFalse())
	e = resume(e, at{100, with(deployment(2, a, evicted(b, 100)))})
	g.Expect(DrillBegun(e, *drill)).To(BeTrue())
	g.Expect(DrillOutcome(e, *drill)).To(BeEmpty())
	e = resume(e, at{110, with(deployment(2, a, evicted(b, 100), readyPod("c", 101, 103, 109)))})
	g.Expect(DrillOutcome(e, *drill)).To(Equal(v1alpha1.TrialSuccess))
	e = resume(e, at{113, end})

	g.Expect(summary(e)[3:]).To(ConsistOf("Replacement Success", "Start Success", "Termination Success"))
	for _, trial := range e.Trials[3:] {
		g.Expect(trial.Source).To(Equal(v1alpha1.SourceDrill), trial.Message)
		g.Expect(trial.Episode).To(Equal(drillCause(b.UID).episode), trial.Message)
	}
}

func TestARolloutCensorsReplacements(t *testing.T) {
	a := readyPod("a", 0, 1, 5)
	e := tell(at{1, deployment(2, a)}, at{10, deployment(2, a, evicted(readyPod("b", 0, 1, 5), 10))})
	NewWithT(t).Expect(only(e, v1alpha1.TrialReplacement)).To(Equal([]string{"Replacement Censored"}))
}

func TestADrainOfOneNodeIsOneEpisode(t *testing.T) {
	g := NewWithT(t)
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	c, d := readyPod("c", 101, 102, 104), readyPod("d", 101, 102, 104)
	e := resume(settledEvidence(), at{100, deployment(2, evicted(a, 100), evicted(b, 100))}, at{110, deployment(2, c, d)})
	g.Expect(only(e, v1alpha1.TrialReplacement)).To(Equal([]string{"Replacement Success", "Replacement Success"}))
	g.Expect(Count(e)[v1alpha1.Recoverability].Evidence.Successes).To(BeNumerically("~", 4.0/3, 1e-9))
}

func TestNextDeadlineIsTheFirst(t *testing.T) {
	g := NewWithT(t)
	g.Expect(NextDeadline(v1alpha1.Evidence{})).To(BeNil())
	later, sooner := metav1.NewTime(after(60)), metav1.NewTime(after(30))
	next := NextDeadline(v1alpha1.Evidence{Open: []v1alpha1.OpenTrial{{Deadline: &later}, {}, {Deadline: &sooner}}})
	g.Expect(*next).To(BeTemporally("==", after(30)))
}
