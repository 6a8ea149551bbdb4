// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"slices"
	"strings"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Snapshot is one look at a workload.
type Snapshot struct {
	Workload workload.Workload
	// Revision is the current one. Trials of its pods count, those of others do not.
	Revision v1alpha1.Revision
	// Before is when the revision before this one was first seen. Older pods belong to
	// an earlier time of this revision, to which somebody rolled back.
	Before time.Time
	// Kept is true when the revision came without new pods, so that those from before go on.
	Kept bool
	// Returned is true when the revision ran before, and another one since.
	Returned bool
	// Pods are the live pods of the workload, of all revisions.
	Pods []workload.Pod
	// Departed are pods that went away since the last look, as they were seen last.
	// Giving one again changes nothing; one that is never given is censored.
	Departed []workload.Pod
	// Runs are the Job itself, or the Jobs of a CronJob.
	Runs []workload.Run
	// Tests are the Jobs by which the team tests the workload.
	Tests []workload.TestJob
	// Serving is true when a Service sends traffic to the pods.
	Serving bool
	// Endpoints are the pods to which Services send traffic, Service by Service. One of which
	// nothing is known is not among them.
	Endpoints []workload.Endpoints
	// NodeTrouble says, by the name of a node, why failures there are not the pods' fault.
	NodeTrouble map[string]string
	// Drill is the one that runs now, or nil.
	Drill *v1alpha1.Drill
}

// arrivalSlack is how much earlier than its revision was first seen a pod of it may have
// been made when nothing else is known: the operator sees a new template a moment after
// the controller does.
const arrivalSlack = time.Minute

// seenPod is a pod of the current revision.
type seenPod struct {
	workload.Pod
	departed bool
}

// podsOfRevision are the pods of the current revision, oldest first. A pod that is both
// live and departed is departed: caches of different kinds are not of one moment.
func podsOfRevision(s Snapshot) []seenPod {
	var pods []seenPod
	add := func(from []workload.Pod, departed bool) {
		for _, p := range from {
			known := slices.ContainsFunc(pods, func(q seenPod) bool { return q.UID == p.UID })
			if !known && ofRevision(p, s) {
				pods = append(pods, seenPod{Pod: p, departed: departed})
			}
		}
	}
	add(s.Departed, true)
	add(s.Pods, false)
	slices.SortFunc(pods, func(a, b seenPod) int {
		if order := a.Created.Compare(b.Created); order != 0 {
			return order
		}
		return strings.Compare(a.UID, b.UID)
	})
	return pods
}

// ofRevision says whether a pod was made from the current revision. Where pods carry no
// name of their revision, age decides: a new template does not replace the old pods.
func ofRevision(p workload.Pod, s Snapshot) bool {
	if s.renewed(p) {
		return true
	}
	if s.Workload.Progressing() || s.Revision.PodTemplateHash != "" {
		return s.Revision.PodTemplateHash != "" && p.TemplateHash == s.Revision.PodTemplateHash
	}
	return s.madeFor(p)
}

// madeFor says whether a pod was made while its revision was the current one. After a
// rollback, older pods of the same template may be left: what they showed was counted
// then. Of the first revision that we know, all pods count.
func (s Snapshot) madeFor(p workload.Pod) bool {
	switch {
	case s.Revision.Number <= 1:
		return true
	case !s.Before.IsZero():
		return !p.Created.Before(s.Before)
	default:
		return !p.Created.Before(s.Revision.Since.Add(-arrivalSlack))
	}
}

// present says whether the pod is there to stay.
func (p seenPod) present() bool { return !p.departed && !p.Departing() }

// serving says whether the pod does its work and is not about to stop.
func (p seenPod) serving() bool { return p.present() && p.Ready && p.Disruption == "" }
