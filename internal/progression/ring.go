// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// maxRing is how many namespaces the rings First and Quarter have at most.
const maxRing = 50

// rings in the order in which Enforce spreads.
var rings = []v1alpha1.Ring{v1alpha1.RingFirst, v1alpha1.RingQuarter, v1alpha1.RingAll}

// spread is how far Enforce has come.
type spread struct {
	ring  v1alpha1.Ring
	since time.Time
	// namespaces of the rings First and Quarter, sorted.
	namespaces []string
}

// spreadOf is how far a guardrail had come, in the namespaces that are still there. One
// that was enforced before there were rings was enforced everywhere.
func spreadOf(state *v1alpha1.GuardrailState, members []Member) spread {
	if state == nil || state.Level != v1alpha1.Enforce {
		return spread{}
	}
	s := spread{ring: cmp.Or(state.Ring, v1alpha1.RingAll), since: state.Since.Time}
	if state.RingSince != nil {
		s.since = state.RingSince.Time
	}
	for _, name := range state.RingNamespaces {
		if slices.ContainsFunc(members, func(m Member) bool { return m.Name == name }) {
			s.namespaces = append(s.namespaces, name)
		}
	}
	slices.Sort(s.namespaces)
	return s
}

// size is how many of so many namespaces a ring has.
func size(ring v1alpha1.Ring, of int) int {
	if ring == v1alpha1.RingFirst {
		return min(1, of)
	}
	return min((of+3)/4, maxRing)
}

// rank finds the namespaces that may be enforced before all others are: they have
// something that the guardrail judges and are not held back. The most compliant come
// first: those with the fewest violators, then those with the most clean trials.
func (a *ascent) rank() []string {
	free := map[string]bool{}
	for _, m := range a.Members {
		free[m.Name] = true
	}
	for _, h := range a.held {
		free[h.Namespace] = false
	}
	names := slices.DeleteFunc(slices.Clone(a.Record.Namespaces), func(n string) bool { return !free[n] })
	slices.SortFunc(names, func(x, y string) int {
		return cmp.Or(
			cmp.Compare(a.Record.Violating[x], a.Record.Violating[y]),
			cmp.Compare(a.judged.of(y).clean, a.judged.of(x).clean),
			cmp.Compare(x, y),
		)
	})
	return names
}

// serving are the members of a ring that show whether enforcing is safe: those in which
// it is in force and judges something.
func (a *ascent) serving(s spread) []string {
	return slices.DeleteFunc(slices.Clone(s.namespaces), func(n string) bool { return !slices.Contains(a.candidates, n) })
}

// fill is a ring with as many of the candidates as it should have. Who was in it stays,
// as far as there is room.
func (a *ascent) fill(ring v1alpha1.Ring, s spread) spread {
	chosen := a.serving(s)
	for _, n := range a.candidates {
		if len(chosen) < size(ring, len(a.candidates)) && !slices.Contains(chosen, n) {
			chosen = append(chosen, n)
		}
	}
	for _, n := range s.namespaces {
		if len(chosen) < maxRing && !slices.Contains(chosen, n) {
			chosen = append(chosen, n)
		}
	}
	slices.Sort(chosen)
	return spread{ring: ring, since: a.now, namespaces: chosen}
}

func (a *ascent) everywhere() spread { return spread{ring: v1alpha1.RingAll, since: a.now} }

// begun is where Enforce begins.
func (a *ascent) begun() spread {
	if a.vacant() || a.Progression.Rings == v1alpha1.RingsOff {
		return a.everywhere()
	}
	return a.fill(v1alpha1.RingFirst, spread{})
}

// vacant says whether the whole environment has nothing that the guardrail judges, and
// nothing ran there when its namespaces joined: there is nobody then whom Enforce could
// surprise.
func (a *ascent) vacant() bool {
	if len(a.Record.Namespaces) > 0 || a.Record.Unjudged > 0 || a.Record.Excluded > 0 {
		return false
	}
	return !slices.ContainsFunc(a.Members, func(m Member) bool { return m.Joined.IsZero() || m.Busy })
}

// widening is a step of Enforce to more namespaces.
type widening struct {
	to spread
	// goal says where it leads, for sentences: "Enforce in all namespaces".
	goal string
	// told is true when the policy says so outright, so that no evidence is asked for.
	told bool
	// waits is what the ring that stands has yet to show.
	waits string
}

// widen is the next step of Enforce; none when it is everywhere.
func (a *ascent) widen() (widening, bool) {
	s, serving := a.spread, a.serving(a.spread)
	switch {
	case s.ring == v1alpha1.RingAll:
		return widening{}, false
	case a.Progression.Rings == v1alpha1.RingsOff || a.vacant():
		return widening{to: a.everywhere(), goal: enforceIn(v1alpha1.RingAll), told: true}, true
	case len(a.candidates) == 0:
		return widening{goal: "Enforce", told: true, waits: a.nowhere()}, true
	case 2*len(serving) < size(s.ring, len(a.candidates)):
		// The ring has lost those that would have shown something, or never had any.
		first := a.Bounds.Start == v1alpha1.Enforce && len(s.namespaces) == 0
		return widening{to: a.fill(s.ring, s), goal: "Enforce in another namespace", told: first}, true
	}
	w := widening{to: a.fill(v1alpha1.RingQuarter, s), waits: a.unshown(s, serving)}
	if s.ring == v1alpha1.RingQuarter || len(a.serving(w.to)) <= len(serving) {
		w.to = a.everywhere()
	}
	w.goal = enforceIn(w.to.ring)
	return w, true
}

// nowhere says why no namespace is enforced.
func (a *ascent) nowhere() string {
	if len(a.Record.Namespaces) == 0 {
		return "Enforce begins where something comes that it judges: nothing is known to be there yet"
	}
	return "Enforce in a first namespace once one is not held back any more: see heldBack"
}

// unshown says which members of a ring have brought no clean trial since it was reached.
func (a *ascent) unshown(s spread, serving []string) string {
	waiting := slices.DeleteFunc(slices.Clone(serving), func(n string) bool { return a.judged.of(n).lastClean.After(s.since) })
	if len(waiting) == 0 {
		return ""
	}
	return fmt.Sprintf("after a clean revision in %s: none has come there since it is enforced in %s", some(waiting), s.words())
}

func enforceIn(ring v1alpha1.Ring) string { return "Enforce in " + spread{ring: ring}.words() }

// words say where a ring is.
func (s spread) words() string {
	switch s.ring {
	case v1alpha1.RingAll:
		return "all namespaces"
	case v1alpha1.RingQuarter:
		return "a quarter of the namespaces"
	default:
		return "a first namespace"
	}
}

// same says whether two spreads reach the same namespaces.
func (s spread) same(other spread) bool {
	return s.ring == other.ring && slices.Equal(s.namespaces, other.namespaces)
}

// beyond says whether a spread reaches further than another one.
func (s spread) beyond(other spread) bool {
	return slices.Index(rings, s.ring) > slices.Index(rings, other.ring)
}

// added are the namespaces of a ring that another one has not.
func (s spread) added(to spread) []string {
	return slices.DeleteFunc(slices.Clone(s.namespaces), func(n string) bool { return slices.Contains(to.namespaces, n) })
}
