// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Together is how close in time failures of one cause begin.
const Together = 2 * time.Minute

const (
	// togetherAtLeast is how many workloads that fail together point to one cause.
	togetherAtLeast = 3
	// calmFor is how long an environment must be healthy before the breaker closes again.
	calmFor = 5 * time.Minute
)

// Environment is the health of an environment, as the breaker sees it.
type Environment struct {
	// Namespaces is the health of each that has workloads.
	Namespaces map[string]Health
	// Tripped is when the breaker was last seen open; zero when it never was. TrippedIn is the
	// only namespace for which it was; empty for all.
	Tripped   time.Time
	TrippedIn string
}

// Health of the workloads of a namespace, or of several.
type Health struct {
	// Workloads is how many there are.
	Workloads int
	// FailingSince is, for each unhealthy workload, when it began to fail.
	FailingSince []time.Time
}

// Breaker is the state of an environment's breaker.
type Breaker struct {
	// Open is true while nothing may be remediated.
	Open bool
	// Namespace is the only one in which nothing may be remediated; empty for all.
	Namespace string
	// Tripped is when the reason to be open was last there: to be given back as
	// Environment.Tripped, with Namespace as Environment.TrippedIn.
	Tripped time.Time
	// Reason explains it; empty when it is closed.
	Reason string
}

// In is the breaker as it concerns a namespace: closed when it is open for another one only.
func (b Breaker) In(namespace string) Breaker {
	if b.Namespace != "" && b.Namespace != namespace {
		return Breaker{}
	}
	return b
}

// Break says whether so much fails in an environment that the cause is likely common,
// and remediation would only add to it: more than the allowed share of its workloads,
// and at least two, or several that began to fail together. It stays open until the
// environment has been calm for a while. Without workloads there is nothing to judge.
//
// What one namespace alone brings about stops that namespace only: else whoever may edit one
// could keep all others from being protected. When another one follows before it is calm, the
// cause is likely not in either.
func Break(e Environment, radius v1alpha1.BlastRadius, now time.Time) Breaker {
	until := e.Tripped.Add(calmFor)
	calm := e.Tripped.IsZero() || !now.Before(until)
	reason, alone := e.without("").fails(togetherAtLeast, radius, now), e.alone(radius, now)
	switch {
	case reason != "" && (alone == "" || !calm && e.TrippedIn != "" && e.TrippedIn != alone):
		return Breaker{Open: true, Tripped: now, Reason: reason}
	case reason != "" && (calm || e.TrippedIn == alone):
		reason = e.Namespaces[alone].fails(togetherAtLeast, radius, now)
		return Breaker{Open: true, Namespace: alone, Tripped: now, Reason: fmt.Sprintf("in namespace %s, %s", alone, reason)}
	case !calm:
		text := fmt.Sprintf("many workloads failed until shortly ago: remediation starts again at %s if it stays calm", clock(until))
		if reason != "" {
			text += fmt.Sprintf(", but for namespace %s, where too many fail still", alone)
		}
		return Breaker{Open: true, Namespace: e.TrippedIn, Tripped: e.Tripped, Reason: text}
	}
	return Breaker{Tripped: e.Tripped}
}

// alone is the namespace that fails by itself, if no other one does, and if what is left
// without it points to no cause in common. Empty for none, and for the only one there is.
func (e Environment) alone(radius v1alpha1.BlastRadius, now time.Time) string {
	alone := ""
	for name, health := range e.Namespaces {
		switch {
		case health.fails(togetherAtLeast, radius, now) == "":
		case alone != "":
			return ""
		default:
			alone = name
		}
	}
	// Few elsewhere that fail together say enough: there are more of them where it is worst.
	if alone == "" || len(e.Namespaces) == 1 || e.without(alone).fails(togetherAtLeast-1, radius, now) != "" {
		return ""
	}
	return alone
}

// without is the health of all namespaces but one.
func (e Environment) without(namespace string) Health {
	var all Health
	for name, health := range e.Namespaces {
		if name != namespace {
			all.Workloads += health.Workloads
			all.FailingSince = append(all.FailingSince, health.FailingSince...)
		}
	}
	return all
}

