// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"fmt"
	"math"

	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	percent    = 100
	maxMessage = 256
)

// words name the qualities in sentences.
var words = map[v1alpha1.Quality]string{
	v1alpha1.Predictability: "predictability",
	v1alpha1.Recoverability: "recoverability",
	v1alpha1.SafeFailure:    "safe failure",
}

// measure scores one quality against the targets, which hold whole percents.
func measure(quality v1alpha1.Quality, tally evidence.Tally, targets v1alpha1.ReadinessTargets) confidence.Score {
	score := confidence.Measure(words[quality], tally.Evidence,
		float64(targets.Target)/percent, float64(targets.Confidence)/percent)
	score.Clean, score.Failed = tally.Clean, tally.Failed
	return score
}

// show puts a score into the words and numbers of the API.
func show(quality v1alpha1.Quality, score shortage, isAsked bool) v1alpha1.QualityScore {
	shown := v1alpha1.QualityScore{
		Quality:    quality,
		Applicable: true,
		Clean:      count(score.Clean),
		Failed:     count(score.Failed),
		Text:       "no data",
		Message:    message.Cut(score.Sentence(), maxMessage),
	}
	if score.Known {
		shown.Score = ptr.To(confidence.Percent(score.Bound))
		shown.Text = fmt.Sprintf("%d%%", *shown.Score)
	}
	if isAsked {
		shown.Target = ptr.To(confidence.Percent(score.Target))
		shown.Needed, shown.NaturalNeeded = count(score.Needed), count(score.natural)
	} else {
		shown.Message = fmt.Sprintf("%s is not asked for (%d of %d trials clean)",
			words[quality], score.Clean, score.Clean+score.Failed)
	}
	return shown
}

// notApplicable shows a quality of which no trial can happen.
func notApplicable(quality v1alpha1.Quality, kind v1alpha1.WorkloadKind) v1alpha1.QualityScore {
	return v1alpha1.QualityScore{
		Quality: quality,
		Text:    "n/a",
		Message: fmt.Sprintf("%s does not apply to a %s", words[quality], kind),
	}
}

func count(n int) int32 { return int32(min(n, math.MaxInt32)) }
