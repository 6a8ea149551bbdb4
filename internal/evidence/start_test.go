// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// bare is a look at pods that no rollout makes.
func bare(pods ...workload.Pod) Snapshot {
	s := deployment(int32(len(pods)), pods...)
	s.Workload.Kind = v1alpha1.KindReplicaSet
	s.Revision.PodTemplateHash = ""
	for i := range s.Pods {
		s.Pods[i].TemplateHash = ""
	}
	return s
}

func TestStart(t *testing.T) {
	probeless := func(s Snapshot) Snapshot {
		s.Workload.Template.Spec.Containers = []corev1.Container{{Name: "app"}}
		return s
	}
	worker := probeless(bare(readyPod("a", 0, 2, 2)))
	worker.Serving = false
	sick := bare(startedPod("a", 0, 2))
	sick.NodeTrouble = map[string]string{"node-1": "node is not ready"}
	gone := bare()
	left := bare()
	left.Departed = []workload.Pod{departing(startedPod("a", 0, 2), 5)}

	for name, c := range map[string]struct {
		looks []at
		want  []string
	}{
		"a pod becomes ready in time":                         {[]at{{2, bare(startedPod("a", 0, 1))}, {9, bare(readyPod("a", 0, 1, 8))}}, []string{"Start Success"}},
		"the time before its containers start does not count": {[]at{{500, bare(readyPod("a", 0, 480, 500))}}, []string{"Start Success"}},
		"a pod that waits for its image has not started":      {[]at{{100, bare(waitingPod("a", 0))}}, nil},
		"it is not ready in time":                             {[]at{{3, bare(startedPod("a", 0, 2))}, {43, bare(startedPod("a", 0, 2))}}, []string{"Start Failure"}},
		"it is not ready in time on a node in trouble":        {[]at{{3, sick}, {43, sick}}, []string{"Start Excluded"}},
		"it becomes ready after its time":                     {[]at{{3, bare(startedPod("a", 0, 2))}, {50, bare(readyPod("a", 0, 2, 49))}}, []string{"Start Failure"}},
		"it was ready late and nobody had looked":             {[]at{{900, bare(readyPod("a", 0, 2, 890))}}, []string{"Start Censored"}},
		"it is not ready and nobody had looked":               {[]at{{900, bare(startedPod("a", 0, 2))}}, []string{"Start Censored"}},
		"it crashes before it is ready":                       {[]at{{3, bare(startedPod("a", 0, 2))}, {9, bare(crashedPod(8, 1))}}, []string{"Start Failure"}},
		"its init container crashes":                          {[]at{{9, bare(crashedPod(8, 1))}}, []string{"Start Failure"}},
		"it is deleted before it is ready":                    {[]at{{3, bare(startedPod("a", 0, 2))}, {6, left}}, []string{"Start Censored"}},
		"it vanishes":                                         {[]at{{3, bare(startedPod("a", 0, 2))}, {10, gone}, {43, gone}}, []string{"Start Censored"}},
		"it serves without a readiness probe":                 {[]at{{3, probeless(bare(readyPod("a", 0, 2, 2)))}}, nil},
		"it crashes, serving without a probe":                 {[]at{{3, probeless(bare(crashedPod(2, 1)))}}, []string{"Start Failure"}},
		"a worker without a probe becomes running":            {[]at{{3, worker}}, []string{"Start Success"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := resume(v1alpha1.Evidence{StartSeconds: []int32{20}}, c.looks...)
			g.Expect(only(e, v1alpha1.TrialStart)).To(Equal(c.want))
		})
	}
}

func TestJobsHaveNoStarts(t *testing.T) {
	s := bare(readyPod("a", 0, 1, 1))
	s.Workload.Kind = v1alpha1.KindJob
	e := tell(at{5, s})
	NewWithT(t).Expect(append(summary(e), make([]string, len(e.Open))...)).To(BeEmpty())
}

