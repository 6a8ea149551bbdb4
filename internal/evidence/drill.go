// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import "github.com/rampart-dev/rampart/api/v1alpha1"

// DrillOutcome is how a drill ended: the outcome of the replacement of its pod. It is
// empty while the drill runs, and for a drill whose eviction was refused.
func DrillOutcome(e v1alpha1.Evidence, drill v1alpha1.Drill) v1alpha1.TrialOutcome {
	id := replacementID(drill.PodUID)
	for _, t := range e.Trials {
		if t.ID == id {
			return t.Outcome
		}
	}
	return ""
}

// DrillBegun says whether the pod of a drill was seen to be taken away.
func DrillBegun(e v1alpha1.Evidence, drill v1alpha1.Drill) bool {
	return opened(&e, replacementID(drill.PodUID)) || DrillOutcome(e, drill) != ""
}
