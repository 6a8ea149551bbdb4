// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Qualities in the order in which they are shown.
var Qualities = []v1alpha1.Quality{v1alpha1.Predictability, v1alpha1.Recoverability, v1alpha1.SafeFailure}

// Applicable says whether a trial of the quality can ever happen to a workload of this
// kind. A lack of data never makes a quality inapplicable.
func Applicable(quality v1alpha1.Quality, w workload.Workload) bool {
	switch quality {
	case v1alpha1.Recoverability:
		return w.Replaces() // nothing brings the pods of others back
	case v1alpha1.SafeFailure:
		return w.Kind != v1alpha1.KindJob && w.Kind != v1alpha1.KindCronJob // their pods end by completing
	default:
		return true
	}
}

// asked are the qualities that decide: those of the targets that apply. Where none of
// them does, predictability decides, because a revision is never proven by nothing.
func asked(targets v1alpha1.ReadinessTargets, w workload.Workload) []v1alpha1.Quality {
	var qualities []v1alpha1.Quality
	for _, q := range Qualities {
		if slices.Contains(targets.Qualities, q) && Applicable(q, w) {
			qualities = append(qualities, q)
		}
	}
	if len(qualities) == 0 {
		return []v1alpha1.Quality{v1alpha1.Predictability}
	}
	return qualities
}
