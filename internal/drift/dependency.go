// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"fmt"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Dependency drift is other code under the same tag. It is shown and never corrected: the
// template says what it said, and only its owner knows which of the images is meant.

// MixedImage says that some of a revision's pods run another image under the tag of the
// container than the others do.
func MixedImage(c v1alpha1.RevisionContainer, pods []workload.Pod) string {
	return message.Cut(fmt.Sprintf("container %s: its tag %s has moved from %s to %s, which %s; no success counts until all run the same: restart the rollout, and give each image a tag of its own",
		c.Name, c.Image, shortDigest(c.Digest), shortDigest(c.OtherDigest), run(podsWith(pods, c, c.OtherDigest))), maxMessage)
}

// MovedImages says which tags of a revision resolve to another image than they did before.
func MovedImages(containers []v1alpha1.RevisionContainer, pods []workload.Pod) string {
	const follows = "; that is a revision of its own: give each image a tag of its own, or pin its digest"
	var moved []string
	for _, c := range containers {
		if c.PreviousDigest != "" && c.PreviousDigest != c.Digest {
			moved = append(moved, fmt.Sprintf("container %s: its tag %s has moved from %s to %s, which %s",
				c.Name, c.Image, shortDigest(c.PreviousDigest), shortDigest(c.Digest), run(podsWith(pods, c, c.Digest))))
		}
	}
	return message.Cut(strings.Join(moved, "; "), maxMessage-len(follows)) + follows
}

// podsWith are the names of the pods whose container runs the digest.
func podsWith(pods []workload.Pod, of v1alpha1.RevisionContainer, digest string) []string {
	var names []string
	for _, pod := range pods {
		for _, c := range pod.Containers {
			if c.Name == of.Name && c.Init == of.Init && workload.DigestOf(c.ImageID) == digest && !pod.Departing() {
				names = append(names, pod.Name)
			}
		}
	}
	return names
}

// maxNamed is how many pods or keys a message names.
const maxNamed = 3

// run says that the pods run something.
func run(pods []string) string {
	switch len(pods) {
	case 0:
		return "no pod runs now"
	case 1:
		return "pod " + pods[0] + " runs"
	default:
		return "pods " + message.First(maxNamed, pods) + " run"
	}
}

// shortDigest is enough of a digest to tell two apart.
func shortDigest(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }
