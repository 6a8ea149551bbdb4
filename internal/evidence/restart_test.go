// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestRestart(t *testing.T) {
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	back := restartedPod(a, 100, 110, 1)
	again := restartedPod(back, 130, 140, 2)
	late := restartedPod(back, 401, 410, 2)
	slow := restartedPod(a, 100, 401, 1)
	finished := restartedPod(a, 100, 110, 1)
	finished.Containers[0].LastExit.Code = 0
	finishedAgain := restartedPod(back, 130, 140, 2)
	finishedAgain.Containers[0].LastExit.Code = 0
	looping := unready(back, 100)
	looping.Containers[0].Waiting = "CrashLoopBackOff"
	quick := back
	quick.ReadySince = a.ReadySince // the node told of both changes at once
	both := back
	both.Containers = append(both.Containers[:0:0], both.Containers[0])
	both.Containers[0].Exit = &workload.Exit{Code: 137, Reason: "OOMKilled", Finished: after(250)}
	look := func(pods ...workload.Pod) Snapshot { return deployment(2, pods...) }
	sick := look(again, b)
	sick.NodeTrouble = map[string]string{"node-1": "node has MemoryPressure"}
	left := look(b)
	left.Departed = []workload.Pod{exited(departing(back, 150), 151, 143)}
	gone := look(b)
	bare := look(back, b)
	bare.Workload.Kind = v1alpha1.KindPod

	for name, c := range map[string]struct {
		looks []at
		want  []string
		open  bool
	}{
		"it is ready again and stays so":                  {[]at{{111, look(back, b)}, {400, look(back, b)}}, []string{"Restart Success"}, false},
		"it may still fail again":                         {[]at{{111, look(back, b)}, {399, look(back, b)}}, nil, true},
		"it is ready again before anybody sees otherwise": {[]at{{111, look(quick, b)}, {400, look(quick, b)}}, []string{"Restart Success"}, false},
		"nobody looked, and its status still shows it":    {[]at{{9000, look(back, b)}}, []string{"Restart Success"}, false},
		"it fails a second time in its time":              {[]at{{111, look(back, b)}, {141, look(again, b)}}, []string{"Restart Failure"}, true},
		"its second end is seen before it starts again":   {[]at{{111, look(back, b)}, {251, look(both, b)}}, []string{"Restart Failure"}, true},
		"only both of its ends are seen":                  {[]at{{251, look(both, b)}}, []string{"Restart Failure"}, true},
		"it fails a second time on a node in trouble":     {[]at{{111, look(back, b)}, {141, sick}}, []string{"Restart Excluded"}, true},
		"it ends a second time, with exit code 0":         {[]at{{111, look(back, b)}, {141, look(finishedAgain, b)}}, []string{"Restart Failure"}, false},
		"it fails again after its time":                   {[]at{{111, look(back, b)}, {411, look(late, b)}}, []string{"Restart Censored"}, true},
		"it is still in its crash loop":                   {[]at{{111, look(looping, b)}, {400, look(looping, b)}}, []string{"Restart Failure"}, false},
		"it is ready again after its time":                {[]at{{111, look(looping, b)}, {401, look(slow, b)}}, []string{"Restart Failure"}, false},
		"nobody looked and it is not ready now":           {[]at{{111, look(looping, b)}, {9000, look(looping, b)}}, []string{"Restart Censored"}, false},
		"it is deleted too early to tell":                 {[]at{{111, look(back, b)}, {152, left}}, []string{"Restart Censored"}, false},
		"it vanishes":                                     {[]at{{111, look(back, b)}, {120, gone}, {400, gone}}, []string{"Restart Censored"}, false},
		"its last state may still arrive":                 {[]at{{111, look(back, b)}, {120, gone}}, nil, true},
		"its program had nothing more to do":              {[]at{{111, look(finished, b)}, {500, look(finished, b)}}, nil, false},
		"nothing would bring the pod itself back":         {[]at{{111, bare}, {500, bare}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := resume(settledEvidence(), c.looks...)
			g.Expect(only(e, v1alpha1.TrialRestart)).To(Equal(c.want))
			if c.open {
				g.Expect(openKinds(e)).To(ContainElement(v1alpha1.TrialRestart))
			} else {
				g.Expect(openKinds(e)).NotTo(ContainElement(v1alpha1.TrialRestart))
			}
		})
	}
}

func TestAPodThatCrashesBeforeItWasReadyHasNothingToRecoverTo(t *testing.T) {
	e := tell(at{3, bare(startedPod("a", 0, 2))}, at{9, bare(crashedPod(8, 1))}, at{400, bare(crashedPod(8, 1))})
	NewWithT(t).Expect(summary(e)).To(Equal([]string{"Start Failure"}))
}

func TestACrashIsAFailedStartAndARestartOfOneEpisode(t *testing.T) {
	g := NewWithT(t)
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	again := restartedPod(restartedPod(a, 100, 110, 1), 130, 140, 2)
	e := resume(settledEvidence(), at{111, deployment(2, restartedPod(a, 100, 110, 1), b)}, at{141, deployment(2, again, b)})
	g.Expect(summary(e)[3:]).To(ConsistOf("Start Failure", "Start Failure", "Restart Failure"))
	g.Expect(FailedEpisodes(e, qualities, noon)).To(Equal(1))
	g.Expect(Count(e)[v1alpha1.Recoverability].Failed).To(Equal(1))
	g.Expect(e.Trials[4].Message + e.Trials[5].Message).To(ContainSubstring("container app of pod a was restarted and ended again after 30s, with exit code 1"))
}
