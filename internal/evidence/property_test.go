// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

const (
	worlds = 4
	// lifetime of a world, in paces.
	lifetime = 30
)

// TestAnObserverWhoMissesNothingCountsWhatHappened makes sure that the limits of the
// tests below are not kept by counting nothing.
func TestAnObserverWhoMissesNothingCountsWhatHappened(t *testing.T) {
	gaps := 0
	for seed := range uint64(worlds) {
		g := NewWithT(t)
		w, e := newWorld(seed), v1alpha1.Evidence{}
		counted := map[string]int{}
		for range lifetime * w.pace {
			w.step()
			next := Observe(e, w.look(w.gone), after(w.second))
			tallyNew(counted, e, next)
			e = next
		}
		for what, n := range w.truth {
			g.Expect(counted[what]).To(And(BeNumerically(">=", n), BeNumerically("<=", n+lateStarts(what, w))), "seed %d: %s", seed, what)
		}
		g.Expect(w.truth["Start Success"]).To(BeNumerically(">", 10))
		g.Expect(w.truth["Replacement Success"]).To(BeNumerically(">", 3))
		g.Expect(w.truth["Restart Success"] + w.truth["Restart Failure"]).To(BeNumerically(">", 3))
		g.Expect(counted["Containment Success"]).To(And(BeNumerically(">", 10), BeNumerically("<=", w.atMost["Containment Success"])))
		g.Expect(counted["Containment Failure"]).To(BeNumerically("<=", w.atMost["Containment Failure"]))
		gaps += counted["Containment Failure"]
	}
	NewWithT(t).Expect(gaps).To(BeNumerically(">", 0), "some world has a gap")
}

// observer is an operator that looks late, or not at all, and whose watches are interrupted.
type observer struct {
	random *rand.Rand
	// departed are the pods that went away and are not judged yet.
	departed []workload.Pod
	away     int
}

// looks says whether it looks in a second in which pods went away.
func (o *observer) looks(gone []workload.Pod) bool {
	o.departed = append(o.departed, gone...)
	if o.away--; o.away > 0 {
		o.departed = nil
		return false
	}
	switch o.random.IntN(100) {
	case 0:
		o.away, o.departed = o.random.IntN(600), nil // the operator is restarted
		return false
	case 1, 2, 3:
		o.departed = nil // a watch is interrupted
	case 4, 5, 6, 7, 8, 9, 10, 11, 12, 13:
		return false
	}
	return true
}

// TestNeverMoreThanHappened looks at random, twice, late or not at all, loses pods that
// left, goes back to an older report, and restarts.
func TestNeverMoreThanHappened(t *testing.T) {
	for seed := range uint64(worlds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			g := NewWithT(t)
			o := &observer{random: rand.New(rand.NewPCG(seed, 11))}
			w, e := newWorld(seed), v1alpha1.Evidence{}
			counted := map[string]int{}
			for range lifetime * w.pace {
				w.step()
				if !o.looks(w.gone) {
					continue
				}
				look := w.look(o.departed)
				next := Observe(stored(t, e), look, after(w.second))
				if o.random.IntN(10) == 0 {
					continue // the write fails: the same comes again later
				}
				again := Observe(stored(t, next), look, after(w.second))
				g.Expect(equality.Semantic.DeepEqual(again, stored(t, next))).To(BeTrue(), "the same look changes nothing")
				if deadline := NextDeadline(next); deadline != nil {
					g.Expect(*deadline).To(BeTemporally(">", after(w.second)), "no look is due again at once")
				}
				tallyNew(counted, e, next)
				e = next
				if o.random.IntN(3) > 0 {
					o.departed = nil // judged; else they are given again
				}
			}
			for what, n := range counted {
				g.Expect(n).To(BeNumerically("<=", w.truth[what]+w.atMost[what]+lateStarts(what, w)), what)
			}
			g.Expect(counted["Start Success"]).To(BeNumerically(">", 0))
			g.Expect(counted["Containment Success"]).To(BeNumerically(">", 0))
			if w.pace == paces[1] {
				g.Expect(counted["Restart Success"]).To(BeNumerically(">", 0))
			}
		})
	}
}

// lateStarts are the failed starts that the world is not sure of yet: what is usual
// decides, and it may be much shorter.
func lateStarts(what string, w *world) int {
	late := 0
	for _, p := range w.pods {
		if what == "Start Failure" && !p.Ready && p.readyAt-p.startAt == stuckFor {
			late++
		}
	}
	return late
}

// tallyNew adds the trials that are new in next.
func tallyNew(counted map[string]int, previous, next v1alpha1.Evidence) {
	for _, trial := range next.Trials {
		known := false
		for _, old := range previous.Trials {
			known = known || old.ID == trial.ID
		}
		if !known && (trial.Outcome == v1alpha1.TrialSuccess || trial.Outcome == v1alpha1.TrialFailure) {
			counted[fmt.Sprintf("%s %s", trial.Kind, trial.Outcome)]++
		}
	}
}

// stored is what the API server gives back.
func stored(t *testing.T, e v1alpha1.Evidence) v1alpha1.Evidence {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back v1alpha1.Evidence
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	return back
}
