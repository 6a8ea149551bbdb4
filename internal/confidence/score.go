// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package confidence

import (
	"fmt"
	"math"
)

// Score is a bound with what it takes to judge it.
type Score struct {
	// Name of what is measured, as it begins a sentence: "predictability".
	Name string
	// Bound and Target are rates between 0 and 1.
	Bound, Target float64
	// Known is false without a trial; the bound then means nothing.
	Known bool
	// Needed is how many clean trials are missing.
	Needed int
	// Clean and Failed are the trials that were seen. Evidence that was carried over
	// from elsewhere is in the bound and not in these.
	Clean, Failed int
}

// Measure scores evidence against a target at a confidence, both between 0 and 1.
func Measure(name string, e Evidence, target, confidence float64) Score {
	return Score{
		Name:   name,
		Bound:  Bound(e, confidence),
		Target: target,
		Known:  !e.Empty(),
		Needed: Needed(e, target, confidence),
	}
}

// Reached says whether the score is known and at its target or above it.
func (s Score) Reached() bool { return s.Known && s.Bound >= s.Target }

// Sentence is the score for people:
//
//	predictability 86% of 90%: 4 more clean trials needed (9 of 9 so far)
func (s Score) Sentence() string {
	target := Percent(s.Target)
	switch {
	case !s.Known:
		return fmt.Sprintf("%s unknown, target %d%%: %s needed (none so far)", s.Name, target, trials(s.Needed, ""))
	case s.Reached():
		return fmt.Sprintf("%s %d%% of %d%%: reached (%s)", s.Name, Percent(s.Bound), target, s.seen())
	default:
		return fmt.Sprintf("%s %d%% of %d%%: %s needed (%s so far)",
			s.Name, Percent(s.Bound), target, trials(s.Needed, "more "), s.seen())
	}
}

func (s Score) seen() string {
	if s.Clean+s.Failed == 0 {
		return "all carried over"
	}
	return fmt.Sprintf("%d of %d", s.Clean, s.Clean+s.Failed)
}

func trials(n int, more string) string {
	if n == 1 {
		return "1 " + more + "clean trial"
	}
	return fmt.Sprintf("%d %sclean trials", n, more)
}

// Percent is the rate in whole percents, rounded down, so that a target is never shown
// before it is reached, and is always shown when it is.
func Percent(rate float64) int32 {
	percent := int32(math.Floor(rate * 100))
	// The product may fall just below a whole number that the rate does reach.
	if float64(percent+1)/100 <= rate {
		percent++
	}
	return percent
}
