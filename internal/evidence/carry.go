// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const (
	carriedSuccesses = 5.0
	carriedFailures  = 1.0
	// unchanged, changed and rebuilt are how much of the successes outlives a change of
	// something else, one of the containers, their images or their ConfigMaps, and one of
	// the mechanism that the quality is about.
	unchanged, changed, rebuilt = 1.0, 0.5, 0.0
	// forgottenFailure is a carried failure that is too small to matter.
	forgottenFailure = 0.1
)

// Supersede ends the open trials of a revision because another one has come, which the
// given look shows first: a rollout that is past twice its usual time has failed, one that
// failed was contained or not, everything else is censored.
func Supersede(e v1alpha1.Evidence, seen Snapshot, now time.Time) v1alpha1.Evidence {
	next := *e.DeepCopy()
	next.Open = nil
	l := look{Snapshot: seen, now: now.Truncate(time.Second), pods: podsOfRevision(seen), known: &e}
	for _, trial := range e.Open { // rollouts first
		v := censored(l.now, "another revision came")
		switch {
		case trial.Kind == v1alpha1.TrialContainedRollout:
			v = containedRollouts{}.superseded(l, trial, Result(next) == v1alpha1.RolloutFailed)
		case trial.Kind == v1alpha1.TrialRollout && l.overdue(trial) && !l.replaced():
			v = failure(l.now, fmt.Sprintf("rollout was not complete after %s, when another revision came", l.now.Sub(trial.Since.Time)))
		}
		if v.decided() {
			settle(&next, trial, v)
		}
	}
	shorten(&next)
	return next
}

// Result is what became of the rollout of the revision that the evidence is of.
func Result(e v1alpha1.Evidence) v1alpha1.RolloutResult {
	for _, t := range slices.Backward(e.Trials) {
		if t.Kind != v1alpha1.TrialRollout {
			continue
		}
		switch t.Outcome {
		case v1alpha1.TrialSuccess:
			if failedIn(e, t.Episode) {
				return v1alpha1.RolloutFailed // it seemed to be complete, and then its pods ended
			}
			return v1alpha1.RolloutStable
		case v1alpha1.TrialFailure:
			return v1alpha1.RolloutFailed
		default:
			return v1alpha1.RolloutSuperseded
		}
	}
	return v1alpha1.RolloutRolling
}

func failedIn(e v1alpha1.Evidence, episode string) bool {
	return slices.ContainsFunc(e.Trials, func(t v1alpha1.Trial) bool {
		return t.Outcome == v1alpha1.TrialFailure && t.Episode == episode && qualityOf(t) == v1alpha1.Predictability
	})
}

// Shown is what a revision has shown, by quality: its weighed evidence with what was
// carried to it. Qualities without any are left out.
func Shown(e v1alpha1.Evidence) []v1alpha1.CarriedEvidence {
	var shown []v1alpha1.CarriedEvidence
	tallies := Count(e)
	for _, quality := range qualities {
		if t := tallies[quality].Evidence; !t.Empty() {
			shown = append(shown, carried(quality, t.Successes, t.Failures))
		}
	}
	return shown
}

// Carry is the evidence with which a new revision begins: part of what the one before
// it has shown, and what is usual. All successes of a quality count when no container
// changed, half of them when one did or a ConfigMap that it uses, and none when the
// mechanism of the quality did; at most 5. Failures are carried over every change, at most 1, so that nobody gets rid
// of one with a cosmetic change. A failure that was itself carried is halved once a
// revision has shown 5 successes of its own without another, so that a real fix is not
// buried under it.
func Carry(previous v1alpha1.Evidence, from, to v1alpha1.RevisionMechanism) v1alpha1.Evidence {
	next := v1alpha1.Evidence{
		RolloutSeconds: slices.Clone(previous.RolloutSeconds),
		StartSeconds:   slices.Clone(previous.StartSeconds),
	}
	tallies := Count(previous)
	for _, quality := range qualities {
		t := tallies[quality]
		successes := min(carriedSuccesses, t.Evidence.Successes*survival(quality, from, to))
		failures := min(carriedFailures, t.Evidence.Failures)
		if t.Own.Failures == 0 && t.Own.Successes >= carriedSuccesses {
			failures /= 2
		}
		if failures < forgottenFailure {
			failures = 0
		}
		if successes > 0 || failures > 0 {
			next.Carried = append(next.Carried, carried(quality, successes, failures))
		}
	}
	return next
}

// Recarry is the evidence of a revision that turns out to be a larger change than it seemed
// when it came, and has shown nothing yet: carried anew is what the revision before has
// shown, as its outcome says, by the whole of the change. Failures stay carried as they are.
func Recarry(e v1alpha1.Evidence, shown []v1alpha1.CarriedEvidence, from, to v1alpha1.RevisionMechanism) v1alpha1.Evidence {
	next := *e.DeepCopy()
	next.Open, next.Carried = nil, nil
	for _, quality := range qualities {
		successes := min(carriedSuccesses, float64(carriedFrom(shown, quality).SuccessesMilli)/thousandths*survival(quality, from, to))
		c := carried(quality, successes, 0)
		c.FailuresMilli = carriedFrom(e.Carried, quality).FailuresMilli
		if c.SuccessesMilli > 0 || c.FailuresMilli > 0 {
			next.Carried = append(next.Carried, c)
		}
	}
	return next
}

// WithoutSuccesses is the evidence that a revision begins with, when another workload has
// taken over what was shown before: the failures stay with both.
func WithoutSuccesses(e v1alpha1.Evidence) v1alpha1.Evidence {
	next := *e.DeepCopy()
	next.Carried = nil
	for _, c := range e.Carried {
		if c.SuccessesMilli = 0; c.FailuresMilli > 0 {
			next.Carried = append(next.Carried, c)
		}
	}
	return next
}

func carriedFrom(all []v1alpha1.CarriedEvidence, quality v1alpha1.Quality) v1alpha1.CarriedEvidence {
	for _, c := range all {
		if c.Quality == quality {
			return c
		}
	}
	return v1alpha1.CarriedEvidence{}
}

// survival is how much of a quality's successes outlives a change.
func survival(quality v1alpha1.Quality, from, to v1alpha1.RevisionMechanism) float64 {
	same := map[v1alpha1.Quality]bool{
		v1alpha1.Predictability: from.Starting == to.Starting,
		v1alpha1.Recoverability: from.Recovering == to.Recovering,
		v1alpha1.SafeFailure:    from.Stopping == to.Stopping && from.Recovering == to.Recovering, // probes and strategy contain failures
	}
	switch {
	case !same[quality]:
		return rebuilt
	case from.Content != to.Content, from.Configuration != to.Configuration, from.Images != to.Images:
		return changed
	default:
		return unchanged
	}
}

// qualities in the order in which they are shown.
var qualities = []v1alpha1.Quality{v1alpha1.Predictability, v1alpha1.Recoverability, v1alpha1.SafeFailure}

// carried rounds successes down and failures up, to thousandths of a trial.
func carried(quality v1alpha1.Quality, successes, failures float64) v1alpha1.CarriedEvidence {
	return v1alpha1.CarriedEvidence{
		Quality:        quality,
		SuccessesMilli: int32(math.Floor(successes * thousandths)),
		FailuresMilli:  int32(math.Ceil(failures * thousandths)),
	}
}
