// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// replicated is how many replicas it takes to contain the failure of one.
const replicated = 2

// Applies says whether a trial of the kind can ever happen to a workload of this kind and
// shape in the course of ordinary life; serving is true when a Service sends traffic to its
// pods. What only a drill or the team brings about makes nothing applicable.
func Applies(kind v1alpha1.TrialKind, w workload.Workload, serving bool) bool {
	switch kind {
	case v1alpha1.TrialRollout, v1alpha1.TrialRollback:
		return rollsOut(w)
	case v1alpha1.TrialContainedRollout:
		return rollsOut(w) && w.Replicas > w.MaxUnavailable // else a rollout may take all pods away
	case v1alpha1.TrialStart, v1alpha1.TrialTermination:
		return keepsRunning(w)
	case v1alpha1.TrialRun:
		return !keepsRunning(w)
	case v1alpha1.TrialReplacement, v1alpha1.TrialRenewal, v1alpha1.TrialRestart:
		return w.Replaces()
	case v1alpha1.TrialContainment:
		return w.Replaces() && serving && w.Replicas >= replicated
	default:
		return false
	}
}

// ApplicableTo says whether any trial of the quality can ever happen to the workload. A
// lack of data never makes a quality inapplicable.
func ApplicableTo(quality v1alpha1.Quality, w workload.Workload, serving bool) bool {
	for _, r := range recognisers {
		if QualityOf(r.kind) == quality && Applies(r.kind, w, serving) {
			return true
		}
	}
	return false
}

// provesNothing says whether pods are ready whatever they do, although a Service sends
// traffic to them: that they are ready earns nothing then.
func (s Snapshot) provesNothing() bool { return s.Serving && !s.Workload.HasReadinessProbe() }
