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
	"github.com/rampart-dev/rampart/internal/workload"
)

// oldPod is a ready pod of the revision before, from long before noon.
func oldPod(name string) workload.Pod {
	p := readyPod(name, -900, -890, -880)
	p.TemplateHash = "hash-0"
	return p
}

// replacing is a look at a Deployment of three that replaces its pods and may lack one. Its
// controller says whether the minimum is available, and since when.
func replacing(minimum bool, since int, pods ...workload.Pod) Snapshot {
	s := grown(deployment(3, pods...))
	s.Workload.MaxUnavailable = 1
	s.Workload.Rollout.Minimum, s.Workload.Rollout.MinimumSince = minimum, after(since)
	s.Revision.Number = 2
	return s
}

func TestContainedRollout(t *testing.T) {
	x, y, z := oldPod("x"), oldPod("y"), oldPod("z")
	begun := replacing(true, -880, x, y, z)
	crashed := replacing(true, -880, x, y, crashedPod(8, 1))
	outage := replacing(false, 20, x, crashedPod(8, 1))
	recovered := replacing(true, 25, x, y, crashedPod(8, 1))
	edit := func(s Snapshot, by func(*Snapshot)) Snapshot { by(&s); return s }
	probeless := edit(crashed, func(s *Snapshot) { s.Workload.Template.Spec.Containers = []corev1.Container{{Name: "app"}} })
	sick := edit(outage, func(s *Snapshot) { s.NodeTrouble = map[string]string{"node-1": "node is not ready"} })
	recreate := edit(crashed, func(s *Snapshot) { s.Workload.MaxUnavailable = 3 })
	good := func(name string) workload.Pod { return readyPod(name, 1, 2, 6) }
	set := func(pods ...workload.Pod) Snapshot {
		s := replacing(false, 0, pods...)
		s.Workload.Kind, s.Workload.Strategy = v1alpha1.KindStatefulSet, appsv1.StatefulSetUpdateStrategy{}
		s.Workload.Rollout.MinimumSince = time.Time{}
		return s
	}
	doneAt := func(seconds int) int { return seconds + int(RecoveryObjective/time.Second) }

	for name, c := range map[string]struct {
		looks []at
		want  []string
		open  bool
	}{
		"the old pods serve on":                            {[]at{{1, begun}, {9, crashed}, {doneAt(8), crashed}}, []string{"ContainedRollout Success"}, false},
		"they may still be taken away":                     {[]at{{1, begun}, {9, crashed}, {doneAt(7), crashed}}, nil, true},
		"the rollout has not failed yet":                   {[]at{{1, begun}}, nil, true},
		"the rollout does not fail":                        {[]at{{1, begun}, {9, replacing(true, -880, good("a"), good("b"), good("c"))}}, nil, false},
		"too few are left":                                 {[]at{{1, begun}, {9, crashed}, {21, outage}}, []string{"ContainedRollout Failure"}, false},
		"too few were left, and nobody looked":             {[]at{{1, begun}, {9, crashed}, {26, recovered}}, []string{"ContainedRollout Failure"}, false},
		"too few are left, on nodes in trouble":            {[]at{{1, begun}, {9, crashed}, {21, sick}}, []string{"ContainedRollout Excluded"}, false},
		"the operator was away all the time":               {[]at{{1, begun}, {9000, crashed}}, []string{"ContainedRollout Success"}, false},
		"the operator was away and it came to an outage":   {[]at{{1, begun}, {9, crashed}, {9000, outage}}, []string{"ContainedRollout Censored"}, false},
		"the operator comes when it has failed":            {[]at{{9, crashed}, {doneAt(8), crashed}}, []string{"ContainedRollout Success"}, false},
		"the operator comes in the outage":                 {[]at{{21, outage}}, []string{"ContainedRollout Failure"}, false},
		"the operator comes after the outage":              {[]at{{26, recovered}, {doneAt(8), recovered}}, nil, false},
		"it was broken before":                             {[]at{{1, replacing(false, -880, x)}, {9, replacing(false, -880, x, crashedPod(8, 1))}}, nil, false},
		"a service without a readiness probe":              {[]at{{1, begun}, {9, probeless}, {doneAt(8), probeless}}, nil, false},
		"its strategy takes all pods away":                 {[]at{{1, recreate}, {doneAt(8), recreate}}, nil, false},
		"a StatefulSet stops at its first new pod":         {[]at{{1, set(x, y, z)}, {9, set(x, y, crashedPod(8, 1))}, {doneAt(8), set(x, y, crashedPod(8, 1))}}, []string{"ContainedRollout Success"}, false},
		"a StatefulSet lacks more than one":                {[]at{{1, set(x, y, z)}, {9, set(x, crashedPod(8, 1))}}, []string{"ContainedRollout Failure"}, false},
		"a StatefulSet stops at its second, which is dark": {[]at{{1, set(x, y, z)}, {9, set(x, good("b"), crashedPod(8, 1))}, {doneAt(8), set(x, good("b"), crashedPod(8, 1))}}, []string{"ContainedRollout Censored"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := tell(c.looks...)
			g.Expect(only(e, v1alpha1.TrialContainedRollout)).To(Equal(c.want))
			if c.open {
				g.Expect(openKinds(e)).To(ContainElement(v1alpha1.TrialContainedRollout))
			} else {
				g.Expect(openKinds(e)).NotTo(ContainElement(v1alpha1.TrialContainedRollout))
			}
			last := c.looks[len(c.looks)-1]
			g.Expect(Observe(e, last.look, after(last.second))).To(Equal(e), "it counts once")
		})
	}
}

