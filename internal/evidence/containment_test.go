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

func TestContainment(t *testing.T) {
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	down, lost := unready(b, 100), evicted(b, 100)
	fresh := readyPod("c", 101, 103, 109)
	crashed := unready(restartedPod(b, 99, 100, 1), 100)
	edit := func(s Snapshot, by func(*Snapshot)) Snapshot { by(&s); return s }
	probeless := func(s Snapshot) Snapshot {
		return edit(s, func(s *Snapshot) { s.Workload.Template.Spec.Containers = []corev1.Container{{Name: "app"}} })
	}
	sick := edit(routed(deployment(2, unready(a, 100), down)), func(s *Snapshot) { s.NodeTrouble = map[string]string{"node-1": "node is not ready"} })
	drilled := edit(routed(deployment(2, a, departing(b, 100)), a), func(s *Snapshot) { s.Drill = drillOf(b, 99) })
	drilled.Drill.Kind = v1alpha1.DrillEvict
	gone := routed(deployment(2, a), a)
	gone.Departed = []workload.Pod{exited(lost, 103, 143)}
	bad := waitingPod("n", 90)
	other := evicted(a, 102)
	removed := exited(lost, 104, 0) // the kubelet deletes it, without any grace
	removed.Asked, removed.Deleting, removed.Grace = after(104), after(104), 0

	for name, c := range map[string]struct {
		looks []at
		want  []string
		open  bool
	}{
		"it leaves and another serves on": {[]at{{100, routed(deployment(2, a, down), a, b)}, {101, routed(deployment(2, a, down), a)}}, []string{"Containment Success"}, false},
		"it has not left yet":             {[]at{{100, routed(deployment(2, a, down), a, b)}, {159, routed(deployment(2, a, down), a, b)}}, nil, true},
		"one look shows it all":           {[]at{{101, routed(deployment(2, a, down), a)}}, []string{"Containment Success"}, false},
		"its container crashed":           {[]at{{101, routed(deployment(2, a, crashed), a)}}, []string{"Containment Success"}, false},
		"it is evicted":                   {[]at{{100, routed(deployment(2, a, lost), a)}}, []string{"Containment Success"}, false},
		"it is evicted, and is gone":      {[]at{{104, gone}}, []string{"Containment Success"}, false},
		"it is evicted, and removed when nobody serves": {
			[]at{{101, routed(deployment(2, a, lost), a)}, {103, routed(deployment(2, other, lost))}, {104, routed(deployment(2, other, removed))}},
			[]string{"Containment Success", "Containment Failure"}, false,
		},
		"a drill takes it away": {[]at{{100, drilled}}, []string{"Containment Success"}, false},
		"no pod is left":        {[]at{{101, routed(deployment(2, unready(a, 100), down))}}, []string{"Containment Failure", "Containment Failure"}, false},
		"the only other one goes a second later": {
			[]at{{101, routed(deployment(2, a, down), a, b)}, {102, routed(deployment(2, unready(a, 101), down))}},
			[]string{"Containment Failure", "Containment Failure"}, false,
		},
		"no pod is left, all on nodes in trouble": {[]at{{101, sick}}, []string{"Containment Excluded", "Containment Excluded"}, false},
		"one of two Services has no endpoint": {
			[]at{{100, routed(deployment(2, a, down), a, b)}, {101, routed(routed(deployment(2, down), fresh))}},
			[]string{"Containment Failure"}, false,
		},
		"the EndpointSlices do not follow": {
			[]at{{100, routed(deployment(2, a, down), a, b)}, {160, routed(deployment(2, a, down), a, b)}}, []string{"Containment Excluded"}, false,
		},
		"the other one is ready, and the EndpointSlices are of before": {[]at{{101, routed(deployment(2, a, down))}}, nil, true},
		"whoever serves now was not ready all the time": {
			[]at{{109, routed(deployment(2, down, fresh), fresh)}, {160, routed(deployment(2, down, fresh), fresh)}}, []string{"Containment Censored"}, false,
		},
		"it is ready again before it left": {
			[]at{{100, routed(deployment(2, a, down), a, b)}, {103, routed(deployment(2, a, b), a, b)}}, []string{"Containment Censored"}, false,
		},
		"nobody looked in time":                     {[]at{{161, routed(deployment(2, a, down), a)}}, []string{"Containment Censored"}, false},
		"nobody looked again":                       {[]at{{100, routed(deployment(2, a, down), a, b)}, {9000, routed(deployment(2, a, down), a)}}, []string{"Containment Censored"}, false},
		"it is deleted by hand, or by a rollout":    {[]at{{100, routed(deployment(2, a, departing(b, 100)), a)}}, nil, false},
		"it was not ready before it was evicted":    {[]at{{200, routed(deployment(3, a, fresh, evicted(down, 200)), a, fresh)}}, nil, false},
		"it was never ready":                        {[]at{{100, routed(deployment(2, a, bad), a)}}, nil, false},
		"nothing is known about endpoints":          {[]at{{100, deployment(2, a, down)}}, nil, false},
		"nothing is known about endpoints any more": {[]at{{100, routed(deployment(2, a, down), a, b)}, {101, deployment(2, a, down)}}, []string{"Containment Censored"}, false},
		"it is the only replica":                    {[]at{{100, routed(deployment(1, down))}}, nil, false},
		"no Service sends it traffic":               {[]at{{100, edit(routed(deployment(2, a, down), a), func(s *Snapshot) { s.Serving = false })}}, nil, false},
		"a service without a readiness probe":       {[]at{{100, probeless(routed(deployment(2, a, lost), a))}}, nil, false},
		"such a service, with a gap":                {[]at{{101, probeless(routed(deployment(2, unready(a, 100), down)))}}, []string{"Containment Failure", "Containment Failure"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := resume(settledEvidence(), c.looks...)
			g.Expect(only(e, v1alpha1.TrialContainment)).To(Equal(c.want))
			if c.open {
				g.Expect(openKinds(e)).To(ContainElement(v1alpha1.TrialContainment))
			} else {
				g.Expect(openKinds(e)).NotTo(ContainElement(v1alpha1.TrialContainment))
			}
			last := c.looks[len(c.looks)-1]
			g.Expect(Observe(e, last.look, after(last.second))).To(Equal(e), "it counts once")
		})
	}
}

