// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"math/rand"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// TestRandomHistories plays thousands of histories of one guardrail, with revisions that
// come clean or not, failures to evaluate, suspension, holds and changes of maxLevel, and
// holds each step against the invariants.
func TestRandomHistories(t *testing.T) {
	steps, enforced := 0, 0
	for seed := range int64(1000) {
		h := newHistory(seed)
		for range 40 {
			steps += h.step(t)
		}
		if h.state != nil && h.state.Level == v1alpha1.Enforce {
			enforced++
		}
	}
	g := NewWithT(t)
	g.Expect(steps).To(BeNumerically(">", 1000), "levels move at all")
	g.Expect(enforced).To(BeNumerically(">", 10), "some histories reach Enforce")
}

type history struct {
	seed   int64
	random *rand.Rand
	in     Input
	state  *v1alpha1.GuardrailState
	// chance of a clean revision, in percent.
	clean int
}

func newHistory(seed int64) *history {
	random := rand.New(rand.NewSource(seed))
	in := climbing(nil)
	in.Record = Record{Namespaces: []string{"a", "b"}}
	return &history{seed: seed, random: random, in: in, clean: []int{0, 50, 95, 100}[random.Intn(4)]}
}

// step lets something happen, steps, and returns 1 when the level moved.
func (h *history) step(t *testing.T) int {
	t.Helper()
	g := NewWithT(t)
	h.in.Now = h.in.Now.Add(time.Duration(h.random.Intn(1800)) * time.Second)
	for range h.random.Intn(3) {
		trial := Trial{
			Namespace: h.in.Record.Namespaces[h.random.Intn(2)], Writer: []string{"", "ci", "eve"}[h.random.Intn(3)],
			Time: h.in.Now, Failed: h.random.Intn(100) >= h.clean,
		}
		trial.Regressed = trial.Failed && h.random.Intn(10) == 0
		h.in.Record.Trials = append(slices.Clone(h.in.Record.Trials), trial)
	}
	h.in.Record.Failing, h.in.Suspend, h.in.Progression.Mode, h.in.Bounds.Max = nil, v1alpha1.SuspendNone, v1alpha1.ProgressionAutomatic, v1alpha1.Enforce
	switch h.random.Intn(15) {
	case 0:
		h.in.Record.Failing = []string{"a/Deployment x"}
	case 1:
		h.in.Suspend = v1alpha1.SuspendAll
	case 2:
		h.in.Progression.Mode = v1alpha1.ProgressionHold
	case 3:
		h.in.Bounds.Max = v1alpha1.Warn
	}
	h.in.Previous = h.state
	out := Step(h.in)

	before := v1alpha1.Level("")
	if h.state != nil {
		before = h.state.Level
	}
	if out.State.Level.Above(before) && before != "" {
		g.Expect(out.State.Level).To(Equal(before.Next()), "seed %d: one step at a time, so Enforce only from Warn", h.seed)
		g.Expect(h.in.Record.Failing).To(BeEmpty(), "seed %d: nothing rises while it cannot be evaluated", h.seed)
		g.Expect(h.in.Suspend).NotTo(Equal(v1alpha1.SuspendAll), "seed %d", h.seed)
		g.Expect(h.in.Progression.Mode).NotTo(Equal(v1alpha1.ProgressionHold), "seed %d", h.seed)
		recent := after(h.in.Record.Trials, h.state.Since.Time)
		g.Expect(recent).NotTo(BeEmpty(), "seed %d: no data never raises", h.seed)
		g.Expect(*out.State.Score).To(BeNumerically(">=", 80), "seed %d", h.seed)
		if out.State.Level == v1alpha1.Enforce {
			for _, n := range h.in.Record.Namespaces {
				g.Expect(slices.ContainsFunc(recent, func(t Trial) bool { return t.Namespace == n })).To(BeTrue(), "seed %d: %s has changed since Warn", h.seed, n)
			}
		}
	}
	if len(h.in.Record.Failing) > 0 && h.in.Suspend != v1alpha1.SuspendAll && before == v1alpha1.Enforce && h.state.Failing == 0 {
		g.Expect(out.State.Level).To(Equal(v1alpha1.Warn), "seed %d: misbehaviour costs a level within one step", h.seed)
	}
	g.Expect(out.State.Next).NotTo(BeEmpty(), "seed %d", h.seed)

	again := h.in
	again.Previous = &out.State
	again.Record.Trials = slices.Clone(h.in.Record.Trials)
	h.random.Shuffle(len(again.Record.Trials), func(i, j int) {
		again.Record.Trials[i], again.Record.Trials[j] = again.Record.Trials[j], again.Record.Trials[i]
	})
	repeated := Step(again)
	g.Expect(repeated.Change).To(BeNil(), "seed %d: a replay, in whatever order, changes nothing", h.seed)
	g.Expect(repeated.State).To(Equal(out.State), "seed %d", h.seed)

	h.state = &out.State
	if out.Change != nil {
		return 1
	}
	return 0
}
