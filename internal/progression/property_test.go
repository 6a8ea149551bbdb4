// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// TestRandomHistories plays thousands of histories of one guardrail, in which revisions
// come clean or not, namespaces come and go, the guardrail fails to evaluate, admission is
// not seen live, and people suspend, hold, exclude namespaces, and change maxLevel and
// rings. It holds each look against the invariants.
func TestRandomHistories(t *testing.T) {
	const histories, looks = 1000, 25
	var levels, widened, everywhere, held, lowered int
	for seed := range int64(histories) {
		h := newHistory(t, seed)
		for range looks {
			h.live()
			out := h.check()
			switch c := out.Change; {
			case c == nil:
			case out.Down:
				lowered++
			case c.From == c.To:
				widened++
			default:
				levels++
			}
			held += len(out.Held)
		}
		if h.state.Ring == v1alpha1.RingAll {
			everywhere++
		}
	}
	g := NewWithT(t)
	for what, n := range map[string]int{"levels rise": levels, "rings widen": widened, "namespaces are held back": held, "guardrails step down": lowered, "Enforce comes everywhere": everywhere} {
		g.Expect(n).To(BeNumerically(">", histories/20), "%s in some histories", what)
	}
}

// history is a world in which anything may happen, and what was seen of it.
type history struct {
	*world
	t    *testing.T
	seed int64
	// known are the namespaces of the last look.
	known []string
	// trials of this look, by namespace.
	trials map[string][]Trial
}

func newHistory(t *testing.T, seed int64) *history {
	h := &history{world: newWorld(seed), t: t, seed: seed}
	h.in.Bounds.Start = []v1alpha1.Level{v1alpha1.Observe, v1alpha1.Warn}[seed%2]
	for range 1 + h.random.Intn(9) {
		h.found(h.rate(), h.random.Intn(3) > 0, 1+h.random.Intn(2))
	}
	return h
}

// rate is how often changes of a namespace comply; most of the time of nearly all.
func (h *history) rate() int {
	return []int{0, 60, 90, 97, 100, 100, 100, 100}[h.random.Intn(8)]
}

// live lets something happen.
func (h *history) live() {
	h.pass(time.Duration(h.random.Intn(3600)) * time.Second)
	for range h.random.Intn(5) {
		if len(h.namespaces) > 0 {
			h.release(h.namespaces[h.random.Intn(len(h.namespaces))], []string{"", "ci", "eve", "bob"}[h.random.Intn(4)])
		}
	}
	switch h.random.Intn(20) {
	case 0:
		h.found(h.rate(), h.random.Intn(2) == 0, 1+h.random.Intn(2))
	case 1:
		if len(h.namespaces) > 1 {
			i := h.random.Intn(len(h.namespaces))
			h.namespaces = slices.Delete(h.namespaces, i, i+1)
		}
	case 2:
		h.regress()
	case 3, 4:
		if len(h.namespaces) > 0 {
			n := h.namespaces[h.random.Intn(len(h.namespaces))]
			h.exclude(n, !n.excluded)
		}
	}
	for _, n := range h.namespaces {
		if h.random.Intn(2) == 0 {
			n.judgeAgain() // the others are judged again later
		}
	}
	h.in.Suspend, h.in.Unseen, h.in.Bounds.Max = v1alpha1.SuspendNone, "", v1alpha1.Enforce
	h.in.Progression.Mode, h.in.Progression.Rings = v1alpha1.ProgressionAutomatic, v1alpha1.RingsAutomatic
	for _, n := range h.namespaces {
		for i := range n.reports {
			n.reports[i].Status.Guardrails[0].Error = ""
		}
	}
	switch h.random.Intn(30) {
	case 0:
		h.in.Suspend = v1alpha1.SuspendAll
	case 1:
		h.in.Progression.Mode = v1alpha1.ProgressionHold
	case 2:
		h.in.Bounds.Max = v1alpha1.Warn
	case 3:
		h.in.Unseen = "no answer"
	case 4:
		h.in.Progression.Rings = v1alpha1.RingsOff
	case 5:
		if len(h.namespaces) > 0 && len(h.namespaces[0].reports) > 0 {
			h.namespaces[0].reports[0].Status.Guardrails[0].Error = "no such key"
		}
	}
}

