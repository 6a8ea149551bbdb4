// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
)

// climb is what guardrails and gates have in common: a level, the trials that speak for
// a higher one, and what a step needs.
type climb struct {
	level v1alpha1.Level
	since time.Time
	max   v1alpha1.Level
	// trials of this environment, and what another one adds to them.
	trials  []Trial
	carried confidence.Evidence
	// target and sureness are rates between 0 and 1.
	target, sureness float64
	// clean is what a success is called: "clean revision", "proven arrival".
	clean string
	hold  bool
	now   time.Time
}

// newClimb reads an effective policy's progression.
func newClimb(p v1alpha1.Progression, now time.Time) climb {
	return climb{
		target: float64(p.Target) / 100, sureness: float64(p.Confidence) / 100,
		hold: p.Mode == v1alpha1.ProgressionHold, now: now,
	}
}

func (c climb) evidence() confidence.Evidence { return weigh(c.trials).Add(c.carried) }

// score is the bound in percent; nil without a trial of this environment, because what
// happened elsewhere says nothing about this one alone.
func (c climb) score() *int32 {
	if len(c.trials) == 0 {
		return nil
	}
	percent := confidence.Percent(confidence.Bound(c.evidence(), c.sureness))
	return &percent
}

// recent are the trials since the level was reached. A time in the future, which a clock
// that was set back leaves behind, is none: it would count for every step to come.
func (c climb) recent() []Trial {
	return slices.DeleteFunc(after(c.trials, c.since), func(t Trial) bool { return t.Time.After(c.now) })
}

// atRest says why no evidence moves the level up; empty when evidence can.
func (c climb) atRest() string {
	switch {
	case !c.max.Above(c.level):
		return fmt.Sprintf("stays at %s: maxLevel is reached", c.level)
	case c.hold:
		return fmt.Sprintf("stays at %s: progression.mode is Hold", c.level)
	default:
		return ""
	}
}

// missing says what evidence the next level still waits for; empty when it is earned.
func (c climb) missing() string {
	next, e := c.level.Next(), c.evidence()
	if needed := confidence.Needed(e, c.target, c.sureness); needed > 0 {
		if len(c.trials) == 0 {
			return fmt.Sprintf("%s after %s (none so far)", next, count(needed, "", c.clean))
		}
		return fmt.Sprintf("%s after %s (%s)", next, count(needed, "more ", c.clean), c.sofar())
	}
	if len(c.recent()) == 0 {
		return fmt.Sprintf("%s after 1 more %s: none has come since %s was reached", next, c.clean, c.level)
	}
	return ""
}

// sofar is the evidence in the fewest words: "2 of 2 so far, 61% of 80%".
func (c climb) sofar() string {
	total := len(c.trials)
	return fmt.Sprintf("%d of %d so far, %d%% of %d%%", total-failures(c.trials), total,
		confidence.Percent(confidence.Bound(c.evidence(), c.sureness)), confidence.Percent(c.target))
}

// untouched are the namespaces in which nothing has changed since the level was reached.
func (c climb) untouched(namespaces []string) []string {
	seen := map[string]bool{}
	for _, t := range c.recent() {
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
func some(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s (+%d more)", strings.Join(names[:shown], ", "), len(names)-shown)
}
