// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// DrillOutcome is how a drill ended: the outcome of the replacement of its pod, or of all
// pods by a restart. It is empty while the drill runs, and for one that was refused. A
// restart runs until its pod is gone: until then nothing else tells that the pod was of
// this revision.
func DrillOutcome(e v1alpha1.Evidence, drill v1alpha1.Drill) v1alpha1.TrialOutcome {
	id := drillID(drill)
	i := slices.IndexFunc(e.Trials, func(t v1alpha1.Trial) bool { return t.ID == id })
	if i < 0 || drill.Kind == v1alpha1.DrillRestart && observed(e, drill.PodUID) {
		return ""
	}
	return e.Trials[i].Outcome
}

// DrillBegun says whether the pod of a drill was seen to be taken away.
func DrillBegun(e v1alpha1.Evidence, drill v1alpha1.Drill) bool {
	id := drillID(drill)
	return opened(&e, id) || slices.ContainsFunc(e.Trials, func(t v1alpha1.Trial) bool { return t.ID == id })
}

// drillID is the id of the trial that a drill is made for.
func drillID(drill v1alpha1.Drill) string {
	if drill.Kind == v1alpha1.DrillRestart {
		return renewalID(drill.PodUID)
	}
	return replacementID(drill.PodUID)
}

// observed says whether a trial of the pod is open.
func observed(e v1alpha1.Evidence, podUID string) bool {
	return slices.ContainsFunc(e.Open, func(t v1alpha1.OpenTrial) bool { return t.SubjectUID == podUID })
}
