// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// forPeople says why going back may do harm, or is not wanted, so that people must decide.
func forPeople(r Rollout) string {
	switch {
	case r.Asked == string(v1alpha1.OnFailureReport):
		return "the workload asks for no rollback (" + v1alpha1.AnnotationOnFailure + ": Report)"
	case r.Asked != "" && r.Asked != string(v1alpha1.OnFailureRollback):
		return fmt.Sprintf("its annotation %s says %.40q, which is neither Report nor Rollback and is read as Report: correct it",
			v1alpha1.AnnotationOnFailure, r.Asked)
	case r.ByHand:
		return "nothing replaces its pods when its template changes (updateStrategy OnDelete), so that a rollback would change nothing: " +
			"put a good template back, and delete the pods that fail"
	case r.Paused:
		return "somebody paused its rollout, and a rollback would change no pods while it is paused: " +
			"put a good template back and resume it, or resume it and fix it forward"
	case r.Controller != "":
		return r.Controller + " controls this workload and would undo a rollback: roll back there"
	case len(r.ChangedConfigMaps) > 0:
		return "ConfigMap " + strings.Join(r.ChangedConfigMaps, ", ") + " changed with it, and an older template would run with the new configuration: check both"
	case r.Migration() != "":
		return "Job " + r.Migration() + " ran with a newer image, and an older revision may not work after a migration: " +
			"ask its team whether one can, or fix it forward"
	case len(r.MissingConfigMaps) > 0:
		return "ConfigMap " + strings.Join(r.MissingConfigMaps, ", ") + " does not exist any more, and the pods of " + describeTarget(*r.Target()) +
			", would not start without it: bring it back first, or fix it forward"
	}
	return ""
}

// Migration names a Job that may have left behind what the revision to return to cannot read: it
// came after that revision, and ran an image that came after it too, be it that of the new
// revision or of one in between. Where nothing can be returned to, it speaks of what was there
// when the new revision came. Empty when there is none.
func (r Rollout) Migration() string {
	since, newer, older := r.Since, r.Images, []string(nil)
	if to := r.Target(); to != nil {
		since, older = to.Since, workload.ImagesIn(to.Template.Spec)
		for _, between := range r.Earlier {
			if between.Number > to.Number {
				newer = slices.Concat(newer, workload.ImagesIn(between.Template.Spec))
			}
		}
	}
	for _, job := range r.Jobs {
		migrates := func(image string) bool { return slices.Contains(newer, image) && !slices.Contains(older, image) }
		if !job.Created.Before(since) && slices.ContainsFunc(job.Images, migrates) {
			return job.Name
		}
	}
	return ""
}

// notOptedIn says why going back is left to people unless the workload's team says that an
// older revision works on what the new one left behind; empty when nothing is left behind,
// or the team says so. That loosens nothing but this: what the environment's policy says
// comes after it.
func notOptedIn(r Rollout) string {
	if r.Asked == string(v1alpha1.OnFailureRollback) {
		return ""
	}
	switch {
	case r.Kind != v1alpha1.KindDeployment:
		return fmt.Sprintf("a %s is not rolled back by itself, because an older revision may not read what the new one wrote: %s", r.Kind, byHand(r))
	case r.WritableVolumes:
		return "its pods write to persistent volumes, and an older revision may not read what the new one wrote: " + byHand(r)
	}
	return ""
}

// byHand says what to do where a rollback is left to people, and how to leave it to Rampart
// where that is possible.
func byHand(r Rollout) string {
	back := "fix it forward"
	if r.Target() != nil {
		back = "go back to " + r.destination()
		if r.Kind == v1alpha1.KindStatefulSet {
			back += ", and delete the pods that do not become ready, which its controller leaves as they are"
		}
		back += ", or fix it forward"
	}
	if r.OnFailure != v1alpha1.OnFailureRollback {
		return back
	}
	return back + ". Where any older revision can, annotate the workload " + v1alpha1.AnnotationOnFailure + ": Rollback"
}
