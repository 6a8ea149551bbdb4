// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// reported is a decision at Report, made some time after noon.
func reported(kind v1alpha1.ActionKind, id string, after time.Duration) v1alpha1.ActTrial {
	return v1alpha1.ActTrial{
		ID: id, Kind: kind, Level: v1alpha1.ActReport, Decided: metav1.NewTime(noon.Add(after)), Generation: 7, Revision: 3,
	}
}

func settledAs(t v1alpha1.ActTrial, outcome v1alpha1.ActTrialOutcome) v1alpha1.ActTrial {
	t.Outcome = outcome
	return t
}

func TestASituationIsOneTrial(t *testing.T) {
	done := reported(v1alpha1.ActionRollback, "done", time.Hour)
	done.Level = v1alpha1.ActAct
	doneBefore := settledAs(done, v1alpha1.ActAgreed)
	doneBefore.ID, doneBefore.Decided = "displaced by later ones", metav1.NewTime(noon.Add(2*time.Hour))
	for _, test := range []struct {
		name     string
		known    []v1alpha1.ActTrial
		decision v1alpha1.ActTrial
		began    time.Duration
		opens    bool
	}{
		{"the first decision is one", nil, reported(v1alpha1.ActionRollback, "a", 0), 0, true},
		{"judged again it is the same", []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionRollback, "a", 0), v1alpha1.ActDisagreed)},
			reported(v1alpha1.ActionRollback, "a", time.Hour), 30 * time.Minute, false},
		{"while it is open there is no other, whatever is added to the drift", []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionCorrectDrift, "a", 0), v1alpha1.ActOpen)},
			reported(v1alpha1.ActionCorrectDrift, "b", time.Hour), 30 * time.Minute, false},
		{"drift that stood when an earlier decision was made is no new one", []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionCorrectDrift, "a", 0), v1alpha1.ActDisagreed)},
			reported(v1alpha1.ActionCorrectDrift, "b", time.Hour), -time.Minute, false},
		{"drift that began in the second of the decision is no new one", []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionCorrectDrift, "a", 0), v1alpha1.ActDisagreed)},
			reported(v1alpha1.ActionCorrectDrift, "b", time.Hour), 700 * time.Millisecond, false},
		{"drift that came later is", []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionCorrectDrift, "a", 0), v1alpha1.ActDisagreed)},
			reported(v1alpha1.ActionCorrectDrift, "b", time.Hour), time.Minute, true},
		{"an open decision of another kind is no hindrance", []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionCorrectDrift, "a", 0), v1alpha1.ActOpen)},
			reported(v1alpha1.ActionRollback, "b", time.Hour), 0, true},
		{"what was carried out follows what was reported", []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionRollback, "a", 0), v1alpha1.ActOpen)}, done, -time.Hour, true},
		{"what was carried out before a later action was counted then", []v1alpha1.ActTrial{doneBefore}, done, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			all, opens := Open(test.known, test.decision, noon.Add(test.began))
			g.Expect(opens).To(Equal(test.opens))
			open := 0
			for _, trial := range all {
				if trial.Kind == test.decision.Kind && trial.Outcome == v1alpha1.ActOpen {
					open++
				}
			}
			g.Expect(open).To(BeNumerically("<=", 1), "of one kind at most one is open")
			if opens {
				g.Expect(all[0].ID).To(Equal(test.decision.ID))
			}
		})
	}
}

func TestTheTrialsOfAWorkloadAreBounded(t *testing.T) {
	g := NewWithT(t)
	var trials []v1alpha1.ActTrial
	for i := range 50 {
		at := time.Duration(i) * time.Hour
		trials, _ = Open(trials, reported(v1alpha1.ActionRollback, fmt.Sprint(i), at), noon.Add(at))
		trials[0].Outcome = v1alpha1.ActAgreed
		if i%2 == 0 {
			trials[0].Outcome = v1alpha1.ActCensored
		}
	}
	g.Expect(trials).To(HaveLen(maxTrials))
	g.Expect(trials[0].ID).To(Equal("49"))
	g.Expect(Count(trials, v1alpha1.ActionRollback, time.Time{}).Agreed).To(BeNumerically(">=", maxTrials-1), "what says nothing goes first")
}

