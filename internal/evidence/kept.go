// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// A revision may come without new pods: somebody changed a ConfigMap, or a tag has moved.
// Pods from before go on with what they read when they started, or with a file that changed
// under them; nobody can tell which. What fails in them counts, because the change may be
// why. What succeeds does not: it may be the work of the revision before, and was counted
// there.

// saysNothing says why a success in this look is none of the revision's; empty when it is.
func (l look) saysNothing(trial v1alpha1.OpenTrial) string {
	if c := workload.Mixed(l.Revision.Containers); c != nil {
		return fmt.Sprintf("pods run different images under the tag of %s", c.Image)
	}
	if !l.Kept {
		return ""
	}
	began := trial.Since.Time
	if p, found := l.pod(trial.SubjectUID); found && !ofTheNextPods(trial.Kind) {
		began = p.Created
	}
	if began.Before(l.Before) {
		return fmt.Sprintf("%s is from before the revision", trial.Subject)
	}
	return ""
}

// ofTheNextPods says whether a trial of a pod is about those that take its place.
func ofTheNextPods(kind v1alpha1.TrialKind) bool {
	return kind == v1alpha1.TrialReplacement || kind == v1alpha1.TrialRenewal
}