// regress lets a violating revision come back that had been proven.
func (h *history) regress() {
	for _, n := range h.namespaces {
		for i := range n.reports {
			status := &n.reports[i].Status
			if len(status.Outcomes) > 0 && len(status.Outcomes[0].NewFindings) > 0 {
				proven := status.Outcomes[0].Time
				proven.Time = proven.Add(-time.Hour)
				status.Proven = []v1alpha1.ProvenRevision{{Hash: status.Outcomes[0].Hash, Time: proven}}
				return
			}
		}
	}
}

// check looks once, and holds what it sees against the invariants.
func (h *history) check() Output {
	h.t.Helper()
	expect := func(actual any, matcher types.GomegaMatcher, why string) {
		h.t.Helper()
		NewWithT(h.t).Expect(actual).To(matcher, "seed %d, at %s: %s; next was %q", h.seed, h.in.Now, why, h.nextBefore())
	}
	before := h.state
	var were []string
	if before != nil {
		were = written(before, h.known)
	}
	out := h.look()
	h.trials = map[string][]Trial{}
	for _, t := range h.in.Record.Trials {
		h.trials[t.Namespace] = append(h.trials[t.Namespace], t)
	}
	switch h.random.Intn(4) {
	case 0:
		expect(Step(h.in), Equal(out), "the same look has the same outcome")
	case 1:
		expect(h.look(), Equal(out), "the order of the reports changes nothing")
	}

	frozen := h.in.Suspend == v1alpha1.SuspendAll
	expect(out.State.Next, Not(BeEmpty()), "it says what it waits for")
	if !frozen {
		expect(out.State.Level.Above(h.in.Bounds.Max), BeFalse(), "maxLevel caps")
	}
	expect(len(out.State.RingNamespaces), BeNumerically("<=", maxRing), "bounded")
	expect(len(out.State.HeldBack), BeNumerically("<=", maxHeldBack), "bounded")
	expect(out.EnforcedIn, Equal(written(&out.State, h.names())), "an operator that restarts enforces in the same namespaces")
	if before == nil {
		expect(out.State.Level, BeElementOf(h.in.Bounds.Start, h.in.Bounds.Start.Previous()), "it begins at startLevel")
	} else {
		h.checkMove(expect, before, out, were)
	}

	h.state, h.known = &out.State, h.names()
	return out
}

func (h *history) nextBefore() string {
	if h.state == nil {
		return ""
	}
	return h.state.Next
}

func (h *history) checkMove(expect func(any, types.GomegaMatcher, string), before *v1alpha1.GuardrailState, out Output, were []string) {
	h.t.Helper()
	idle := h.in.Suspend == v1alpha1.SuspendAll || h.in.Progression.Mode == v1alpha1.ProgressionHold || h.in.Unseen != "" || len(h.in.Record.Failing) > 0
	rose := out.Change != nil && !out.Down
	if rose {
		expect(idle, BeFalse(), "nothing rises while it is suspended, held, unseen, or cannot be evaluated")
		expect(out.Change.To, BeElementOf(before.Level.Next(), v1alpha1.Enforce), "one step at a time")
	}
	if out.State.Level == v1alpha1.Enforce && before.Level != v1alpha1.Enforce {
		expect(before.Level, Equal(v1alpha1.Warn), "Enforce only from Warn")
		expect(*out.State.Score, BeNumerically(">=", 80), "and with evidence")
		expect(before.WouldBeRefused, Equal(out.State.WouldBeRefused), "what it refuses was published before")
		if h.in.Progression.Rings == v1alpha1.RingsAutomatic {
			expect(out.State.RingNamespaces, HaveLen(1), "in one namespace first")
		}
	}
	if rose && out.Change.To == v1alpha1.Enforce {
		expect(before.Next, HavePrefix(announcement), "it was announced one look before")
		told := before.Level == v1alpha1.Enforce && h.in.Progression.Rings == v1alpha1.RingsOff
		expect(told || len(h.laggards()) == 0 || 2*len(h.laggards()) < len(h.trials), BeTrue(), "a rule that changes keep violating does not rise")
	}
	if rose && before.Level == v1alpha1.Enforce && out.State.Ring != before.Ring && h.in.Progression.Rings == v1alpha1.RingsAutomatic {
		expect(h.provedRing(before), BeTrue(), "each ring has clean trials before the next")
	}

	h.checkReach(expect, before, out, were)

	spreads := h.fails() && before.FailingNamespaces < min(2, max(1, int32(len(h.in.Record.Namespaces))))
	misbehaves := spreads || h.regressed(before)
	if misbehaves && h.in.Suspend != v1alpha1.SuspendAll && before.Level == v1alpha1.Enforce && h.in.Bounds.Max == v1alpha1.Enforce {
		expect(out.State.Level, Equal(v1alpha1.Warn), "misbehaviour costs a level within one look, whatever the ring")
		expect(out.State.Ring, BeEmpty(), "and its rings begin anew")
	}
	if out.Down && before.Level != v1alpha1.Observe && h.in.Bounds.Max == v1alpha1.Enforce && out.State.Level != before.Level {
		expect(misbehaves, BeTrue(), "nothing else costs a level")
	}
}

