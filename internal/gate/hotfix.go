// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// lastingFailure is how long what runs here must have been failing before the hotfix lane
// opens: a moment without a ready pod calls for no fix.
const lastingFailure = time.Minute

// failing says whether a workload's pods or its rollout fail now, and since when. A report
// whose trials failed is Failing too, but not since any time: its workload may run well.
func failing(here *v1alpha1.ReadinessReportStatus) (since time.Time, now bool) {
	if here == nil || here.State != v1alpha1.ReportFailing || here.FailingSince == nil {
		return time.Time{}, false
	}
	return here.FailingSince.Time, true
}

// HotfixDue is how long it takes until the failure of another workload in the gated namespace
// has lasted long enough for the hotfix lane; 0 when that is no question of time.
func HotfixDue(here []v1alpha1.ReadinessReport, now time.Time) time.Duration {
	due := time.Duration(0)
	for i := range here {
		since, is := failing(&here[i].Status)
		if left := since.Add(lastingFailure).Sub(now); is && left > 0 && (due == 0 || left < due) {
			due = left
		}
	}
	return due
}

// hotfixLane says why a revision that is not proven may enter nevertheless; empty when it
// may not. While what runs here goes on failing, waiting for the whole evidence protects
// nobody: one clean rollout of another revision in the source is enough, and one failing
// trial of it is too much.
func (j judge) hotfixLane(source v1alpha1.ReadinessReportStatus, here *v1alpha1.ReadinessReportStatus) string {
	since, is := failing(here)
	if !is || j.now.Before(since.Add(lastingFailure)) || source.State == v1alpha1.ReportGone {
		return ""
	}
	if j.runsHere(source.Revision, here.Revision) || !cleanRollout(source.Evidence.Trials) {
		return ""
	}
	return fmt.Sprintf("hotfix lane: what runs in %s is failing, and revision %s has rolled out cleanly in %s; it is not proven, and counts so",
		j.namespace, source.Revision.Hash, j.source)
}

// runsHere says whether a revision of the source brings no container that does not run
// here already: then it is what fails, and no fix.
func (j judge) runsHere(source, here v1alpha1.Revision) bool {
	running := Signatures(here.Containers)
	for _, c := range source.Containers {
		if !slices.ContainsFunc(signaturesOf(c, j.registries), func(s string) bool { return slices.Contains(running, s) }) {
			return false
		}
	}
	return true
}

// cleanRollout says whether the trials of a revision hold a rollout, or a run, that
// succeeded and nothing that failed.
func cleanRollout(trials []v1alpha1.Trial) bool {
	clean := false
	for _, t := range trials {
		switch {
		case t.Outcome == v1alpha1.TrialFailure:
			return false
		case t.Outcome == v1alpha1.TrialSuccess && (t.Kind == v1alpha1.TrialRollout || t.Kind == v1alpha1.TrialRun):
			clean = true
		}
	}
	return clean
}

// bothAdmit are the signatures that two gates admit, at least one of them by its hotfix
// lane: the first gate, with what it takes for proven, and the other one.
func bothAdmit(fix, proven []string, other Admission) []string {
	theirs := slices.Concat(other.Revisions...)
	var both []string
	for _, s := range fix {
		if slices.Contains(other.Hotfix, s) || slices.Contains(theirs, s) {
			both = append(both, s)
		}
	}
	for _, s := range other.Hotfix {
		if slices.Contains(proven, s) {
			both = append(both, s)
		}
	}
	return both
}
