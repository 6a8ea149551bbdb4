// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

var (
	before    = v1alpha1.RevisionMechanism{Content: "c", Starting: "s", Recovering: "r", Stopping: "t"}
	newImage  = v1alpha1.RevisionMechanism{Content: "c2", Starting: "s", Recovering: "r", Stopping: "t"}
	newProbes = v1alpha1.RevisionMechanism{Content: "c2", Starting: "s2", Recovering: "r2", Stopping: "t"}
)

func TestCarry(t *testing.T) {
	good := func(n int) []v1alpha1.Trial { return trials(n, v1alpha1.TrialStart, v1alpha1.TrialSuccess, "") }
	bad := func(n int) []v1alpha1.Trial { return trials(n, v1alpha1.TrialStart, v1alpha1.TrialFailure, "") }
	burdened := func(own ...v1alpha1.Trial) v1alpha1.Evidence {
		return v1alpha1.Evidence{Trials: own, Carried: []v1alpha1.CarriedEvidence{{Quality: v1alpha1.Predictability, FailuresMilli: 1000}}}
	}
	for name, c := range map[string]struct {
		from v1alpha1.Evidence
		to   v1alpha1.RevisionMechanism
		want []v1alpha1.CarriedEvidence
	}{
		"nothing comes from nothing":                        {v1alpha1.Evidence{}, newImage, nil},
		"all successes outlive a change without containers": {v1alpha1.Evidence{Trials: good(4)}, before, predictability(4000, 0)},
		"at most five successes are carried":                {v1alpha1.Evidence{Trials: good(50)}, before, predictability(5000, 0)},
		"half of them outlive a new image":                  {v1alpha1.Evidence{Trials: good(4)}, newImage, predictability(2000, 0)},
		"none outlives a new mechanism":                     {v1alpha1.Evidence{Trials: good(4)}, newProbes, nil},
		"a failure outlives a cosmetic change":              {v1alpha1.Evidence{Trials: bad(1)}, before, predictability(0, 1000)},
		"a failure outlives a new mechanism":                {v1alpha1.Evidence{Trials: bad(1)}, newProbes, predictability(0, 1000)},
		"many failures are carried as one":                  {v1alpha1.Evidence{Trials: bad(7)}, newImage, predictability(0, 1000)},
		"changing again does not wash a failure off":        {burdened(), newProbes, predictability(0, 1000)},
		"nor does a little clean behaviour":                 {burdened(good(4)...), newProbes, predictability(0, 1000)},
		"a revision that shows a fix halves it":             {burdened(good(5)...), newProbes, predictability(0, 500)},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(Carry(c.from, before, c.to).Carried).To(Equal(c.want))
		})
	}
}

func predictability(successes, failures int32) []v1alpha1.CarriedEvidence {
	return []v1alpha1.CarriedEvidence{{Quality: v1alpha1.Predictability, SuccessesMilli: successes, FailuresMilli: failures}}
}

func TestCarryKeepsWhatIsUsualAndNothingElse(t *testing.T) {
	g := NewWithT(t)
	e := v1alpha1.Evidence{
		Counted: 3, Censored: 2, Excluded: 1, RolloutSeconds: []int32{5}, StartSeconds: []int32{3},
		Open: []v1alpha1.OpenTrial{{ID: "x"}},
	}
	g.Expect(Carry(e, before, newImage)).To(Equal(v1alpha1.Evidence{RolloutSeconds: []int32{5}, StartSeconds: []int32{3}}))
}

func TestSupersede(t *testing.T) {
	usual := v1alpha1.Evidence{RolloutSeconds: []int32{20}}
	rolling := resume(usual, at{1, deployment(1, startedPod("a", 0, 1))})
	t.Run("a rollout that had time left is censored", func(t *testing.T) {
		g := NewWithT(t)
		e := Supersede(rolling, after(39))
		g.Expect(e.Open).To(BeEmpty())
		g.Expect(summary(e)).To(ConsistOf("Rollout Censored", "Start Censored"))
		g.Expect(Result(e)).To(Equal(v1alpha1.RolloutSuperseded))
	})
	t.Run("a rollout past twice its usual time has failed", func(t *testing.T) {
		g := NewWithT(t)
		e := Supersede(rolling, after(40))
		g.Expect(only(e, v1alpha1.TrialRollout)).To(Equal([]string{"Rollout Failure"}))
		g.Expect(Result(e)).To(Equal(v1alpha1.RolloutFailed))
		g.Expect(Carry(e, before, newImage).Carried).To(Equal(predictability(0, 1000)))
	})
}

func TestResult(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Result(v1alpha1.Evidence{})).To(Equal(v1alpha1.RolloutRolling))
	g.Expect(Result(settledEvidence())).To(Equal(v1alpha1.RolloutStable))
}

func TestShownIsWhatTheQualitiesCameTo(t *testing.T) {
	e := settledEvidence() // a rollout and two starts in one episode: 3/(1+0.5*2)
	NewWithT(t).Expect(Shown(e)).To(Equal(predictability(1500, 0)))
}
