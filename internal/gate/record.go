// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxListed is how many workloads a status lists; the total counts all.
	maxListed = 100
	// maxDifferences is how many differences a status lists in all, and maxDifferencesEach
	// of one workload; each workload counts all of its own.
	maxDifferences, maxDifferencesEach = 100, 10
	// maxImages is how many images a status lists in all; maxImagesEach are named of one revision.
	maxImages, maxImagesEach = 200, 16
	// maxImage is how much of an image a status shows.
	maxImage = 256
)

// Condition is a condition without the time of its last transition.
type Condition struct {
	Status  metav1.ConditionStatus
	Reason  string
	Message string
}

// Record writes the decision into a status, all of it but the level. The status of a
// frozen gate keeps what it said.
func (d Decision) Record(status *v1alpha1.PromotionGateStatus, generation int64, now time.Time) {
	status.ObservedGeneration = generation
	if !d.Frozen {
		status.State, status.Open, status.Score = d.State, d.Open, d.Score
		status.WaitingFor = message.Cut(d.WaitingFor, maxLine)
		status.Total = int32(len(d.Workloads))
		status.Workloads = bounded(d.Workloads)
	}
	for _, c := range []struct {
		name string
		Condition
	}{{v1alpha1.ConditionReady, d.Ready}, {v1alpha1.ConditionPromotable, d.Promotable}} {
		meta.SetStatusCondition(&status.Conditions, metav1.Condition{
			Type: c.name, Status: c.Status, Reason: c.Reason, Message: c.Message,
			ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now),
		})
	}
}

// bounded are the workloads that a status lists, so that it fits into one object whatever teams
// call their images.
func bounded(workloads []v1alpha1.GateWorkload) []v1alpha1.GateWorkload {
	listed := slices.Clone(workloads[:min(len(workloads), maxListed)])
	differences, images := maxDifferences, maxImages
	for i := range listed {
		n := min(len(listed[i].Differences), maxDifferencesEach, differences)
		listed[i].Differences = listed[i].Differences[:n:n]
		differences -= n
		n = min(len(listed[i].Images), images)
		listed[i].Images = listed[i].Images[:n:n]
		images -= n
	}
	return listed
}

// frozen is the decision of a gate whose environment suspends everything: what it was.
// A gate that had not decided yet stays unknown.
func frozen(status v1alpha1.PromotionGateStatus) Decision {
	d := Decision{
		Frozen:     true,
		Ready:      Condition{metav1.ConditionTrue, v1alpha1.ReasonSuspended, "frozen as it is, because the EnvironmentPolicy says suspend: All"},
		Promotable: Condition{metav1.ConditionUnknown, v1alpha1.ReasonSuspended, "not decided before the EnvironmentPolicy said suspend: All"},
	}
	if previous := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionPromotable); previous != nil {
		d.Promotable = Condition{previous.Status, previous.Reason, previous.Message}
	}
	return d
}