func TestAContainedRolloutEndsWithItsRevision(t *testing.T) {
	x, y, z := oldPod("x"), oldPod("y"), oldPod("z")
	begun, crashed := replacing(true, -880, x, y, z), replacing(true, -880, x, y, crashedPod(8, 1))
	again := crashed
	again.Workload.UID = "w2"
	for name, c := range map[string]struct {
		looks []at
		last  Snapshot
		want  []string
	}{
		"the old pods served on until then": {[]at{{1, begun}, {9, crashed}}, crashed, []string{"ContainedRollout Success"}},
		"too few were left":                 {[]at{{1, begun}, {9, crashed}}, replacing(true, 25, x, y), []string{"ContainedRollout Failure"}},
		"the workload was made again":       {[]at{{1, begun}, {9, crashed}}, again, []string{"ContainedRollout Censored"}},
		"the rollout had not failed":        {[]at{{1, begun}}, begun, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := Supersede(tell(c.looks...), c.last, after(60))
			NewWithT(t).Expect(only(e, v1alpha1.TrialContainedRollout)).To(Equal(c.want))
			NewWithT(t).Expect(e.Open).To(BeEmpty())
		})
	}
	t.Run("the rollout failed for lack of time when it was superseded", func(t *testing.T) {
		e := Supersede(resume(v1alpha1.Evidence{RolloutSeconds: []int32{10}}, at{1, begun}), begun, after(60))
		NewWithT(t).Expect(summary(e)).To(Equal([]string{"ContainedRollout Success", "Rollout Failure"}))
	})
}

func TestProbesAndStrategyAreWhatContains(t *testing.T) {
	e := Supersede(tell(at{1, replacing(true, -880, oldPod("x"), oldPod("y"), oldPod("z"))},
		at{9, replacing(true, -880, oldPod("x"), oldPod("y"), crashedPod(8, 1))}), replacing(true, -880), after(60))
	g := NewWithT(t)
	g.Expect(Count(e)[v1alpha1.SafeFailure].Clean).To(Equal(1))
	g.Expect(Carry(e, before, newImage).Carried).To(ContainElement(v1alpha1.CarriedEvidence{Quality: v1alpha1.SafeFailure, SuccessesMilli: 500}))
	g.Expect(Carry(e, before, newProbes).Carried).NotTo(ContainElement(HaveField("Quality", v1alpha1.SafeFailure)))
	g.Expect(FailedEpisodes(e, qualities, noon)).To(Equal(1))
}
