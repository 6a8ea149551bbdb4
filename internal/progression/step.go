// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	cleanRevision = "clean revision"
	// maxNext is the longest sentence about what comes next, and of why a level changed.
	maxNext = 512
)

// Input is everything that the level of a guardrail in an environment depends on.
type Input struct {
	Guardrail string
	// Rule is a digest of the guardrail as it is written and set now.
	Rule string
	// Bounds of the climb; see Stands.
	Bounds Bounds
	// BackgroundOnly is true for a rule that reads what admission cannot: it observes.
	BackgroundOnly bool
	// Exclusions are the objects that it does not judge here.
	Exclusions []v1alpha1.Exclusion
	// Held is the mistake in the policy that may be why it does not bring the guardrail any more;
	// see AsItStood. It does not rise. Empty when the policy brings it.
	Held string
	// Uncompiled says why the rule, which was accepted, cannot be compiled; empty when it
	// can. Nothing is known then, and nothing moves but by maxLevel.
	Uncompiled string
	// Previous is where the guardrail stood; nil when it is new here.
	Previous *v1alpha1.GuardrailState
	// Record of the guardrail here.
	Record Record
	// Members are the namespaces of the environment.
	Members []Member
	// Predecessor is the environment that this one follows; nil when it follows none.
	Predecessor *Predecessor
	// Unseen says why native admission has not been seen to do what it should; empty when
	// it has. Nothing rises meanwhile.
	Unseen string
	// Progression and Suspend of the effective policy.
	Progression v1alpha1.Progression
	Suspend     v1alpha1.SuspendMode
	Now         time.Time
}

// Output is where the guardrail stands now.
type Output struct {
	State v1alpha1.GuardrailState
	// EnforcedIn are the namespaces in which it is enforced, sorted; none below Enforce.
	EnforcedIn []string
	// Change is the step that was taken, to another level or to more namespaces; nil when
	// there was none. There is at most one.
	Change *v1alpha1.LevelChange
	// Down is true when it took consequences away.
	Down bool
	// Held are the namespaces that are held back from now on, and Released those that no
	// longer are, of a guardrail that was and is at Enforce. Where more were held back than
	// could be named, nobody can say who has come to them.
	Held     []v1alpha1.HeldBack
	Released []string
}

// Step takes the one step that the evidence calls for, if any: down before up, up by one
// level or one ring only. A guardrail that is new here begins at its startLevel, which
// says nothing later on, so that one that stepped down does not jump back. What begins to
// refuse has been announced by an earlier look.
func Step(in Input) Output {
	a := newAscent(in)
	m := a.move()
	from, was := a.level, a.spread
	a.take(m)
	out := Output{State: a.state()}
	if m.to != from || !m.spread.same(was) {
		out.Change, out.Down = a.change(from, m), from.Above(m.to) || was.beyond(m.spread)
	}
	if from == v1alpha1.Enforce && m.to == from {
		out.Held, out.Released = a.difference()
	}
	if m.to == v1alpha1.Enforce {
		out.EnforcedIn = a.spread.enforcedIn(in.Members, a.held)
	}
	return out
}

// ascent is one look at a guardrail.
type ascent struct {
	Input
	climb
	judged judgement
	// spread is how far Enforce has come.
	spread spread
	// held are the namespaces that are held back, or would be at Enforce.
	held []v1alpha1.HeldBack
	// heldBefore are those that are known to have been, sorted by name.
	heldBefore []string
	// candidates are the namespaces that may be enforced first, the best first.
	candidates []string
}

func newAscent(in Input) *ascent {
	if in.BackgroundOnly {
		in.Bounds = Bounds{Start: v1alpha1.Observe, Max: v1alpha1.Observe}
	}
	a := &ascent{Input: in, climb: newClimb(in.Progression, in.Now.UTC().Truncate(time.Second))}
	a.clean, a.max = cleanRevision, in.Bounds.Max
	if in.Held != "" {
		a.hold = "spec.guardrails does not bring it any more, perhaps by mistake"
	}
	a.judged = judge(in.Record.Trials, a.target, a.sureness, a.now)
	a.judgeBy(a.judged.counted, in.Predecessor.carry(a.climb))
	a.without = a.judged.apart
	if in.Previous != nil {
		a.level, a.since = in.Previous.Level, in.Previous.Since.Time
		a.spread = spreadOf(in.Previous, in.Members)
	}
	a.heldBefore = heldIn(in.Previous)
	a.held = a.holds()
	a.candidates = a.rank()
	return a
}

