// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
	"github.com/rampart-dev/rampart/internal/message"
)

// climb is what guardrails and gates have in common: a level, the trials that speak for
// a higher one, and what a step needs.
type climb struct {
	level v1alpha1.Level
	since time.Time
	max   v1alpha1.Level
	// ceiling is what sets max: "maxLevel".
	ceiling string
	// trials of this environment, and what they are worth together with what another
	// environment adds to them.
	trials []Trial
	worth  confidence.Evidence
	// bound on the rate of successes, between 0 and 1, and how many more reach the target.
	bound  float64
	needed int
	// without are the namespaces whose trials are not among them.
	without []string
	// target and sureness are rates between 0 and 1.
	target, sureness float64
	// clean is what a success is called: "clean revision", "proven arrival".
	clean string
	// hold says who decided that nothing rises; empty when nobody did.
	hold string
	now  time.Time
}

// newClimb reads an effective policy's progression.
func newClimb(p v1alpha1.Progression, now time.Time) climb {
	return climb{
		ceiling: "maxLevel", target: float64(p.Target) / 100, sureness: float64(p.Confidence) / 100,
		hold: heldBy(p), now: now,
	}
}

func heldBy(p v1alpha1.Progression) string {
	if p.Mode == v1alpha1.ProgressionHold {
		return "progression.mode is Hold"
	}
	return ""
}

// judgeBy sets the trials that count, and what another environment adds to them.
func (c *climb) judgeBy(trials []Trial, carried confidence.Evidence) {
	c.trials, c.worth = trials, weigh(trials).Add(carried)
	c.bound, c.needed = confidence.Bound(c.worth, c.sureness), 0
	if c.bound < c.target {
		c.needed = confidence.Needed(c.worth, c.target, c.sureness)
	}
}

// score is the bound in percent; nil without a trial of this environment, because what
// happened elsewhere says nothing about this one alone.
func (c climb) score() *int32 {
	if len(c.trials) == 0 {
		return nil
	}
	percent := confidence.Percent(c.bound)
	return &percent
}

// recent are the trials since the level was reached. A time in the future, which a clock
// that was set back leaves behind, is none: it would count for every step to come.
func (c climb) recent(trials []Trial) []Trial {
	return slices.DeleteFunc(after(trials, c.since), func(t Trial) bool { return t.Time.After(c.now) })
}

// atRest says why no evidence moves the level up; empty when evidence can.
func (c climb) atRest() string {
	switch {
	case !c.max.Above(c.level):
		return fmt.Sprintf("stays at %s: %s is reached", c.level, c.ceiling)
	case c.hold != "":
		return fmt.Sprintf("stays at %s: %s", c.level, c.hold)
	default:
		return ""
	}
}

// missing says what evidence the next level still waits for; empty when it is earned.
func (c climb) missing() string {
	next := string(c.level.Next())
	if short := c.short(next); short != "" {
		return short
	}
	if len(c.recent(c.trials)) == 0 {
		return fmt.Sprintf("%s after 1 more %s: none has come since %s was reached", next, c.clean, c.level)
	}
	return ""
}

// short says how many trials a goal lacks; empty when the bound has reached the target.
func (c climb) short(goal string) string {
	switch {
	case c.needed == 0:
		return ""
	case len(c.trials) == 0:
		return fmt.Sprintf("%s after %s (none so far%s)", goal, count(c.needed, "", c.clean), c.leftOut())
	default:
		return fmt.Sprintf("%s after %s (%s)", goal, count(c.needed, "more ", c.clean), c.sofar())
	}
}

// sofar is the evidence in the fewest words: "2 of 2 so far, 61% of 80%".
func (c climb) sofar() string {
	total := len(c.trials)
	return fmt.Sprintf("%d of %d so far, %d%% of %d%%%s", total-failures(c.trials), total,
		confidence.Percent(c.bound), confidence.Percent(c.target), c.leftOut())
}

func (c climb) leftOut() string {
	if len(c.without) == 0 {
		return ""
	}
	return fmt.Sprintf(", without %s, where changes still violate it", some(c.without))
}

// untouched are the namespaces in which nothing has changed since the level was reached.
func (c climb) untouched(namespaces []string) []string {
	seen := map[string]bool{}
	for _, t := range c.recent(c.trials) {
		seen[t.Namespace] = true
	}
	return slices.DeleteFunc(slices.Clone(namespaces), func(n string) bool { return seen[n] })
}

func count(n int, more, noun string) string {
	if n == 1 {
		return "1 " + more + noun
	}
	return fmt.Sprintf("%d %s%ss", n, more, noun)
}

// some names the first few of many.
func some(names []string) string { return message.First(3, names) }
