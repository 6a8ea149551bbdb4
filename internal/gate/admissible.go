// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// admissible are the signatures of each revision that may enter, newest first: every
// proven one, so that going back is never blocked, and the one that runs in the source
// if the gate is open for it. A revision with evidence against it is left out, until
// another one runs there; one whose tag has moved stays by the digest that was proven.
// What was proven for less than the gate asks for is left out.
func admissible(status v1alpha1.ReadinessReportStatus, state v1alpha1.GateState, targets v1alpha1.ReadinessTargets) [][]string {
	tags := newTags(status)
	var revisions [][]string
	current := status.Revision.Hash
	moved := movedTag(status) != ""
	if state == v1alpha1.GateOpen {
		revisions = append(revisions, tags.signatures(status.Revision.Containers))
	}
	for _, p := range status.Proven {
		if !cover(p.Targets, targets) {
			continue
		}
		if p.Hash == current && state != v1alpha1.GatePending && !moved {
			continue
		}
		revisions = append(revisions, tags.signatures(p.Containers))
	}
	return revisions
}

// movedTag is the first image of the current revision that was proven under another
// digest than the one that runs now; empty when there is none. A revision is identified
// by its template, which a tag that moves does not change.
func movedTag(status v1alpha1.ReadinessReportStatus) string {
	for _, p := range status.Proven {
		if p.Hash != status.Revision.Hash {
			continue
		}
		for _, c := range status.Revision.Containers {
			if c.Digest != "" && slices.ContainsFunc(p.Containers, func(was v1alpha1.RevisionContainer) bool {
				return was.Name == c.Name && was.Image == c.Image && was.Digest != "" && was.Digest != c.Digest
			}) {
				return c.Image
			}
		}
	}
	return ""
}

// tags is the digest that each image reference was last seen to resolve to.
type tags map[string]string

// newTags reads what runs now, then the proven revisions from the newest on.
func newTags(status v1alpha1.ReadinessReportStatus) tags {
	t := tags{}
	t.see(status.Revision.Containers)
	for _, p := range status.Proven {
		t.see(p.Containers)
	}
	return t
}

func (t tags) see(containers []v1alpha1.RevisionContainer) {
	for _, c := range containers {
		if _, known := t[c.Image]; !known && c.Digest != "" {
			t[c.Image] = c.Digest
		}
	}
}

// signatures of containers, in digest form, and in tag form as long as the tag is not
// known to have moved to another digest.
func (t tags) signatures(containers []v1alpha1.RevisionContainer) []string {
	var all []string
	add := func(signature string) {
		if signature != "" && !slices.Contains(all, signature) {
			all = append(all, signature)
		}
	}
	for _, c := range containers {
		if last, known := t[c.Image]; c.Digest == "" || !known || last == c.Digest {
			add(taggedSignature(c))
		}
		add(digestSignature(c))
	}
	return all
}
