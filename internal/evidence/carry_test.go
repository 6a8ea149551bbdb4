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
	newConfig = v1alpha1.RevisionMechanism{Content: "c", Configuration: "m", Starting: "s", Recovering: "r", Stopping: "t"}
	movedTag  = v1alpha1.RevisionMechanism{Content: "c", Images: "i", Starting: "s", Recovering: "r", Stopping: "t"}
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
		"half of them outlive a new ConfigMap":              {v1alpha1.Evidence{Trials: good(4)}, newConfig, predictability(2000, 0)},
		"half of them outlive a tag that moved":             {v1alpha1.Evidence{Trials: good(4)}, movedTag, predictability(2000, 0)},
		"a failure outlives a new ConfigMap":                {v1alpha1.Evidence{Trials: bad(1)}, newConfig, predictability(0, 1000)},
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

func TestAMechanismIsOfTheQualitiesThatItMakes(t *testing.T) {
	all := func(change func(*v1alpha1.RevisionMechanism)) v1alpha1.RevisionMechanism {
		m := before
		change(&m)
		return m
	}
	for name, c := range map[string]struct {
		to                                          v1alpha1.RevisionMechanism
		predictability, recoverability, safeFailure float64
	}{
		"replicas or Secrets change none":             {before, 1, 1, 1},
		"an image changes all by half":                {newImage, .5, .5, .5},
		"so does a ConfigMap":                         {newConfig, .5, .5, .5},
		"and a tag that moved":                        {movedTag, .5, .5, .5},
		"probes make all of them":                     {newProbes, 0, 0, 0},
		"the strategy makes recovery and containment": {all(func(m *v1alpha1.RevisionMechanism) { m.Recovering = "r2" }), 1, 0, 0},
		"hooks and the grace period make safe ends":   {all(func(m *v1alpha1.RevisionMechanism) { m.Stopping = "t2" }), 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(survival(v1alpha1.Predictability, before, c.to)).To(Equal(c.predictability))
			g.Expect(survival(v1alpha1.Recoverability, before, c.to)).To(Equal(c.recoverability))
			g.Expect(survival(v1alpha1.SafeFailure, before, c.to)).To(Equal(c.safeFailure))
		})
	}
}

func TestRecarry(t *testing.T) {
	shown := predictability(8000, 1000)
	begun := v1alpha1.Evidence{Carried: predictability(4000, 500), StartSeconds: []int32{3}, Open: []v1alpha1.OpenTrial{{ID: "x"}}}
	for name, c := range map[string]struct {
		shown []v1alpha1.CarriedEvidence
		to    v1alpha1.RevisionMechanism
		want  []v1alpha1.CarriedEvidence
	}{
		"two parts of one change halve once":           {shown, newConfig, predictability(4000, 500)},
		"a change that was taken back changed nothing": {shown, before, predictability(5000, 500)},
		"a part that is a mechanism rebuilds":          {shown, newProbes, predictability(0, 500)},
		"nothing comes from nothing":                   {nil, before, predictability(0, 500)},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(Recarry(begun, c.shown, before, c.to)).To(Equal(v1alpha1.Evidence{Carried: c.want, StartSeconds: []int32{3}}))
		})
	}
}

func TestWhatAnotherWorkloadTookOverIsNotCarriedAgain(t *testing.T) {
	g := NewWithT(t)
	g.Expect(WithoutSuccesses(v1alpha1.Evidence{Carried: predictability(4000, 500)}).Carried).To(Equal(predictability(0, 500)))
	g.Expect(WithoutSuccesses(v1alpha1.Evidence{Carried: predictability(4000, 0), StartSeconds: []int32{3}})).To(Equal(v1alpha1.Evidence{StartSeconds: []int32{3}}))
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
		e := Supersede(rolling, Snapshot{}, after(39))
		g.Expect(e.Open).To(BeEmpty())
		g.Expect(summary(e)).To(ConsistOf("Rollout Censored", "Start Censored"))
		g.Expect(Result(e)).To(Equal(v1alpha1.RolloutSuperseded))
	})
	t.Run("a rollout past twice its usual time has failed", func(t *testing.T) {
		g := NewWithT(t)
		e := Supersede(rolling, Snapshot{}, after(40))
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
