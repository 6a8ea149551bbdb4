// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// announcement begins the sentence that says what will be enforced at the next look.
const announcement = "Enforce next: "

// next says what the guardrail waits for, or what happens next.
func (a *ascent) next() string {
	if a.Suspend == v1alpha1.SuspendAll {
		return fmt.Sprintf("stays at %s: the environment is suspended", a.level)
	}
	if w, further := a.widen(); a.level == v1alpha1.Enforce && further {
		if waits := a.waitsToWiden(w); waits != "" {
			return waits
		}
		return a.announce(w.to)
	}
	if waits := a.waits(); waits != "" {
		return waits
	}
	return a.announce(a.begun())
}

// waits says what the next level waits for, or why there is none; empty when it is earned.
func (a *ascent) waits() string {
	next := string(a.level.Next())
	switch {
	case a.BackgroundOnly:
		return fmt.Sprintf("stays at %s: it reads the surroundings of an object, which admission cannot read", a.level)
	case a.Uncompiled != "":
		return fmt.Sprintf("stays at %s, as it is in admission: it does not compile any more: %s", a.level, a.Uncompiled)
	case a.level == v1alpha1.Enforce && len(a.held) > 0:
		return fmt.Sprintf("stays at Enforce: maxLevel is reached; %s held back: see heldBack", some(namespacesOf(a.held)))
	case a.atRest() != "":
		return a.atRest()
	case a.obstacle(next) != "":
		return a.obstacle(next)
	case a.Predecessor.absent(next) != "":
		return a.Predecessor.absent(next)
	case next == string(v1alpha1.Enforce) && a.doubt(next) != "":
		return a.doubt(next)
	}
	if missing := a.missing(); missing != "" {
		return missing
	}
	if missing := a.Predecessor.missing(next, a.climb); missing != "" {
		return missing
	}
	if next == string(v1alpha1.Enforce) {
		free := slices.DeleteFunc(slices.Clone(a.Record.Namespaces), func(n string) bool { return !slices.Contains(a.candidates, n) })
		if untouched := a.untouched(free); len(untouched) > 0 {
			return fmt.Sprintf("%s after a new revision in %s: none has come there since %s was reached", next, some(untouched), a.level)
		}
	}
	return ""
}

// waitsToWiden says what a step to more namespaces waits for; empty when it is earned, or
// the policy says it outright.
func (a *ascent) waitsToWiden(w widening) string {
	switch {
	case a.hold != "":
		return fmt.Sprintf("stays in %s: %s", a.spread.words(), a.hold)
	case a.obstacle(w.goal) != "":
		return a.obstacle(w.goal)
	case w.told:
		return w.waits
	case a.Predecessor.absent(w.goal) != "":
		return a.Predecessor.absent(w.goal)
	case a.doubt(w.goal) != "":
		return a.doubt(w.goal)
	case w.waits != "":
		return w.goal + " " + w.waits
	}
	if short := a.short(w.goal); short != "" {
		return short
	}
	return a.Predecessor.missing(w.goal, a.climb)
}

// obstacle is what keeps anything from rising, whatever the evidence.
func (a *ascent) obstacle(goal string) string {
	switch {
	case a.Uncompiled != "":
		return fmt.Sprintf("%s once it compiles again: %s", goal, a.Uncompiled)
	case a.Unseen != "":
		return fmt.Sprintf("%s once native admission is seen to work: %s", goal, a.Unseen)
	case len(a.Record.Failing) > 0:
		return fmt.Sprintf("%s once it can be evaluated everywhere: %s", goal, a.failing())
	case a.Record.Unjudged > 0:
		return fmt.Sprintf("%s once all are judged by the rule as it is now: %d are not yet", goal, a.Record.Unjudged)
	default:
		return ""
	}
}

// frozen says why nothing rises; empty when it can.
func (a *ascent) frozen() string {
	switch {
	case a.Suspend == v1alpha1.SuspendAll:
		return "the environment is suspended"
	case a.hold != "":
		return a.hold
	case a.Uncompiled != "":
		return "it does not compile any more"
	case a.Unseen != "":
		return a.Unseen
	case len(a.Record.Failing) > 0:
		return a.failing()
	default:
		return ""
	}
}

// doubt says that the rule itself is in question; empty when it is not.
func (a *ascent) doubt(goal string) string {
	if !a.judged.doubt {
		return ""
	}
	return fmt.Sprintf("%s once fewer than half are held back: changes keep violating it in %s, %d of the %d namespaces with trials",
		goal, some(a.judged.laggards), len(a.judged.laggards), len(a.judged.conduct))
}

// announce says where Enforce comes at the next look, and what it would refuse there.
func (a *ascent) announce(to spread) string {
	where := to.words()
	if names := to.added(a.spread); len(names) > 0 {
		where += " (" + some(names) + ")"
	}
	text := announcement + "in " + where
	switch violators := a.Record.violators(); violators {
	case 0:
		text += "; nothing that is here would be refused if it came anew"
	default:
		text += fmt.Sprintf("; %s here would be refused if it came anew: see wouldBeRefused", count(violators, "", "object"))
	}
	if len(a.held) > 0 {
		text += "; held back: " + some(namespacesOf(a.held))
	}
	return text
}

// announced says whether an earlier look has announced what is to come, with the same
// list of what would be refused.
func (a *ascent) announced() bool {
	return a.Previous.Next == message.Cut(a.next(), maxNext) && strings.HasPrefix(a.Previous.Next, announcement) &&
		slices.Equal(a.Previous.WouldBeRefused, a.refused())
}
