// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"cmp"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
)

// episodeLength is how long decisions in one namespace count as one cause, from the first
// on: ten edits within minutes are not ten trials, whoever made them and wherever.
const episodeLength = 10 * time.Minute

// Tally is what the decisions of one act in one namespace come to.
type Tally struct {
	// Agreed and Disagreed are the decisions themselves.
	Agreed, Disagreed int
	// Evidence is weighed by episodes.
	Evidence confidence.Evidence
	// FailedEpisodes is how many causes had a decision that was wrong.
	FailedEpisodes int
	// Wrong says what was wrong with the last of those; empty for none.
	Wrong string
}

// Count weighs the settled decisions of one kind that were made after a time. Those of one
// episode have one cause: k that were right count as confidence.Correlated(k). An episode
// with a wrong one is a failure and not also a success.
func Count(trials []v1alpha1.ActTrial, kind v1alpha1.ActionKind, after time.Time) Tally {
	var tally Tally
	var began time.Time
	right, wrong := 0, 0
	weigh := func() {
		if wrong > 0 {
			tally.FailedEpisodes++
			tally.Evidence.Failures += confidence.Correlated(wrong)
		} else {
			tally.Evidence.Successes += confidence.Correlated(right)
		}
		right, wrong = 0, 0
	}
	for _, t := range inOrder(trials) {
		says := t.Outcome == v1alpha1.ActAgreed || t.Outcome == v1alpha1.ActDisagreed
		if t.Kind != kind || !says || !t.Decided.After(after) {
			continue
		}
		if t.Decided.Sub(began) > episodeLength {
			weigh()
			began = t.Decided.Time
		}
		if t.Outcome == v1alpha1.ActAgreed {
			tally.Agreed++
			right++
		} else {
			tally.Disagreed++
			tally.Wrong = t.Message
			wrong++
		}
	}
	weigh()
	return tally
}

// inOrder are the trials by the time of the decision; the rest of the order only makes it
// the same every time.
func inOrder(trials []v1alpha1.ActTrial) []v1alpha1.ActTrial {
	return slices.SortedFunc(slices.Values(trials), func(a, b v1alpha1.ActTrial) int {
		return cmp.Or(a.Decided.Compare(b.Decided.Time), cmp.Compare(a.ID, b.ID))
	})
}
