// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestTermination(t *testing.T) {
	stopping := departing(readyPod("a", 0, 1, 2), 100)
	left := func(p workload.Pod) Snapshot {
		s := bare()
		s.Departed = []workload.Pod{p}
		return s
	}
	lost := stopping
	lost.FinalStateSeen = false
	// The last deletion of a pod grants it no more time.
	over := func(p workload.Pod) workload.Pod {
		p.Grace, p.Deleting = 0, p.Asked
		return p
	}
	oom := exited(stopping, 105, 137)
	oom.Containers[0].Exit.Reason = "OOMKilled"
	sick := left(exited(stopping, 130, 137))
	sick.NodeTrouble = map[string]string{"node-1": "node is not ready"}
	quick := left(exited(departing(readyPod("a", 0, 1, 2), 100), 105, 137))
	quick.Workload.Template.Spec.TerminationGracePeriodSeconds = ptr.To[int64](5)

	for name, c := range map[string]struct {
		looks []at
		want  []string
	}{
		"it stops by itself with exit code 0":      {[]at{{101, bare(stopping)}, {112, left(over(exited(stopping, 110, 0)))}}, []string{"Termination Success"}},
		"SIGTERM ends it with exit code 143":       {[]at{{101, bare(stopping)}, {112, left(over(exited(stopping, 110, 143)))}}, []string{"Termination Success"}},
		"its containers have ended and it is live": {[]at{{101, bare(stopping)}, {111, bare(exited(stopping, 110, 0))}}, []string{"Termination Success"}},
		"only its end is seen":                     {[]at{{112, left(over(exited(stopping, 110, 0)))}}, []string{"Termination Success"}},
		"it ignores SIGTERM and is killed":         {[]at{{101, bare(stopping)}, {131, left(over(exited(stopping, 130, 137)))}}, []string{"Termination Failure"}},
		"it ignores SIGTERM on a node in trouble":  {[]at{{131, sick}}, []string{"Termination Excluded"}},
		"its own short grace period counts":        {[]at{{106, quick}}, []string{"Termination Failure"}},
		"it fails while it stops":                  {[]at{{112, left(exited(stopping, 110, 1))}}, []string{"Termination Failure"}},
		"it runs out of memory while it stops":     {[]at{{112, left(oom)}}, []string{"Termination Failure"}},
		"somebody kills it before its time":        {[]at{{112, left(over(exited(stopping, 102, 137)))}}, []string{"Termination Censored"}},
		"its final status was not seen":            {[]at{{101, bare(stopping)}, {112, left(lost)}}, []string{"Termination Censored"}},
		"it vanishes":                              {[]at{{101, bare(stopping)}, {120, bare()}, {160, bare()}}, []string{"Termination Censored"}},
		"its end may still be reported":            {[]at{{101, bare(stopping)}, {120, bare()}}, nil},
		"its node is lost and it never ends":       {[]at{{101, bare(stopping)}, {161, bare(stopping)}}, []string{"Termination Censored"}},
		"it had ended before it was deleted":       {[]at{{101, bare(departing(exited(readyPod("a", 0, 1, 2), 50, 0), 100))}}, nil},
		"it never started":                         {[]at{{101, bare(departing(waitingPod("a", 0), 100))}}, nil},
		"it was not deleted":                       {[]at{{101, left(readyPod("a", 0, 1, 2))}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(only(tell(c.looks...), v1alpha1.TrialTermination)).To(Equal(c.want))
		})
	}
}

func TestPodsOfJobsCompleteAndAreNotStopped(t *testing.T) {
	s := bare(exited(departing(readyPod("a", 0, 1, 1), 10), 12, 0))
	s.Workload.Kind = v1alpha1.KindJob
	NewWithT(t).Expect(tell(at{20, s})).To(Equal(v1alpha1.Evidence{}))
}

func TestAKillTellsWhoWasKilledAndWhen(t *testing.T) {
	s := bare()
	s.Departed = []workload.Pod{exited(departing(readyPod("shop-1", 0, 1, 2), 100), 130, 137)}
	e := tell(at{131, s})
	g := NewWithT(t)
	g.Expect(e.Trials[len(e.Trials)-1].Message).To(Equal("container app of pod shop-1 ignored SIGTERM and was killed after 30s (exit code 137)"))
	g.Expect(e.Trials[len(e.Trials)-1].Time.Time).To(BeTemporally("==", noon.Add(130*time.Second)))
}