// checkReach holds the namespaces that are enforced from now on against what they have shown.
func (h *history) checkReach(expect func(any, types.GomegaMatcher, string), before *v1alpha1.GuardrailState, out Output, were []string) {
	h.t.Helper()
	are := written(&out.State, h.names())
	for _, laggard := range h.laggards() {
		if !slices.Contains(were, laggard) && !h.leftOut(laggard) {
			expect(are, Not(ContainElement(laggard)), "a laggard is held back: "+laggard)
		}
	}
	for _, n := range h.namespaces {
		switch {
		case n.excluded || n.returned.IsZero():
		case !h.in.Record.Awaited[n.Name] && !slices.Contains(h.in.Record.Namespaces, n.Name):
			n.returned = time.Time{} // there is nothing that it judges
		case slices.ContainsFunc(h.trials[n.Name], func(t Trial) bool { return !t.Failed && t.Time.After(n.returned) }):
			n.returned = time.Time{}
		default:
			expect(are, Not(ContainElement(n.Name)), "what was excluded shows something before it is enforced: "+n.Name)
		}
	}
	for _, n := range h.namespaces {
		trials := h.trials[n.Name]
		if !slices.Contains(are, n.Name) || slices.Contains(were, n.Name) || n.excluded {
			continue
		}
		if len(h.in.Record.Namespaces) > 0 && slices.Contains(h.in.Record.Namespaces, n.Name) && n.Busy {
			shown := slices.ContainsFunc(trials, func(t Trial) bool { return !t.Failed && t.Time.After(n.Joined) })
			expect(shown, BeTrue(), "nothing is enforced where workloads ran before without a clean trial: "+n.Name)
		}
	}
	// Who is enforced stays so, whatever comes there, as long as the level stands and no
	// exclusion ends. Who has only just joined was perhaps never enforced.
	if out.Change == nil && out.State.Level == v1alpha1.Enforce && before.Level == v1alpha1.Enforce {
		for _, n := range h.namespaces {
			if slices.Contains(were, n.Name) && !slices.Contains(are, n.Name) && n.returned.IsZero() {
				expect(h.in.Now.Sub(n.Joined), BeNumerically("<=", lateArrival), "nothing takes a namespace out: "+n.Name)
				expect(h.mayLag(), ContainElement(n.Name), "only failed trials hold back who has just come: "+n.Name)
			}
		}
	}
}

// leftOut says whether a namespace is excluded as a whole.
func (h *history) leftOut(namespace string) bool {
	return slices.ContainsFunc(h.namespaces, func(n *testNamespace) bool { return n.Name == namespace && n.excluded })
}

// laggards by the definition: the newest trial failed, or fewer than three later ones are clean.
func (h *history) laggards() []string {
	return h.failing(func(failed, later Trial) bool { return later.Time.After(failed.Time) })
}

// mayLag are they, and those whose later trials are of the writer who brought the failure,
// soon after it.
func (h *history) mayLag() []string {
	return h.failing(func(failed, later Trial) bool {
		return later.Time.After(failed.Time) && (later.Writer != failed.Writer || later.Time.Sub(failed.Time) > episodeLength)
	})
}

