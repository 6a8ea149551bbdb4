// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Arrived says whether the containers of a revision that came to a gated namespace were
// proven then, as its annotations say. It is empty, neither, where the namespace has no
// ledger, and for a revision that brings back what ran here before: that says nothing
// about what enters through the gate.
func Arrived(annotations map[string]string, key Key, containers []v1alpha1.RevisionContainer) v1alpha1.Arrival {
	if !Opened(annotations) || len(containers) == 0 {
		return ""
	}
	entry := entryFor(annotations, key)
	old, fix := false, false
	for _, c := range containers {
		switch {
		case listed(entry.TakenOver, c):
			old = true
		case listed(entry.Proven, c):
		case listed(entry.Hotfix, c):
			fix = true
		case listed(entry.admittedSignatures(), c):
			old = true
		default:
			return v1alpha1.ArrivalUnproven
		}
	}
	switch {
	case fix:
		return v1alpha1.ArrivalHotfix
	case old:
		return ""
	default:
		return v1alpha1.ArrivalProven
	}
}

// entryFor is what counts for a workload: its own entry, or what all entries of the
// namespace say where the workload is of a kind that is usually made by another one.
func entryFor(annotations map[string]string, key Key) Entry {
	if slices.Contains(ownedKinds, key.Kind) {
		return ParseEntry(annotations[key.Annotation()])
	}
	var union Entry
	for _, e := range existing(annotations) {
		union.Proven = append(union.Proven, e.Proven...)
		union.Hotfix = append(union.Hotfix, e.Hotfix...)
		union.Admitted = append(union.Admitted, e.Admitted...)
		union.TakenOver = append(union.TakenOver, e.TakenOver...)
	}
	return union
}

// listed says whether a container is among the signatures, in tag or in digest form.
func listed(signatures []string, c v1alpha1.RevisionContainer) bool {
	return slices.Contains(signatures, taggedSignature(c)) || slices.Contains(signatures, digestSignature(c))
}
