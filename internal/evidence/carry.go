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
	// unchanged, changed and rebuilt are how much of the successes outlives a change
	// that touches no container, one that touches containers, and one of the mechanism
	// that the quality is about.
	unchanged, changed, rebuilt = 1.0, 0.5, 0.0
	// forgottenFailure is a carried failure that is too small to matter.
	forgottenFailure = 0.1
)

// Supersede ends the open trials of a revision because another one has come: a rollout
// that is past twice its usual time has failed, everything else is censored.
func Supersede(e v1alpha1.Evidence, now time.Time) v1alpha1.Evidence {
	next := *e.DeepCopy()
	next.Open = nil
	l := look{now: now.Truncate(time.Second), known: &e}
	for _, trial := range e.Open {
		v := censored(l.now, "another revision came")
		if trial.Kind == v1alpha1.TrialRollout && l.overdue(trial) {
			v = failure(l.now, fmt.Sprintf("rollout was not complete after %s, when another revision came", l.now.Sub(trial.Since.Time)))
		}
		settle(&next, trial, v)
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
			return v1alpha1.RolloutStable
		case v1alpha1.TrialFailure:
			return v1alpha1.RolloutFailed
		default:
			return v1alpha1.RolloutSuperseded
		}
	}
	return v1alpha1.RolloutRolling
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
// changed, half of them when one did, and none when the mechanism of the quality did;
// at most 5. Failures are carried over every change, at most 1, so that nobody gets rid
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

// survival is how much of a quality's successes outlives a change.
func survival(quality v1alpha1.Quality, from, to v1alpha1.RevisionMechanism) float64 {
	same := map[v1alpha1.Quality]bool{
		v1alpha1.Predictability: from.Starting == to.Starting,
		v1alpha1.Recoverability: from.Recovering == to.Recovering,
		v1alpha1.SafeFailure:    from.Stopping == to.Stopping,
	}
	switch {
	case !same[quality]:
		return rebuilt
	case from.Content != to.Content:
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
