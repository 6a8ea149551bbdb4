// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxTrials is how many decisions a workload's report remembers.
	maxTrials = 20
	// maxTrialMessage is the longest sentence of a trial.
	maxTrialMessage = 200
	// undecidedAfter is how long a decision may wait for something that shows whether it was
	// right: as long as the evidence of a workload that is gone is kept.
	undecidedAfter = 7 * 24 * time.Hour
)

// Open adds a decision to the trials of a workload, the newest first, and says whether it
// did. What the decision answers to (the drift, the failure) has stood since began. One
// situation is one trial, however often it is judged, and however much is added to it: there
// is none while a decision of the kind is open, and none for what stood already when an
// earlier one was made. What was carried out takes the place of what was only reported.
func Open(trials []v1alpha1.ActTrial, decision v1alpha1.ActTrial, began time.Time) ([]v1alpha1.ActTrial, bool) {
	decision.Outcome, decision.Decided = v1alpha1.ActOpen, seconds(decision.Decided.Time)
	if knows(trials, decision, began.Truncate(time.Second)) {
		return trials, false
	}
	all := slices.Concat([]v1alpha1.ActTrial{decision}, trials)
	for i := range all[1:] {
		if earlier := &all[i+1]; earlier.Kind == decision.Kind && earlier.Outcome == v1alpha1.ActOpen {
			settle(earlier, verdict{v1alpha1.ActCensored, "the next one was made before anything showed whether it was right"})
		}
	}
	for len(all) > maxTrials {
		all = slices.Delete(all, dispensable(all), dispensable(all)+1)
	}
	return all, true
}

func knows(trials []v1alpha1.ActTrial, decision v1alpha1.ActTrial, began time.Time) bool {
	return slices.ContainsFunc(trials, func(t v1alpha1.ActTrial) bool {
		switch {
		case t.Kind != decision.Kind:
			return false
		case t.ID == decision.ID:
			return true
		case decision.Level == v1alpha1.ActAct:
			// Each action is done once. It may answer to what was only reported before.
			return !decision.Decided.After(t.Decided.Time) && t.Level == v1alpha1.ActAct
		default:
			return t.Outcome == v1alpha1.ActOpen || !began.After(t.Decided.Time)
		}
	})
}

// dispensable is the trial that is of least use: the oldest that says nothing, else the
// oldest.
func dispensable(trials []v1alpha1.ActTrial) int {
	for i, t := range slices.Backward(trials) {
		if i > 0 && t.Outcome == v1alpha1.ActCensored {
			return i
		}
	}
	return len(trials) - 1
}

// Abandon censors what is still open: nobody can know any more.
func Abandon(trials []v1alpha1.ActTrial, why string) {
	settleOpen(trials, func(v1alpha1.ActTrial) verdict { return censored(why) })
}

// verdict is whether what was seen agrees with a decision; the zero value is that nothing
// has shown it yet.
type verdict struct {
	outcome v1alpha1.ActTrialOutcome
	why     string
}

func agreed(why string) verdict    { return verdict{v1alpha1.ActAgreed, why} }
func disagreed(why string) verdict { return verdict{v1alpha1.ActDisagreed, why} }
func censored(why string) verdict  { return verdict{v1alpha1.ActCensored, why} }

var undecided = verdict{}

// settleOpen judges the trials that are open.
func settleOpen(trials []v1alpha1.ActTrial, judge func(v1alpha1.ActTrial) verdict) {
	for i := range trials {
		if trials[i].Outcome == v1alpha1.ActOpen {
			settle(&trials[i], judge(trials[i]))
		}
	}
}

// settleKind judges the open trials of one kind, and gives up those that are too old.
func settleKind(trials []v1alpha1.ActTrial, kind v1alpha1.ActionKind, now time.Time, judge func(v1alpha1.ActTrial) verdict) {
	settleOpen(trials, func(t v1alpha1.ActTrial) verdict {
		if t.Kind != kind {
			return undecided
		}
		v := judge(t)
		if v == undecided && now.Sub(t.Decided.Time) >= undecidedAfter {
			return censored("nothing showed within seven days whether it was right")
		}
		return v
	})
}

// settle writes down what was seen. The digests are of no more use then.
func settle(t *v1alpha1.ActTrial, v verdict) {
	if v == undecided {
		return
	}
	t.Outcome, t.Message, t.Fields = v.outcome, message.Cut(v.why, maxTrialMessage), nil
}

// GivenUpAt is when the first of the open trials is given up; zero when none is open.
func GivenUpAt(trials []v1alpha1.ActTrial) time.Time {
	var first time.Time
	for _, t := range trials {
		at := t.Decided.Add(undecidedAfter)
		if t.Outcome == v1alpha1.ActOpen && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// seconds is a time as the API keeps it.
func seconds(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }
