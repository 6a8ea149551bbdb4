// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
	"github.com/rampart-dev/rampart/internal/workload"
)

// smoke is a test Job that began and, unless finished is 0, completed.
func smoke(name string, started, finished int) workload.TestJob {
	test := workload.TestJob{
		Run:     workload.Run{Name: name, UID: name, Created: after(started), Started: after(started)},
		Quality: v1alpha1.Recoverability,
	}
	if finished > 0 {
		test.Finished = after(finished)
	}
	return test
}

func tested(s Snapshot, tests ...workload.TestJob) Snapshot {
	s.Tests = tests
	return s
}

func TestTestJobs(t *testing.T) {
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	whole := func(tests ...workload.TestJob) Snapshot { return tested(deployment(2, a, b), tests...) }
	failed := smoke("t", 100, 110)
	failed.Failed, failed.Why = true, "BackoffLimitExceeded"
	idle := smoke("t", 100, 110)
	idle.Idle = true
	aimless := smoke("t", 100, 110)
	aimless.Quality = ""
	rolling := deployment(2, a, startedPod("b", 0, 1))
	later := whole(smoke("t", 100, 110))
	later.Revision.Since = metav1.NewTime(after(105))

	for name, c := range map[string]struct {
		from  v1alpha1.Evidence
		looks []at
		want  []string
		says  string
	}{
		"one that completes is a success": {
			settledEvidence(), []at{{101, whole(smoke("t", 100, 0))}, {111, whole(smoke("t", 100, 110))}}, []string{"Test Success"}, "completed in 10s",
		},
		"one that is first seen when it has ended counts as well": {
			settledEvidence(), []at{{111, whole(smoke("t", 100, 110))}}, []string{"Test Success"}, "",
		},
		"one that fails is a failure": {
			settledEvidence(), []at{{111, whole(failed)}}, []string{"Test Failure"}, "BackoffLimitExceeded",
		},
		"one of which no pod succeeded is censored": {
			settledEvidence(), []at{{111, whole(idle)}}, []string{"Test Censored"}, "none of its pods succeeded",
		},
		"one that goes on is open": {
			settledEvidence(), []at{{111, whole(smoke("t", 100, 0))}}, nil, "",
		},
		"one that is deleted before its end is censored": {
			settledEvidence(), []at{{101, whole(smoke("t", 100, 0))}, {111, whole()}}, []string{"Test Censored"}, "was deleted",
		},
		"one that has not started is nothing": {
			settledEvidence(), []at{{111, whole(workload.TestJob{Run: workload.Run{Name: "t", UID: "t"}})}}, nil, "",
		},
		"one without a quality is told what to do": {
			settledEvidence(), []at{{111, whole(aimless)}}, []string{"Test Censored"}, "label it rampart.dev/quality",
		},
		"one that began during the rollout is censored": {
			tell(at{1, deployment(2)}), []at{{4, tested(rolling, smoke("t", 3, 0))}, {9, whole(smoke("t", 3, 8))}}, []string{"Test Censored"}, "before the rollout was complete",
		},
		"one that began the moment the rollout was complete counts, in whatever order that is seen": {
			tell(at{1, deployment(2)}), []at{{5, tested(rolling, smoke("t", 5, 0))}, {9, whole(smoke("t", 5, 8))}}, []string{"Test Success"}, "",
		},
		"one of the revision before says nothing": {
			settledEvidence(), []at{{111, later}}, nil, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := resume(c.from, c.looks...)
			g.Expect(only(e, v1alpha1.TrialTest)).To(Equal(c.want))
			last := c.looks[len(c.looks)-1]
			g.Expect(resume(e, last)).To(Equal(e), "the same look changes nothing")
			for _, trial := range e.Trials {
				if trial.Kind == v1alpha1.TrialTest {
					g.Expect(trial.Source).To(Equal(v1alpha1.SourceTest))
					g.Expect(trial.Message).To(ContainSubstring(c.says))
				}
			}
		})
	}
}

func TestATestOfARevisionThatFailedToRollOutIsCensored(t *testing.T) {
	g := NewWithT(t)
	stuck := deployment(1, startedPod("a", 0, 1))
	e := tell(at{1, deployment(1)}, at{2, stuck}, at{601, stuck})
	g.Expect(only(e, v1alpha1.TrialRollout)).To(Equal([]string{"Rollout Failure"}))
	e = resume(e, at{700, tested(deployment(1, readyPod("a", 0, 1, 650)), smoke("t", 660, 690))})
	g.Expect(only(e, v1alpha1.TrialTest)).To(Equal([]string{"Test Censored"}))
}

