// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"maps"
	"slices"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// admissible are the signatures of each revision that may enter, newest first: every
// proven one, so that going back is never blocked, and the one that runs in the source
// if the gate is open for it. A revision with evidence against it is left out, until
// another one runs there; one whose tag has moved stays by the digest that was proven.
// What was proven for less than the gate asks for is left out.
func (j judge) admissible(status v1alpha1.ReadinessReportStatus, state v1alpha1.GateState, tags tags) [][]string {
	var revisions [][]string
	current := status.Revision.Hash
	moved := movedTag(status) != ""
	if state == v1alpha1.GateOpen {
		revisions = append(revisions, tags.signatures(status.Revision.Containers, j.registries))
	}
	for _, p := range status.Proven {
		if !cover(p.Targets, j.targets) {
			continue
		}
		if p.Hash == current && state != v1alpha1.GatePending && !moved {
			continue
		}
		revisions = append(revisions, tags.signatures(p.Containers, j.registries))
	}
	return revisions
}

// movedTag is the first image of the current revision that resolves to different digests in
// its pods, or that was proven under another one than runs now; empty when there is none.
// A tag that moves under a template makes another revision of it: it is one that moved until
// that is proven, too.
func movedTag(status v1alpha1.ReadinessReportStatus) string {
	if c := workload.Mixed(status.Revision.Containers); c != nil {
		return c.Image
	}
	proven := slices.ContainsFunc(status.Proven, func(p v1alpha1.ProvenRevision) bool { return p.Hash == status.Revision.Hash })
	alone := len(status.Outcomes) > 0 && status.Outcomes[0].Cause == v1alpha1.CauseImages
	for _, p := range status.Proven {
		if p.Hash != status.Revision.Hash && (proven || !alone) {
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

// tags is what is known of the digests that the image references of a workload resolve to.
type tags struct {
	// last is the digest that each was last seen to resolve to.
	last map[string]string
	// moved are those that were seen with more than one.
	moved []string
}

// newTags reads what runs in the source now, then the proven revisions from the newest
// on. Where the pods of the gated namespace run something else under a tag than the
// source ever did, the tag resolves to that.
func newTags(status v1alpha1.ReadinessReportStatus, here *v1alpha1.ReadinessReportStatus, registries registries) tags {
	t := tags{last: map[string]string{}}
	all := slices.Concat(status.Revision.Containers, provenUnder(status))
	t.see(all)
	for _, c := range foreign(all, here, registries) {
		t.last[c.Image] = c.Digest
		t.move(c.Image)
	}
	return t
}

func (t *tags) see(containers []v1alpha1.RevisionContainer) {
	for _, c := range containers {
		switch last, known := t.last[c.Image]; {
		case c.Digest == "" || last == c.Digest:
		case known:
			t.move(c.Image)
		default:
			t.last[c.Image] = c.Digest
		}
		if c.OtherDigest != "" {
			t.last[c.Image] = c.OtherDigest
			t.move(c.Image)
		}
	}
}

func (t *tags) move(image string) {
	if !slices.Contains(t.moved, image) {
		t.moved = append(t.moved, image)
	}
}

// movedSignatures begin the signatures of the images whose tags have moved.
func (t tags) movedSignatures(registries registries) []string {
	var all []string
	for _, image := range t.moved {
		for _, name := range registries.names(image) {
			all = append(all, Signature(name, nil))
		}
	}
	return all
}

// signatures of containers, in digest form, and in tag form as long as the tag is not
// known to have moved to another digest.
func (t tags) signatures(containers []v1alpha1.RevisionContainer, registries registries) []string {
	var all []string
	for _, c := range containers {
		if last, known := t.last[c.Image]; c.Digest != "" && known && last != c.Digest {
			all = append(all, digestSignatures(c, registries)...)
			continue
		}
		all = append(all, signaturesOf(c, registries)...)
	}
	return unique(all)
}

// signaturesOf a container under all the names of its image, in tag and in digest form.
func signaturesOf(c v1alpha1.RevisionContainer, registries registries) []string {
	var all []string
	for _, name := range registries.names(c.Image) {
		c.Image = name
		all = append(all, taggedSignature(c), digestSignature(c))
	}
	return stated(all)
}

func digestSignatures(c v1alpha1.RevisionContainer, registries registries) []string {
	var all []string
	for _, name := range registries.names(c.Image) {
		c.Image = name
		all = append(all, digestSignature(c))
	}
	return stated(all)
}

// stated are the signatures that there are, none twice.
func stated(signatures []string) []string {
	return slices.DeleteFunc(unique(signatures), func(s string) bool { return s == "" })
}

// unknownDigest is what pods run of a container that is none of the known digests; empty
// when there is nothing.
func unknownDigest(c v1alpha1.RevisionContainer, known []string) string {
	for _, digest := range []string{c.Digest, c.OtherDigest} {
		if digest != "" && !slices.Contains(known, digest) {
			return digest
		}
	}
	return ""
}

// provenUnder are the containers of all proven revisions.
func provenUnder(status v1alpha1.ReadinessReportStatus) []v1alpha1.RevisionContainer {
	var all []v1alpha1.RevisionContainer
	for _, p := range status.Proven {
		all = append(all, p.Containers...)
	}
	return all
}

// foreign are the images, by the names that they have in the source, under which the pods
// of the gated namespace run a digest that is none of those known from the source: the tag
// was moved, or another registry holds something else. An image that is given by its
// digest cannot be, and one of a platform of which the source knows nothing is not known
// to be: digests of different platforms are not compared.
func foreign(known []v1alpha1.RevisionContainer, here *v1alpha1.ReadinessReportStatus, registries registries) []v1alpha1.RevisionContainer {
	if here == nil {
		return nil
	}
	digests, platforms := map[string][]string{}, map[string][]string{}
	for _, c := range known {
		if c.Digest != "" && !strings.Contains(c.Image, "@") {
			digests[c.Image] = append(digests[c.Image], c.Digest)
			platforms[c.Image] = append(platforms[c.Image], c.Platform)
		}
	}
	var all []v1alpha1.RevisionContainer
	for _, image := range slices.Sorted(maps.Keys(digests)) {
		names := registries.names(image)
		i := slices.IndexFunc(here.Revision.Containers, func(c v1alpha1.RevisionContainer) bool {
			related := slices.ContainsFunc(platforms[image], func(p string) bool { return p == c.Platform || p == "" || c.Platform == "" })
			return slices.Contains(names, c.Image) && related && unknownDigest(c, digests[image]) != ""
		})
		if i >= 0 {
			all = append(all, v1alpha1.RevisionContainer{Image: image, Digest: unknownDigest(here.Revision.Containers[i], digests[image])})
		}
	}
	return all
}
