// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import "github.com/rampart-dev/rampart/api/v1alpha1"

// find is the score of a quality; nil when it was not judged.
func find(scores []v1alpha1.QualityScore, quality v1alpha1.Quality) *v1alpha1.QualityScore {
	for i := range scores {
		if scores[i].Quality == quality {
			return &scores[i]
		}
	}
	return nil
}

// short says whether a score is below the target, rests on drills alone where natural
// trials are asked for too, or on earlier revisions and tests alone; without a trial it is.
func short(s v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) bool {
	return below(s, targets) || s.NaturalNeeded > 0 || inherited(s)
}

// inherited says whether a score has reached the target that it was measured against and needs a
// trial all the same: one of this very revision.
func inherited(s v1alpha1.QualityScore) bool {
	return s.Needed > 0 && s.Score != nil && s.Target != nil && *s.Score >= *s.Target
}

func below(s v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) bool {
	return s.Score == nil || *s.Score < targets.Target
}

// least is the asked and applicable quality with the lowest score, one without a trial
// first; nil when there is none.
func least(scores []v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) *v1alpha1.QualityScore {
	var lowest *v1alpha1.QualityScore
	for _, quality := range targets.Qualities {
		s := find(scores, quality)
		if s != nil && s.Applicable && (lowest == nil || lower(*s, *lowest)) {
			lowest = s
		}
	}
	return lowest
}

// lower compares what is known: nothing is lower than anything.
func lower(a, b v1alpha1.QualityScore) bool {
	if a.Score == nil || b.Score == nil {
		return a.Score == nil && b.Score != nil
	}
	return *a.Score < *b.Score
}
