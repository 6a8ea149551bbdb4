// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"fmt"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
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
	case r.MigrationJob != "":
		return "Job " + r.MigrationJob + " ran with the new image, and an older revision may not work after a migration"
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
	if good := target(r.Earlier, r.Revision); good != nil {
		back = "go back to " + describeTarget(*good)
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
