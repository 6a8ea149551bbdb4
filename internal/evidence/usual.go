// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"math"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const (
	// leastBand is how long a start or a rollout may always take.
	leastBand = 30 * time.Second
	// bandFactor is how many times the usual duration it may take.
	bandFactor = 2
	// untilUsual is how long it may take while nothing is known to be usual, and how
	// long a pod may wait for a node or an image: the progress deadline of a Deployment
	// unless it says otherwise.
	untilUsual = 10 * time.Minute
	// settling is how soon after its pod was ready a container that ends has never really
	// started: a program that ends at once is ready for a moment, and its end is told seconds
	// later, when the start, and perhaps the rollout, seemed to be a success.
	settling = 30 * time.Second
	// RecoveryObjective is how long a workload may lack a disrupted pod, its grace
	// period included.
	RecoveryObjective = 5 * time.Minute

	keptRollouts = 5
	keptStarts   = 20
)

// band is how long the next one may take: max(30 s, 2 x the median of the last ones).
func band(seconds []int32) time.Duration {
	if len(seconds) == 0 {
		return untilUsual
	}
	return max(leastBand, bandFactor*median(seconds))
}

// median of a list that is not empty.
func median(seconds []int32) time.Duration {
	sorted := slices.Sorted(slices.Values(seconds))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return time.Duration(sorted[middle]) * time.Second
	}
	return (time.Duration(sorted[middle-1]) + time.Duration(sorted[middle])) * time.Second / 2
}

// learn appends a duration, rounded up to seconds, and forgets all but the newest.
func learn(seconds []int32, took time.Duration, keep int) []int32 {
	seconds = append(seconds, int32(math.Ceil(took.Seconds())))
	return seconds[max(0, len(seconds)-keep):]
}

// UsualStart is how long a start of the workload's pods may take and still be usual.
func UsualStart(e v1alpha1.Evidence) time.Duration { return band(e.StartSeconds) }