// move is where a guardrail goes, and why.
type move struct {
	to     v1alpha1.Level
	spread spread
	why    string
	// anew is true when the level begins again though it stays the same.
	anew bool
}

// move finds the first reason to leave the level.
func (a *ascent) move() move {
	if a.Previous == nil {
		return a.begin()
	}
	stay := move{to: a.level, spread: a.spread}
	// What a rewritten rule refuses is new: suspension freezes levels, and not what they refuse.
	if a.rewritten() && !a.level.Above(a.max) {
		return a.beginAnew()
	}
	if a.Suspend == v1alpha1.SuspendAll {
		return stay
	}
	if a.level.Above(a.max) {
		return move{to: a.max, why: fmt.Sprintf("maxLevel is %s", a.max)}
	}
	if why := a.misbehaviour(); why != "" && a.level != a.level.Previous() {
		return move{to: a.level.Previous(), why: why}
	}
	if a.level == v1alpha1.Enforce {
		return a.moveRing()
	}
	if a.waits() != "" {
		return stay
	}
	up := move{to: a.level.Next(), why: a.sofar()}
	if up.to == v1alpha1.Enforce {
		if !a.announced() {
			return stay
		}
		up.spread = a.begun()
	}
	return up
}

// moveRing is where a guardrail at Enforce goes: to more namespaces.
func (a *ascent) moveRing() move {
	stay := move{to: a.level, spread: a.spread}
	w, further := a.widen()
	if !further || a.waitsToWiden(w) != "" {
		return stay
	}
	if !a.announced() && !a.vacant() {
		return stay
	}
	why := a.sofar()
	if w.told {
		why = "as the policy says"
	}
	return move{to: a.level, spread: w.to, why: why}
}

// take makes the move.
func (a *ascent) take(m move) {
	if m.to != a.level || m.anew {
		a.since = a.now
	}
	a.level, a.spread = m.to, m.spread
}

// rewritten says whether the guardrail says something else than when it was judged last.
func (a *ascent) rewritten() bool { return a.Previous.Rule != "" && a.Previous.Rule != a.Rule }

// beginAnew is where a rewritten guardrail goes on: what the old rule has earned says
// nothing about what the new one would refuse, so that it may warn at most, unless its
// startLevel is Enforce outright: then its rings begin anew. It never rises by being
// rewritten.
func (a *ascent) beginAnew() move {
	why := "the rule was rewritten: what it refuses now must be seen first"
	switch {
	case a.level != v1alpha1.Enforce:
		return move{to: a.level, anew: true}
	case a.Bounds.Start != v1alpha1.Enforce:
		return move{to: v1alpha1.Warn, why: why}
	default:
		return move{to: a.level, spread: a.begun(), why: why, anew: true}
	}
}

// begin is the first level of a guardrail that is new here; one step lower when it
// already fails to evaluate.
func (a *ascent) begin() move {
	m := move{to: a.Bounds.Start, why: fmt.Sprintf("new here: startLevel is %s", a.Bounds.Start)}
	if len(a.Record.Failing) > 0 {
		m = move{to: a.Bounds.Start.Previous(), why: "new here, below its startLevel: " + a.failing()}
	}
	if m.to == v1alpha1.Enforce {
		m.spread = a.begun()
	}
	return m
}

// misbehaviour is what takes a level away; empty when there is none. A failure to
// evaluate counts once, when it begins: it does not cost a level at every look.
func (a *ascent) misbehaviour() string {
	if a.Uncompiled != "" {
		return "" // the fault is this operator's, and not the rule's
	}
	if a.beyondOneTeam(a.failingIn()) && !a.beyondOneTeam(int(a.Previous.FailingNamespaces)) {
		return a.failing()
	}
	regressed := slices.DeleteFunc(a.recent(a.Record.Trials), func(t Trial) bool { return !t.Regressed })
	where := map[string]bool{}
	for _, t := range regressed {
		where[t.Namespace] = true
	}
	if !a.beyondOneTeam(len(where)) {
		return ""
	}
	return fmt.Sprintf("it would refuse a revision of %s in %s that was proven there before", regressed[0].Subject, regressed[0].Namespace)
}

