// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"slices"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// wayBack are the revisions that came through the gate, the one that runs first. They are
// made of what the Namespace and the report of the gated namespace say, so that neither a
// restart of the operator nor a source that forgets its reports takes them away. They go
// with the report, seven days after the workload.
//
// Only signatures that were admissible anyway are kept: running somewhere proves nothing.
func wayBack(entry Entry, here v1alpha1.ReadinessReportStatus) []Admitted {
	if !slices.Contains(ownedKinds, here.Workload.Kind) {
		return nil
	}
	came := entry.Admitted
	if current, passed := throughTheGate(entry, here); passed {
		came = slices.DeleteFunc(slices.Clone(came), func(a Admitted) bool {
			// Revisions that differ by their ConfigMaps only are one way back.
			return a.Revision == current.Revision || slices.Equal(a.Signatures, current.Signatures)
		})
		came = slices.Concat([]Admitted{current}, came)
	}
	return came
}

// throughTheGate is what runs here as one that may come again; false when a container of
// it never was admissible, and when all of it ran here before the gate: that stays anyway.
func throughTheGate(entry Entry, here v1alpha1.ReadinessReportStatus) (current Admitted, passed bool) {
	known := slices.Concat(entry.Proven, entry.Hotfix, entry.admittedSignatures())
	current = Admitted{Revision: here.Revision.Hash}
	for _, c := range here.Revision.Containers {
		if !listed(known, c) && !listed(entry.TakenOver, c) {
			return current, false
		}
		for _, s := range []string{taggedSignature(c), digestSignature(c)} {
			if slices.Contains(known, s) && !slices.Contains(current.Signatures, s) {
				current.Signatures = append(current.Signatures, s)
			}
		}
	}
	return current, here.State != v1alpha1.ReportGone && current.Revision != "" && len(current.Signatures) > 0
}

func (e Entry) admittedSignatures() []string {
	var all []string
	for _, a := range e.Admitted {
		all = append(all, a.Signatures...)
	}
	return all
}

// stillThere leaves out the tags that moved: they would bring in other code than ran here.
func stillThere(came []Admitted, moved []string) []Admitted {
	if len(moved) == 0 {
		return came
	}
	var left []Admitted
	for _, a := range came {
		a.Signatures = slices.DeleteFunc(slices.Clone(a.Signatures), func(s string) bool {
			image, _, _ := strings.Cut(s, " ")
			return slices.Contains(moved, image)
		})
		if len(a.Signatures) > 0 {
			left = append(left, a)
		}
	}
	return left
}