// failing are the namespaces with fewer than three trials that make up for a failed one.
func (h *history) failing(makesUp func(failed, later Trial) bool) []string {
	var failing []string
	for namespace, trials := range h.trials {
		lags := slices.ContainsFunc(trials, func(failed Trial) bool {
			after := slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return !makesUp(failed, t) })
			return failed.Failed && len(after) < 3
		})
		if lags {
			failing = append(failing, namespace)
		}
	}
	return failing
}

// provedRing says whether some member of the ring had a clean trial since, and no member
// that is enforced and judged lacks one.
func (h *history) provedRing(before *v1alpha1.GuardrailState) bool {
	proved := false
	for _, n := range written(before, h.names()) {
		if before.Ring == v1alpha1.RingAll || !slices.Contains(h.in.Record.Namespaces, n) {
			continue
		}
		clean := slices.ContainsFunc(h.trials[n], func(t Trial) bool { return !t.Failed && t.Time.After(before.RingSince.Time) })
		if !clean {
			return false
		}
		proved = true
	}
	return proved
}

// fails says whether the rule cannot be evaluated, and not because of one namespace among others.
func (h *history) fails() bool {
	where := map[string]bool{}
	for _, subject := range h.in.Record.Failing {
		where[strings.Split(subject, "/")[0]] = true
	}
	return len(where) > 1 || len(where) == 1 && len(h.in.Record.Namespaces) <= 1
}

func (h *history) regressed(before *v1alpha1.GuardrailState) bool {
	where := map[string]bool{}
	for _, t := range h.in.Record.Trials {
		if t.Regressed && t.Time.After(before.Since.Time) && !t.Time.After(h.in.Now) {
			where[t.Namespace] = true
		}
	}
	return len(where) > 1 || len(where) == 1 && len(h.in.Record.Namespaces) <= 1
}

// TestALaggardIsHeldBackAlone lets one namespace violate the rule with nearly every change,
// among others that comply.
func TestALaggardIsHeldBackAlone(t *testing.T) {
	for seed := range int64(20) {
		g := NewWithT(t)
		w := newWorld(seed)
		for range 5 {
			w.found(100, true, 2)
		}
		laggard := w.found([]int{0, 0, 5}[seed%3], true, 2)
		rounds := 0
		for ; (w.state == nil || w.state.Ring != v1alpha1.RingAll) && rounds < 80; rounds++ {
			for _, n := range w.namespaces {
				w.pass(17 * time.Minute)
				w.release(n, "ci")
				w.see()
				g.Expect(w.enforcedIn()).NotTo(ContainElement(laggard.Name))
			}
		}
		g.Expect(rounds).To(BeNumerically("<", 80), "seed %d: the others are delayed: %s", seed, w.state.Next)
		g.Expect(w.enforcedIn()).To(HaveLen(5))
		g.Expect(w.state.HeldBack).To(ConsistOf(And(
			HaveField("Namespace", laggard.Name), HaveField("Owner", "owner"), HaveField("Why", ContainSubstring("violated it anew: enforced after")),
		)))

		laggard.clean = 100
		for range 4 {
			w.pass(17 * time.Minute)
			w.release(laggard, "ci")
			w.see()
		}
		g.Expect(w.enforcedIn()).To(HaveLen(6), "three clean changes in a row release it: %s", w.state.Next)
	}
}

// TestWhatChangesKeepViolatingStaysAtWarn lets changes violate the rule everywhere. To look
// for laggards at every look must not make such a rule pass: see the package's doc.
func TestWhatChangesKeepViolatingStaysAtWarn(t *testing.T) {
	for _, c := range []struct {
		clean, namespaces, atMost int
	}{{0, 6, 0}, {50, 6, 0}, {70, 6, 1}} {
		enforced := 0
		for seed := range int64(30) {
			w := newWorld(seed)
			w.in.Bounds.Start = v1alpha1.Warn
			for range c.namespaces {
				w.found(c.clean, true, 2)
			}
			for range 20 * c.namespaces {
				w.pass(30 * time.Minute)
				w.release(w.namespaces[w.random.Intn(c.namespaces)], "ci")
				w.see()
				if w.state.Level == v1alpha1.Enforce {
					enforced++
					break
				}
			}
		}
		NewWithT(t).Expect(enforced).To(BeNumerically("<=", c.atMost), "of 30 histories in which %d%% of changes comply", c.clean)
	}
}