// fails says why the cause of what fails is likely common; empty when it is likely not.
// atLeast is how many that fail together say so.
func (h Health) fails(atLeast int, radius v1alpha1.BlastRadius, now time.Time) string {
	unhealthy := len(h.FailingSince)
	together := mostTogether(recent(h.FailingSince, now)) // a copy, which is sorted there
	switch {
	case unhealthy >= 2 && unhealthy*100 > int(radius.MaxUnhealthy)*h.Workloads:
		return fmt.Sprintf("%d of %d workloads are unhealthy, more than %d%%: the cause is likely common, look at nodes, network and shared dependencies",
			unhealthy, h.Workloads, radius.MaxUnhealthy)
	case together >= atLeast:
		return fmt.Sprintf("%d workloads began to fail within %s: the cause is likely common, look at nodes, network and shared dependencies",
			together, minutes(Together))
	}
	return ""
}

// recent leaves out what has been failing for longer than the breaker remembers: what is
// broken for good says nothing about a common cause now.
func recent(since []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(since), func(t time.Time) bool { return now.Sub(t) > calmFor })
}

// mostTogether is the largest number of failures that began within Together. It is
// asked for each action, of all workloads: after sorting it goes over them once.
func mostTogether(since []time.Time) int {
	slices.SortFunc(since, time.Time.Compare)
	most, first := 0, 0
	for last := range since {
		for since[last].Sub(since[first]) > Together {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// Usage is what the operator is doing and has done, as far as it bears on one workload.
type Usage struct {
	// Kind of the change that is asked for. Each kind has a budget of its own: whoever
	// makes the operator take drift back again and again must not thereby keep it from
	// rolling a failed release back.
	Kind v1alpha1.ActionKind
	// Actions are the last actions on the workload.
	Actions []v1alpha1.Action
	// InNamespace names another workload of the namespace that is being changed; empty for none.
	InNamespace string
	// InEnvironment is how many other workloads of the environment are being changed.
	InEnvironment int
	// Breaker of the environment, as it concerns the namespace.
	Breaker Breaker
}

// Budget is whether the blast radius allows to change a workload now.
type Budget struct {
	// Allowed is true when it does.
	Allowed bool
	// Reason explains why it does not, and By names it.
	Reason string
	By     v1alpha1.HeldBackBy
	// RetryAt is when to ask again; zero when only an event can change the answer.
	RetryAt time.Time
}

// Allow says whether the blast radius allows to change a workload now: while the breaker
// is closed, so many times an hour, one workload of a namespace at a time, and so many
// of an environment.
func Allow(u Usage, radius v1alpha1.BlastRadius, now time.Time) Budget {
	taken, first := within(u.Actions, u.Kind, now)
	switch {
	case u.Breaker.Open:
		return Budget{By: v1alpha1.HeldByBreaker, Reason: "all remediation here has stopped: " + u.Breaker.Reason}
	case taken >= int(radius.ActionsPerHour):
		again := first.Add(time.Hour)
		return Budget{By: v1alpha1.HeldByBudget, RetryAt: again, Reason: fmt.Sprintf(
			"Rampart has acted on it %d times within an hour, failed attempts included, which is the limit (blastRadius.actionsPerHour): it may again at %s, and until then fix the cause", taken, clock(again))}
	case u.InNamespace != "":
		return Budget{By: v1alpha1.HeldByBudget, Reason: u.InNamespace + " is being changed, and in a namespace only one workload is at a time"}
	case u.InEnvironment >= int(radius.MaxConcurrent):
		return Budget{By: v1alpha1.HeldByBudget, Reason: fmt.Sprintf("%d other workloads of the environment are being changed, which is the limit", u.InEnvironment)}
	}
	return Budget{Allowed: true}
}

// within counts the actions of the last hour and finds the first of them. One that failed
// counts too: it may have changed something, and what is refused is not tried for ever.
func within(actions []v1alpha1.Action, kind v1alpha1.ActionKind, now time.Time) (taken int, first time.Time) {
	for _, action := range actions {
		if action.Kind != kind || action.Outcome == v1alpha1.ActionReported || now.Sub(action.Time.Time) >= time.Hour {
			continue
		}
		taken++
		if first.IsZero() || action.Time.Time.Before(first) {
			first = action.Time.Time
		}
	}
	return taken, first
}

// Taken returns the action with this id, when it was already intended or done: it must
// not happen again.
func Taken(actions []v1alpha1.Action, id string) (v1alpha1.Action, bool) {
	for _, action := range actions {
		if action.ID == id && (action.Outcome == v1alpha1.ActionDone || action.Outcome == v1alpha1.ActionIntended) {
			return action, true
		}
	}
	return v1alpha1.Action{}, false
}

func clock(t time.Time) string { return t.UTC().Format(time.TimeOnly) + " UTC" }

func minutes(d time.Duration) string { return fmt.Sprintf("%d minutes", int(d.Minutes())) }