func TestReadinessThatComesAndGoesProvesContainmentOnce(t *testing.T) {
	g := NewWithT(t)
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	e := settledEvidence()
	for second := 100; second < 1000; second += 20 {
		back := b
		back.ReadySince = after(second + 10)
		e = resume(e, at{second, routed(deployment(2, a, unready(b, second)), a)}, at{second + 10, routed(deployment(2, a, back), a, b)})
	}
	g.Expect(only(e, v1alpha1.TrialContainment)).To(Equal([]string{"Containment Success"}))
	e = resume(e, at{1001, routed(deployment(2, unready(a, 1000), unready(b, 1000)))})
	g.Expect(only(e, v1alpha1.TrialContainment)).To(Equal([]string{"Containment Success", "Containment Failure", "Containment Failure"}))
	g.Expect(Count(e)[v1alpha1.SafeFailure].Evidence.Successes).To(BeZero(), "an episode with a failure is a failure")
	g.Expect(FailedEpisodes(e, qualities, noon)).To(Equal(1))
}

func TestWhatACrashShowsIsOneEpisode(t *testing.T) {
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	crashed := unready(restartedPod(b, 99, 100, 1), 101)
	e := resume(settledEvidence(), at{102, routed(deployment(2, a, crashed), a)}, at{400, routed(deployment(2, a, crashed), a)})
	episodes := map[string]bool{}
	for _, trial := range e.Trials[3:] {
		episodes[trial.Episode] = true
	}
	g := NewWithT(t)
	g.Expect(summary(e)[3:]).To(ConsistOf("Start Failure", "Containment Success", "Restart Failure"))
	g.Expect(episodes).To(HaveLen(1))
}