func TestADecisionThatNothingSettlesIsGivenUp(t *testing.T) {
	g := NewWithT(t)
	trials := []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionRollback, "a", 0), v1alpha1.ActOpen)}
	still := Rollback{Watched: true, Revision: 3, Failing: true, FailedBefore: true, Desired: 2}
	SettleRollback(trials, still, noon.Add(undecidedAfter-time.Second))
	g.Expect(trials[0].Outcome).To(Equal(v1alpha1.ActOpen))
	g.Expect(GivenUpAt(trials)).To(Equal(noon.Add(undecidedAfter)))
	SettleRollback(trials, still, noon.Add(undecidedAfter))
	g.Expect(trials[0].Outcome).To(Equal(v1alpha1.ActCensored))
	g.Expect(GivenUpAt(trials)).To(BeZero())
}

// Any interleaving of looks, edits, undoings, failures and repairs counts each situation
// once at most, and an outcome never changes once it is there.
func TestAnyInterleavingCountsADecisionOnce(t *testing.T) {
	const (
		edit = iota
		undo
		adopt
		fail
		repair
		replace
		events
	)
	for seed := range uint64(500) {
		g, chance := NewWithT(t), rand.New(rand.NewPCG(seed, 1))
		now, trials := noon, []v1alpha1.ActTrial(nil)
		var stamps drift.Stamps
		generation, revision := int64(1), int64(1)
		drifted, failing, failedBefore := time.Time{}, time.Time{}, false
		drifts, failures := 0, 0
		settled := map[string]v1alpha1.ActTrialOutcome{}
		write := func(user string) {
			generation++
			stamps = append(stamps, drift.Stamp{Generation: generation, User: user})
			stamps = stamps[max(0, len(stamps)-drift.MaxStamps):]
		}
		for range 60 {
			now = now.Add(time.Duration(1+chance.IntN(600)) * time.Second)
			switch chance.IntN(events) {
			case edit:
				write("dana")
				if drifted.IsZero() {
					drifted, drifts = now, drifts+1
				}
			case undo:
				write([]string{"deployer", "dana"}[chance.IntN(2)])
				drifted = time.Time{}
			case adopt:
				write("deployer")
			case fail:
				if failing.IsZero() {
					failing, failures = now, failures+1
				}
			case repair:
				failing = time.Time{}
			case replace:
				revision++
			}
			for range 1 + chance.IntN(3) { // looks, at the same state
				now = now.Add(time.Second)
				seen := Correction{Compared: true, Stamps: stamps, Generation: generation, Trusted: []string{"deployer"}, Operator: "rampart"}
				if !drifted.IsZero() {
					seen.Drifted = []drift.Leaf{{Path: drift.Path{{Field: "spec"}}, Was: "a", Is: "b"}}
				}
				SettleCorrection(trials, seen, now)
				SettleRollback(trials, Rollback{
					Watched: chance.IntN(4) > 0, Revision: revision, Cause: v1alpha1.CauseTemplate, Failing: !failing.IsZero(), FailedBefore: failedBefore,
					Complete: failing.IsZero(), Desired: 2,
				}, now)
				if !drifted.IsZero() {
					decision := reported(v1alpha1.ActionCorrectDrift, fmt.Sprint("drift", generation), 0)
					decision.Decided, decision.Generation = metav1.NewTime(now), generation
					trials, _ = Open(trials, decision, drifted)
				}
				if !failing.IsZero() {
					decision := reported(v1alpha1.ActionRollback, fmt.Sprint("rollback", revision), 0)
					decision.Decided, decision.Revision = metav1.NewTime(now), revision
					trials, _ = Open(trials, decision, failing)
				}
				failedBefore = !failing.IsZero()
				for _, trial := range trials {
					if was, found := settled[trial.ID]; found {
						g.Expect(trial.Outcome).To(Equal(was), "seed %d: %s", seed, trial.ID)
					}
					if trial.Outcome != v1alpha1.ActOpen {
						settled[trial.ID] = trial.Outcome
					}
				}
			}
		}
		counted := map[v1alpha1.ActionKind]int{}
		for id := range settled {
			kind := v1alpha1.ActionCorrectDrift
			if id[0] == 'r' {
				kind = v1alpha1.ActionRollback
			}
			counted[kind]++
		}
		g.Expect(counted[v1alpha1.ActionCorrectDrift]).To(BeNumerically("<=", drifts), "seed %d", seed)
		g.Expect(counted[v1alpha1.ActionRollback]).To(BeNumerically("<=", failures), "seed %d", seed)
	}
}
