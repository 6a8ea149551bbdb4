// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// The bounds of the API.
const (
	maxTrials   = 200
	maxMessages = 20
	maxMessage  = 200
	// maxOpen is half of what the API admits: with a full window, the report of a
	// workload with very many pods still stays within its size.
	maxOpen = 32
)

// verdict is how a trial ended, or that it has not.
type verdict struct {
	// outcome is empty while the trial is open.
	outcome v1alpha1.TrialOutcome
	// at is when it ended.
	at time.Time
	// why says what was seen.
	why string
	// took is how long it took; for successes, where it is known.
	took time.Duration
	// deadline replaces that of a trial which stays open, if it is not zero.
	deadline time.Time
	// withdrawn is true when it turns out that nothing has begun.
	withdrawn bool
}

func (v verdict) decided() bool { return v.outcome != "" }

// open is the verdict that there is none yet.
var open = verdict{}

func success(at time.Time, took time.Duration, why string) verdict {
	return verdict{outcome: v1alpha1.TrialSuccess, at: at, took: took, why: why}
}

func failure(at time.Time, why string) verdict {
	return verdict{outcome: v1alpha1.TrialFailure, at: at, why: why}
}

func censored(at time.Time, why string) verdict {
	return verdict{outcome: v1alpha1.TrialCensored, at: at, why: why}
}

// settled says whether a trial that began at the given time has ended already. Trials
// that began before the oldest of a full window have been counted and displaced, or
// would be displaced at once.
func settled(e *v1alpha1.Evidence, id string, began time.Time) bool {
	if slices.ContainsFunc(e.Trials, func(t v1alpha1.Trial) bool { return t.ID == id }) {
		return true
	}
	return len(e.Trials) >= maxTrials && !began.After(e.Trials[0].Time.Time)
}

func opened(e *v1alpha1.Evidence, id string) bool {
	return slices.ContainsFunc(e.Open, func(t v1alpha1.OpenTrial) bool { return t.ID == id })
}

// settle writes down how a trial ended.
func settle(e *v1alpha1.Evidence, trial v1alpha1.OpenTrial, v verdict) {
	switch v.outcome {
	case v1alpha1.TrialSuccess, v1alpha1.TrialFailure:
		e.Counted++
	case v1alpha1.TrialCensored:
		e.Censored++
	case v1alpha1.TrialExcluded:
		e.Excluded++
	}
	if v.outcome == v1alpha1.TrialSuccess {
		switch trial.Kind {
		case v1alpha1.TrialRollout:
			e.RolloutSeconds = learn(e.RolloutSeconds, v.took, keptRollouts)
		case v1alpha1.TrialStart:
			e.StartSeconds = learn(e.StartSeconds, v.took, keptStarts)
		}
	}
	ended := v1alpha1.Trial{
		ID: trial.ID, Kind: trial.Kind, Outcome: v.outcome, Episode: trial.Episode,
		Quality: trial.Quality, Time: seconds(v.at), Message: message.Cut(v.why, maxMessage),
	}
	if trial.Source != v1alpha1.SourceNatural {
		ended.Source = trial.Source // nature is not worth 200 mentions
	}
	e.Trials = append(e.Trials, ended)
}

// shorten brings the trials in order, oldest first, and keeps the newest.
func shorten(e *v1alpha1.Evidence) {
	slices.SortStableFunc(e.Trials, func(a, b v1alpha1.Trial) int {
		return cmp.Or(a.Time.Compare(b.Time.Time), cmp.Compare(a.ID, b.ID))
	})
	e.Trials = e.Trials[max(0, len(e.Trials)-maxTrials):]
	for i := range max(0, len(e.Trials)-maxMessages) {
		e.Trials[i].Message = ""
	}
	e.Open = e.Open[:min(len(e.Open), maxOpen)]
}

// seconds is a time as the API keeps it. Whoever compares it with what was read back
// finds them equal.
func seconds(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }

func secondsPtr(t time.Time) *metav1.Time {
	at := seconds(t)
	return &at
}
