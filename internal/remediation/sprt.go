// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import "math"

// The sequential probability ratio test (A. Wald, Sequential Tests of Statistical
// Hypotheses, 1945) asks of the pods of a new revision, one after the other: does a pod
// fail as rarely as under a good revision, or as often as under a bad one?
const (
	// failsWhenGood is the share of pods that fail under a good revision (H0).
	failsWhenGood = 0.02
	// failsWhenBad is the share of pods that fail under a bad revision (H1).
	failsWhenBad = 0.50
	// falseAlarm is how often a good revision may be called bad (alpha). With it, two failed
	// pods and no stable one cross the boundary, and one failed pod never does.
	falseAlarm = 0.002
	// missed is how often a bad revision may be called good (beta).
	missed = 0.05
)

// Finding is what the sequential test says.
type Finding string

// The findings of the test.
const (
	// Undecided needs more pods.
	Undecided Finding = "Undecided"
	// Bad is a revision that fails too often to be good.
	Bad Finding = "Bad"
	// Good is a revision that fails too rarely to be bad.
	Good Finding = "Good"
)

// Test judges a revision by how many of its pods failed and how many became stable.
func Test(failed, stable int) Finding {
	ratio := logLikelihoodRatio(failed, stable)
	switch {
	case ratio >= math.Log((1-missed)/falseAlarm):
		return Bad
	case ratio <= math.Log(missed/(1-falseAlarm)):
		return Good
	default:
		return Undecided
	}
}

// logLikelihoodRatio is ln(P(observed | bad) / P(observed | good)) of independent pods.
func logLikelihoodRatio(failed, stable int) float64 {
	return float64(failed)*math.Log(failsWhenBad/failsWhenGood) +
		float64(stable)*math.Log((1-failsWhenBad)/(1-failsWhenGood))
}
