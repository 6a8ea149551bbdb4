// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const (
	// togetherWithin is how close in time failures of one cause begin.
	togetherWithin = 2 * time.Minute
	// togetherAtLeast is how many workloads that fail together point to one cause.
	togetherAtLeast = 3
	// calmFor is how long an environment must be healthy before the breaker closes again.
	calmFor = 5 * time.Minute
)

// Environment is the health of an environment, as the breaker sees it.
type Environment struct {
	// Workloads is how many there are.
	Workloads int
	// FailingSince is, for each unhealthy workload, when it began to fail.
	FailingSince []time.Time
	// Tripped is when the breaker was last seen open; zero when it never was.
	Tripped time.Time
}

// Breaker is the state of an environment's breaker.
type Breaker struct {
	// Open is true while nothing may be remediated.
	Open bool
	// Tripped is when the reason to be open was last there: to be given back as Environment.Tripped.
	Tripped time.Time
	// Reason explains it; empty when it is closed.
	Reason string
}

// Break says whether so much fails in an environment that the cause is likely common,
// and remediation would only add to it: more than the allowed share of its workloads,
// and at least two, or several that began to fail together. It stays open until the
// environment has been calm for a while. Without workloads there is nothing to judge.
func Break(e Environment, radius v1alpha1.BlastRadius, now time.Time) Breaker {
	unhealthy := len(e.FailingSince)
	together := mostTogether(recent(e.FailingSince, now)) // a copy, which is sorted there
	reason := ""
	switch {
	case unhealthy >= 2 && unhealthy*100 > int(radius.MaxUnhealthy)*e.Workloads:
		reason = fmt.Sprintf("%d of %d workloads are unhealthy, more than %d%%: the cause is likely common, look at nodes, network and shared dependencies",
			unhealthy, e.Workloads, radius.MaxUnhealthy)
	case together >= togetherAtLeast:
		reason = fmt.Sprintf("%d workloads began to fail within %s: the cause is likely common, look at nodes, network and shared dependencies",
			together, minutes(togetherWithin))
	}
	if reason != "" {
		return Breaker{Open: true, Tripped: now, Reason: reason}
	}
	if until := e.Tripped.Add(calmFor); !e.Tripped.IsZero() && now.Before(until) {
		return Breaker{Open: true, Tripped: e.Tripped, Reason: fmt.Sprintf(
			"many workloads failed until shortly ago: remediation starts again at %s if it stays calm", clock(until))}
	}
	return Breaker{Tripped: e.Tripped}
}

// recent leaves out what has been failing for longer than the breaker remembers: what is
// broken for good says nothing about a common cause now.
func recent(since []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(since), func(t time.Time) bool { return now.Sub(t) > calmFor })
}

// mostTogether is the largest number of failures that began within togetherWithin. It is
// asked for each action, of all workloads: after sorting it goes over them once.
func mostTogether(since []time.Time) int {
	slices.SortFunc(since, time.Time.Compare)
	most, first := 0, 0
	for last := range since {
		for since[last].Sub(since[first]) > togetherWithin {
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
	// Breaker of the environment.
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
