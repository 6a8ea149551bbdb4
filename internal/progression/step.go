// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
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
	// Rule is a digest of the guardrail as it is written now.
	Rule string
	// Bounds of the climb; see Stands.
	Bounds Bounds
	// Previous is where the guardrail stood; nil when it is new here.
	Previous *v1alpha1.GuardrailState
	// Record of the guardrail here.
	Record Record
	// Predecessor is the environment that this one follows; nil when it follows none.
	Predecessor *Predecessor
	// Progression and Suspend of the effective policy.
	Progression v1alpha1.Progression
	Suspend     v1alpha1.SuspendMode
	Now         time.Time
}

// Output is where the guardrail stands now.
type Output struct {
	State v1alpha1.GuardrailState
	// Change is the step that was taken; nil when there was none. There is at most one.
	Change *v1alpha1.LevelChange
}

// Step takes the one step that the evidence calls for, if any: down before up, up by one
// level only. A guardrail that is new here begins at its startLevel, which says nothing
// later on, so that one that stepped down does not jump back.
func Step(in Input) Output {
	c := newClimb(in.Progression, in.Now.UTC().Truncate(time.Second))
	c.clean = cleanRevision
	c.trials, c.carried = in.Record.Trials, in.Predecessor.carry()
	c.max = in.Bounds.Max

	move := in.first(&c)
	if move.to != c.level {
		c.since = c.now
	}
	from := c.level
	c.level = move.to
	return Output{State: in.state(c), Change: in.change(from, move, c.now)}
}

// move is where a level goes, and why.
type move struct {
	to  v1alpha1.Level
	why string
}

// first sets the level that the climb comes from, and finds the first reason to leave it.
func (in Input) first(c *climb) move {
	if in.Previous == nil {
		return in.begin()
	}
	c.level, c.since = in.Previous.Level, in.Previous.Since.Time
	stay := move{to: c.level}
	if in.Suspend == v1alpha1.SuspendAll {
		return stay
	}
	if c.level.Above(c.max) {
		return move{c.max, fmt.Sprintf("maxLevel is %s", c.max)}
	}
	if in.rewritten() {
		return in.beginAnew(c)
	}
	if why := in.misbehaviour(*c); why != "" && c.level != c.level.Previous() {
		return move{c.level.Previous(), why}
	}
	if in.waits(*c) != "" {
		return stay
	}
	return move{c.level.Next(), c.sofar()}
}

// rewritten says whether the guardrail says something else than when it was judged last.
func (in Input) rewritten() bool { return in.Previous.Rule != "" && in.Previous.Rule != in.Rule }

// beginAnew is where a rewritten guardrail goes on: what the old rule has earned says
// nothing about what the new one would refuse, so that it may warn at most, unless its
// startLevel is Enforce outright. It never rises by being rewritten.
func (in Input) beginAnew(c *climb) move {
	c.since = c.now
	if c.level != v1alpha1.Enforce || in.Bounds.Start == v1alpha1.Enforce {
		return move{to: c.level}
	}
	return move{v1alpha1.Warn, "the rule was rewritten: what it refuses now must be seen first"}
}

// begin is the first level of a guardrail that is new here; one step lower when it
// already fails to evaluate.
func (in Input) begin() move {
	if len(in.Record.Failing) > 0 {
		return move{in.Bounds.Start.Previous(), "new here, below its startLevel: " + in.failing()}
	}
	return move{in.Bounds.Start, fmt.Sprintf("new here: startLevel is %s", in.Bounds.Start)}
}

// misbehaviour is what takes a level away; empty when there is none. A failure to
// evaluate counts once, when it begins: it does not cost a level at every look.
func (in Input) misbehaviour(c climb) string {
	if len(in.Record.Failing) > 0 && in.Previous.Failing == 0 {
		return in.failing()
	}
	for _, t := range c.recent() {
		if t.Regressed {
			return fmt.Sprintf("it would refuse a revision of %s in %s that was proven there before", t.Workload, t.Namespace)
		}
	}
	return ""
}

func (in Input) failing() string {
	return fmt.Sprintf("it cannot be evaluated on %s: see their ReadinessReports", some(in.Record.Failing))
}

// waits says what the next level waits for, or why there is none; empty when it is earned.
func (in Input) waits(c climb) string {
	if rest := c.atRest(); rest != "" {
		return rest
	}
	next := c.level.Next()
	if len(in.Record.Failing) > 0 {
		return fmt.Sprintf("%s once it can be evaluated everywhere: %s", next, in.failing())
	}
	if in.Predecessor != nil && !in.Predecessor.Exists {
		return in.Predecessor.missing(next, c.target, c.sureness)
	}
	if missing := c.missing(); missing != "" {
		return missing
	}
	if missing := in.Predecessor.missing(next, c.target, c.sureness); missing != "" {
		return missing
	}
	if next == v1alpha1.Enforce {
		if untouched := c.untouched(in.Record.Namespaces); len(untouched) > 0 {
			return fmt.Sprintf("%s after a new revision in %s: none has come there since %s was reached", next, some(untouched), c.level)
		}
	}
	return ""
}

// state is what is shown of the climb.
func (in Input) state(c climb) v1alpha1.GuardrailState {
	state := v1alpha1.GuardrailState{
		Name: in.Guardrail, Rule: in.Rule, Level: c.level, MaxLevel: c.max, Since: metav1.NewTime(c.since),
		Revisions: int32(len(c.trials)), WouldRefuse: int32(failures(c.trials)),
		Score: c.score(), Violating: int32(in.Record.Violating), Failing: int32(len(in.Record.Failing)),
	}
	if in.Suspend == v1alpha1.SuspendAll {
		state.Next = fmt.Sprintf("stays at %s: the environment is suspended", c.level)
		if in.Previous != nil {
			// A failure that begins while everything is suspended costs its level afterwards.
			state.Failing = min(state.Failing, in.Previous.Failing)
		}
		return state
	}
	state.Next = message.Cut(in.waits(c), maxNext)
	return state
}

func (in Input) change(from v1alpha1.Level, m move, now time.Time) *v1alpha1.LevelChange {
	if m.to == from {
		return nil
	}
	return &v1alpha1.LevelChange{
		Time: metav1.NewTime(now), Guardrail: in.Guardrail, From: from, To: m.to, Why: message.Cut(m.why, maxNext),
	}
}