// failingIn is in how many namespaces the guardrail cannot be evaluated.
func (a *ascent) failingIn() int {
	where := map[string]bool{}
	for _, subject := range a.Record.Failing {
		namespace, _, _ := strings.Cut(subject, "/")
		where[namespace] = true
	}
	return len(where)
}

// beyondOneTeam says whether something happens in more than one namespace, or in the only
// one: who may edit one namespace takes no consequence away from the others.
func (a *ascent) beyondOneTeam(namespaces int) bool {
	return namespaces >= min(2, max(1, len(a.Record.Namespaces)))
}

func (a *ascent) failing() string {
	return fmt.Sprintf("it cannot be evaluated on %s: see their ReadinessReports", some(a.Record.Failing))
}

// state is what is shown of the climb.
func (a *ascent) state() v1alpha1.GuardrailState {
	state := v1alpha1.GuardrailState{
		Name: a.Guardrail, Rule: a.Rule, Level: a.level, MaxLevel: a.max, Since: metav1.NewTime(a.since),
		Revisions: int32(len(a.Record.Trials)), WouldRefuse: int32(failures(a.Record.Trials)),
		Score: a.score(), Violating: int32(a.Record.violators()), Failing: int32(len(a.Record.Failing)),
		Excluded: int32(a.Record.Excluded), Noisy: int32(a.Record.Noisy), Fixed: int32(a.Record.Fixed),
		SuspectedFalsePositives: int32(a.Record.SuspectedFalsePositives),
		WouldBeRefused:          a.refused(), HeldBack: a.listed(), ExcludedNamespaces: a.excluded(),
		Uncountable: int32(a.Record.Uncountable), Uncompiled: message.Cut(a.Uncompiled, maxNext),
		Held: message.Cut(a.Held, maxNext), Exclusions: digestOf(a.Exclusions),
	}
	if a.level == v1alpha1.Enforce || a.foretells() {
		state.HeldBackTotal = int32(len(a.held))
	}
	if a.level == v1alpha1.Enforce {
		state.HeldBackNamespaces = namespacesOf(a.held[:min(len(a.held), maxHeldNames)])
		since := metav1.NewTime(a.spread.since)
		state.Ring, state.RingSince, state.RingNamespaces = a.spread.ring, &since, a.spread.namespaces
	}
	state.FailingNamespaces = int32(a.failingIn())
	if (a.Suspend == v1alpha1.SuspendAll || a.Uncompiled != "") && a.Previous != nil {
		// A failure that begins while nothing moves costs its level afterwards.
		state.FailingNamespaces = min(state.FailingNamespaces, a.Previous.FailingNamespaces)
	}
	state.Next = message.Cut(a.next(), maxNext)
	return state
}

// refused is what Enforce would refuse, where Enforce is or may come.
func (a *ascent) refused() []string {
	if a.max != v1alpha1.Enforce || !a.level.Above(v1alpha1.Observe) {
		return nil
	}
	return a.Record.Refused
}

func (a *ascent) change(from v1alpha1.Level, m move) *v1alpha1.LevelChange {
	return &v1alpha1.LevelChange{
		Time: metav1.NewTime(a.now), Guardrail: a.Guardrail, From: from, To: m.to, Ring: m.spread.ring,
		Why: message.Cut(m.why, maxNext),
	}
}

// difference is who is held back and was not, and who no longer is.
func (a *ascent) difference() (came []v1alpha1.HeldBack, left []string) {
	are := map[string]bool{}
	for _, h := range a.held {
		are[h.Namespace] = true
		if !a.forgotten() && !a.wasHeld(h.Namespace) {
			came = append(came, h)
		}
	}
	for _, n := range a.heldBefore {
		if !are[n] {
			left = append(left, n)
		}
	}
	return came, left
}
