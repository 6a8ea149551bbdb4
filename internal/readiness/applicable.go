// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
)

// Qualities in the order in which they are shown.
var Qualities = []v1alpha1.Quality{v1alpha1.Predictability, v1alpha1.Recoverability, v1alpha1.SafeFailure}

// Applicable says whether any trial of the quality can ever happen to a workload of this
// kind and shape: nothing brings the pod of a Job back, for one. A lack of data never makes
// a quality inapplicable.
func Applicable(quality v1alpha1.Quality, subject Subject) bool {
	return evidence.ApplicableTo(quality, subject.Workload, subject.Serving)
}

// asked are the qualities that decide: those of the targets that apply. Where none of
// them does, predictability decides, because a revision is never proven by nothing.
func asked(targets v1alpha1.ReadinessTargets, subject Subject) []v1alpha1.Quality {
	var qualities []v1alpha1.Quality
	for _, q := range Qualities {
		if slices.Contains(targets.Qualities, q) && Applicable(q, subject) {
			qualities = append(qualities, q)
		}
	}
	if len(qualities) == 0 {
		return []v1alpha1.Quality{v1alpha1.Predictability}
	}
	return qualities
}