func TestAnotherRevisionCensorsTestsThatGoOn(t *testing.T) {
	e := resume(settledEvidence(), at{101, tested(deployment(2, readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)), smoke("t", 100, 0))})
	NewWithT(t).Expect(only(Supersede(e, Snapshot{}, after(105)), v1alpha1.TrialTest)).To(Equal([]string{"Test Censored"}))
}

// A team cannot push failures out of the window with Jobs that always complete.
func TestCleanTestsAreKeptUpToALimitAndFailuresBeyondIt(t *testing.T) {
	g := NewWithT(t)
	look := deployment(2, readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5))
	for i := range 300 {
		look.Tests = append(look.Tests, smoke(fmt.Sprintf("t%d", i), 100+i, 101+i))
	}
	failed := smoke("bad", 500, 501)
	failed.Failed = true
	look.Tests = append(look.Tests, failed)
	e := Observe(settledEvidence(), look, after(600))
	g.Expect(only(e, v1alpha1.TrialTest)).To(HaveLen(maxTests + 1))
	g.Expect(only(e, v1alpha1.TrialTest)).To(ContainElement("Test Failure"))
	g.Expect(Observe(e, look, after(601))).To(Equal(e), "the same look changes nothing")
}

// Nor with Jobs that are deleted while they run.
func TestCensoredTestsAreKeptUpToALimit(t *testing.T) {
	g := NewWithT(t)
	e := settledEvidence()
	for round := range 10 {
		look := deployment(2, readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5))
		for i := range 40 {
			look.Tests = append(look.Tests, smoke(fmt.Sprintf("t%d-%d", round, i), 100+round, 0))
		}
		e = Observe(e, look, after(100+round))
	}
	e = Observe(e, deployment(2, readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)), after(600))
	g.Expect(only(e, v1alpha1.TrialTest)).To(HaveLen(maxTests))
	g.Expect(e.Open).To(BeEmpty())
}

// Nor with Jobs that go on for a while and end together.
func TestTestsThatEndTogetherShareTheLimit(t *testing.T) {
	g := NewWithT(t)
	look := deployment(2, readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5))
	for i := range 20 {
		look.Tests = append(look.Tests, smoke(fmt.Sprintf("t%d", i), 100, 0))
	}
	e := Observe(settledEvidence(), look, after(101))
	g.Expect(len(e.Open)).To(BeNumerically(">", maxTests))
	for i := range look.Tests {
		look.Tests[i].Finished = after(110)
	}
	e = Observe(e, look, after(111))
	g.Expect(only(e, v1alpha1.TrialTest)).To(HaveLen(maxTests))
	g.Expect(Observe(e, look, after(112))).To(Equal(e), "the same look changes nothing")
}

func testsOf(n int, quality v1alpha1.Quality, outcome v1alpha1.TrialOutcome) []v1alpha1.Trial {
	all := trials(n, v1alpha1.TrialTest, outcome, v1alpha1.SourceTest)
	for i := range all {
		all[i].Quality = quality
	}
	return all
}

func TestTestsNeverCountMoreThanWhatWasSeenWithoutThem(t *testing.T) {
	good, bad := v1alpha1.TrialSuccess, v1alpha1.TrialFailure
	recoverability := v1alpha1.Recoverability
	replaced := func(n int) []v1alpha1.Trial {
		return trials(n, v1alpha1.TrialReplacement, good, v1alpha1.SourceNatural)
	}
	for name, c := range map[string]struct {
		trials []v1alpha1.Trial
		want   confidence.Evidence
	}{
		"alone they are worth nothing":                  {testsOf(50, recoverability, good), confidence.Evidence{}},
		"they count as much as what was seen":           {append(replaced(2), testsOf(5, recoverability, good)...), confidence.Evidence{Successes: 4}},
		"few of them count whole":                       {append(replaced(9), testsOf(5, recoverability, good)...), confidence.Evidence{Successes: 14}},
		"beyond six they count half":                    {append(replaced(9), testsOf(8, recoverability, good)...), confidence.Evidence{Successes: 16}},
		"one that fails counts though nothing was seen": {testsOf(1, recoverability, bad), confidence.Evidence{Failures: 1}},
		"those of another quality say nothing":          {append(replaced(2), testsOf(5, v1alpha1.SafeFailure, good)...), confidence.Evidence{Successes: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(Count(v1alpha1.Evidence{Trials: c.trials})[recoverability].Evidence).To(Equal(c.want))
		})
	}
	two := testsOf(2, recoverability, bad)
	NewWithT(t).Expect(FailedEpisodes(v1alpha1.Evidence{Trials: two}, []v1alpha1.Quality{recoverability}, time.Time{})).To(Equal(2))
}
