// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxHeldBack is how many namespaces held back are listed with the reason, and
	// maxHeldNames how many by their names alone. Neither limits how many are.
	maxHeldBack  = 50
	maxHeldNames = 1000
	// maxForetold is how many are named while none is enforced yet.
	maxForetold = 10
	// maxWhy is the longest reason, in bytes.
	maxWhy = 160
	// settlingIn is how long after a guardrail began a namespace counts as there from the start.
	settlingIn = 10 * time.Minute
	// lateArrival is how long a namespace that joins an environment in which all are
	// enforced counts as one that has not been enforced yet.
	lateArrival = time.Hour
)

// Member is a namespace of the environment.
type Member struct {
	Name string
	// Owner is who is told; empty when the namespace does not say.
	Owner string
	// Joined is when it came into the environment; zero while that is not written down yet.
	Joined time.Time
	// Busy is true when workloads ran there when it joined.
	Busy bool
	// Observed is true when a workload that is there now has a report.
	Observed bool
}

// holds are the namespaces that stay at Warn while others are enforced, in the order of
// their names.
func (a *ascent) holds() []v1alpha1.HeldBack {
	var all []v1alpha1.HeldBack
	for _, m := range a.Members {
		if why := a.why(m); why != "" {
			all = append(all, v1alpha1.HeldBack{Namespace: m.Name, Owner: m.Owner, Why: message.Cut(why, maxWhy)})
		}
	}
	slices.SortFunc(all, byNamespace)
	return all
}

func byNamespace(a, b v1alpha1.HeldBack) int { return cmp.Compare(a.Namespace, b.Namespace) }

// why a namespace is held back, and what ends that; empty when it is not. What a namespace
// brings once it is enforced never holds it back: Enforce refuses what violates the rule,
// and whatever has slipped through must not open the door to more.
func (a *ascent) why(m Member) string {
	conduct := a.judged.of(m.Name)
	switch {
	case slices.ContainsFunc(a.Exclusions, wholeOf(m.Name)):
		return "" // nothing there is judged
	case conduct.laggard() && !a.wasEnforced(m):
		return fmt.Sprintf("%s violated it anew: enforced after %s", conduct.newestFailed.Subject,
			count(enoughClean-conduct.cleanSince, "more ", cleanRevision))
	case a.returns(m, conduct):
		return "it was excluded until now: enforced after 1 clean revision"
	case a.arrives(m, conduct) && m.Joined.IsZero():
		return "it has only just joined: enforced once it is known what runs there"
	case a.arrives(m, conduct):
		return "it came with running workloads: enforced after 1 clean revision"
	case a.enforced() && a.wasHeld(m.Name) && a.frozen() != "":
		return "nothing speaks against it any more, but nothing rises here now: " + a.frozen()
	default:
		return ""
	}
}

// arrives says whether a namespace came with running workloads and has shown no clean
// trial since. It is never one that has been enforced: evidence that fades takes nothing
// back.
func (a *ascent) arrives(m Member, conduct *conduct) bool {
	joined, busy := m.Joined, m.Busy
	if joined.IsZero() {
		joined, busy = a.now, true
	}
	_, judged := slices.BinarySearch(a.Record.Namespaces, m.Name)
	switch {
	case !busy, conduct.lastClean.After(joined):
		return false
	case a.startedWith(joined):
		return false
	case !judged && m.Observed && a.Record.Unjudged == 0:
		return false // nothing runs there that it judges
	case judged && !a.enforced():
		return false // it needs a change like all others before anything is enforced
	default:
		return !a.wasEnforced(m)
	}
}

// startedWith says whether a namespace that joined at a time was there when the guardrail
// began, which was told to start at Enforce.
func (a *ascent) startedWith(joined time.Time) bool {
	return a.Bounds.Start == v1alpha1.Enforce && !joined.After(a.began().Add(settlingIn))
}

// began is when the level was reached; now for a guardrail that is new.
func (a *ascent) began() time.Time {
	if a.Previous == nil {
		return a.now
	}
	return a.since
}

// enforced says whether the guardrail was at Enforce.
func (a *ascent) enforced() bool { return a.Previous != nil && a.Previous.Level == v1alpha1.Enforce }

// wasHeld says whether a namespace is known to have been held back.
func (a *ascent) wasHeld(namespace string) bool {
	_, listed := slices.BinarySearch(a.heldBefore, namespace)
	return listed
}

// forgotten says whether more were held back than could be named.
func (a *ascent) forgotten() bool { return int(a.Previous.HeldBackTotal) > len(a.heldBefore) }

// heldIn are the namespaces that a state says are held back, sorted. Those that it lists
// with the reason are among them, also where an earlier operator listed no names.
func heldIn(state *v1alpha1.GuardrailState) []string {
	if state == nil || state.Level != v1alpha1.Enforce {
		return nil
	}
	names := append(namespacesOf(state.HeldBack), state.HeldBackNamespaces...)
	slices.Sort(names)
	return slices.Compact(names)
}

// wasEnforced says whether the guardrail was enforced in a namespace.
func (a *ascent) wasEnforced(m Member) bool {
	switch {
	case !a.enforced() || a.wasHeld(m.Name):
		return false
	case a.spread.ring != v1alpha1.RingAll:
		return slices.Contains(a.spread.namespaces, m.Name)
	case m.Joined.IsZero() || a.forgotten():
		return false
	default:
		return a.startedWith(m.Joined) || m.Joined.Before(a.spread.since) || a.now.Sub(m.Joined) > lateArrival
	}
}

// listed are the namespaces held back that the state lists with the reason, of all that
// could be enforced otherwise.
func (a *ascent) listed() []v1alpha1.HeldBack {
	switch {
	case a.level == v1alpha1.Enforce:
		return a.held[:min(len(a.held), maxHeldBack)]
	case a.foretells():
		return a.held[:min(len(a.held), maxForetold)]
	default:
		return nil
	}
}

// foretells says whether Enforce may come, and has not yet.
func (a *ascent) foretells() bool { return a.level == v1alpha1.Warn && a.max == v1alpha1.Enforce }

func namespacesOf(held []v1alpha1.HeldBack) []string {
	names := make([]string, 0, len(held))
	for _, h := range held {
		names = append(names, h.Namespace)
	}
	return names
}
