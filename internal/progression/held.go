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
	// maxHeldBack is how many namespaces can be held back while all others are enforced.
	maxHeldBack = 50
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

// why a namespace is held back, and what ends that; empty when it is not.
func (a *ascent) why(m Member) string {
	conduct := a.judged.of(m.Name)
	switch {
	case conduct.laggard():
		return fmt.Sprintf("%s violated it anew: enforced after %s", conduct.newestFailed.Subject,
			count(enoughClean-conduct.cleanSince, "more ", cleanRevision))
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
	case a.Bounds.Start == v1alpha1.Enforce && !joined.After(a.began().Add(settlingIn)):
		return false // it was told to start at Enforce where this one was
	case !judged && m.Observed && a.Record.Unjudged == 0:
		return false // nothing runs there that it judges
	case judged && !a.enforced():
		return false // it needs a change like all others before anything is enforced
	default:
		return !a.wasEnforced(m.Name, joined)
	}
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

func (a *ascent) wasHeld(namespace string) bool {
	return slices.ContainsFunc(a.Previous.HeldBack, func(h v1alpha1.HeldBack) bool { return h.Namespace == namespace })
}

// wasEnforced says whether a namespace that joined at a time was enforced.
func (a *ascent) wasEnforced(namespace string, joined time.Time) bool {
	switch {
	case !a.enforced() || a.wasHeld(namespace):
		return false
	case a.spread.ring == v1alpha1.RingAll:
		return a.now.Sub(joined) > lateArrival
	default:
		return slices.Contains(a.spread.namespaces, namespace)
	}
}

// named are the namespaces held back that the state names at a level: all that could be
// enforced otherwise, the members of the ring first.
func (a *ascent) named(level v1alpha1.Level, s spread) []v1alpha1.HeldBack {
	switch {
	case level == v1alpha1.Warn && a.max == v1alpha1.Enforce:
		return a.held[:min(len(a.held), maxForetold)]
	case level != v1alpha1.Enforce:
		return nil
	case len(a.held) <= maxHeldBack:
		return a.held
	}
	inRing := func(h v1alpha1.HeldBack) bool { return slices.Contains(s.namespaces, h.Namespace) }
	listed := slices.DeleteFunc(slices.Clone(a.held), func(h v1alpha1.HeldBack) bool { return !inRing(h) })
	for _, h := range a.held {
		if len(listed) < maxHeldBack && !inRing(h) {
			listed = append(listed, h)
		}
	}
	slices.SortFunc(listed, byNamespace)
	return listed
}

func namespacesOf(held []v1alpha1.HeldBack) []string {
	names := make([]string, 0, len(held))
	for _, h := range held {
		names = append(names, h.Namespace)
	}
	return names
}