func TestEveryExitAfterTheStartIsOneFailureOfOneEpisode(t *testing.T) {
	g := NewWithT(t)
	running := readyPod("a", 0, 100, 101)
	running.Restarts = 1
	running.Containers[0].Restarts = 1
	running.Containers[0].LastExit = &workload.Exit{Code: 1, Finished: after(99)}
	e := tell(
		at{3, bare(readyPod("a", 0, 1, 2))},
		at{100, bare(crashedPod(99, 1))},
		at{102, bare(running)}, // the same exit, seen again
		at{130, bare(crashedPod(129, 2))},
	)
	g.Expect(summary(e)).To(Equal([]string{"Start Success", "Start Failure", "Start Failure", "Restart Failure"}))
	g.Expect(e.Trials[1].Message).To(Equal("container app of pod a ended with exit code 1"))
	g.Expect(Count(e)[v1alpha1.Predictability].Failed).To(Equal(2))
	g.Expect(FailedEpisodes(e, qualities, noon)).To(Equal(1))
}

func TestTheCrashThatEndedAStartCountsOnce(t *testing.T) {
	e := tell(at{9, bare(crashedPod(8, 1))}, at{20, bare(crashedPod(8, 1))})
	NewWithT(t).Expect(summary(e)).To(Equal([]string{"Start Failure"}))
}

func TestTheEndOfADeletedPodIsNoCrash(t *testing.T) {
	p := readyPod("a", 0, 1, 2)
	p.Restarts, p.Containers[0].Restarts = 1, 1
	p.Containers[0].LastExit = &workload.Exit{Code: 1, Finished: after(1)}
	before := tell(at{3, bare(p)})
	e := resume(before, at{60, bare(exited(departing(p, 50), 60, 143))})
	NewWithT(t).Expect(only(e, v1alpha1.TrialStart)).To(Equal(only(before, v1alpha1.TrialStart)))
}

func TestStartsOfOneRolloutAreOneEpisode(t *testing.T) {
	g := NewWithT(t)
	e := tell(at{1, deployment(3)}, at{9, deployment(3, readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5), readyPod("c", 0, 1, 6))})
	g.Expect(e.Trials).To(HaveLen(4))
	for _, trial := range e.Trials {
		g.Expect(trial.Episode).To(Equal(rolloutCause(revision).episode))
	}
	g.Expect(Count(e)[v1alpha1.Predictability].Evidence.Successes).To(BeNumerically("~", 1.6, 1e-9))
}

func TestAPodThatWasMadeBeforeItsRolloutWasSeenBelongsToIt(t *testing.T) {
	g := NewWithT(t)
	late := func(s Snapshot) Snapshot {
		s = grown(s)
		s.Revision.Since = metav1.NewTime(after(5))
		return s
	}
	e := tell(at{6, late(deployment(1))}, at{9, late(deployment(1, readyPod("a", 3, 6, 8)))})
	g.Expect(e.Trials).To(HaveLen(2))
	for _, trial := range e.Trials {
		g.Expect(trial.Episode).To(Equal(rolloutCause(revision).episode))
	}
}

func TestAPodThatEndsAsSoonAsItIsReadyMakesItsRolloutAFailure(t *testing.T) {
	g := NewWithT(t)
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	e := resume(settledEvidence(), at{20, deployment(2, restartedPod(a, 7, 20, 1), b)})
	g.Expect(summary(e)).To(ContainElement("Rollout Success"), "it seemed to be complete")
	g.Expect(Count(e)[v1alpha1.Predictability].Evidence).To(And(HaveField("Successes", BeZero()), HaveField("Failures", BeEquivalentTo(1))))
	g.Expect(Result(e)).To(Equal(v1alpha1.RolloutFailed))

	late := resume(settledEvidence(), at{60, deployment(2, restartedPod(a, 40, 50, 1), b)})
	g.Expect(Count(late)[v1alpha1.Predictability].Evidence.Successes).To(BeNumerically(">", 1))
	g.Expect(Result(late)).To(Equal(v1alpha1.RolloutStable))
}

func TestTheLastDeletionOfAPodHidesWhenItWasAskedFor(t *testing.T) {
	p := readyPod("a", 0, 1, 2)
	p.Restarts, p.Containers[0].Restarts = 1, 1
	p.Containers[0].LastExit = &workload.Exit{Code: 1, Finished: after(1)}
	before := tell(at{3, bare(p)})
	last := exited(departing(p, 50), 60, 143)
	last.Asked, last.Deleting, last.Grace = after(62), after(62), 0
	e := resume(before, at{50, bare(departing(p, 50))}, at{62, bare(last)})
	NewWithT(t).Expect(only(e, v1alpha1.TrialStart)).To(Equal(only(before, v1alpha1.TrialStart)))
	NewWithT(t).Expect(only(e, v1alpha1.TrialTermination)).To(Equal([]string{"Termination Success"}))
}
