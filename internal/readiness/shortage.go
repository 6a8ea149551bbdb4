// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"fmt"

	"github.com/rampart-dev/rampart/internal/confidence"
)

// shortage is what a quality lacks: evidence, or evidence that came about by itself.
type shortage struct {
	confidence.Score
	// natural is how many clean trials are missing that neither a drill nor a test set off.
	natural int
	// inherited is true when the revision has shown nothing of it itself: all that counts was
	// carried over, and tests alone add nothing to that.
	inherited bool
}

// any says whether anything is missing.
func (s shortage) any() bool { return !s.Reached() || s.natural > 0 || s.inherited }

// Sentence is what is missing in words.
func (s shortage) Sentence() string {
	switch {
	case s.natural == 0 && s.inherited && s.Reached():
		return fmt.Sprintf("%s %d%% of %d%%: reached by what earlier revisions have shown, but 1 clean trial of this one, other than a test, is needed",
			s.Name, confidence.Percent(s.Bound), confidence.Percent(s.Target))
	case s.natural == 0:
		return s.Score.Sentence()
	case s.Reached():
		return fmt.Sprintf("%s %d%% of %d%%: reached, but %s", s.Name, confidence.Percent(s.Bound), confidence.Percent(s.Target), s.naturally())
	default:
		return s.Score.Sentence() + "; " + s.naturally()
	}
}

func (s shortage) naturally() string {
	if s.natural == 1 {
		return "1 more clean trial must come about without a drill"
	}
	return fmt.Sprintf("%d more clean trials must come about without a drill", s.natural)
}
