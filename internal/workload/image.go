// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// The same tag resolves to different digests on different nodes without having moved: one
// may report the image's index, another its manifest for one architecture, a third the
// configuration of an image that was loaded by hand. Digests are compared only between
// nodes of one platform, and only in the same form.

// Platform is how the images of a node resolve: its architecture, and the container runtime
// that reports them.
func Platform(node *corev1.Node) string {
	runtime, _, _ := strings.Cut(node.Status.NodeInfo.ContainerRuntimeVersion, "://")
	architecture := node.Status.NodeInfo.Architecture
	if architecture == "" {
		architecture = node.Labels[corev1.LabelArchStable]
	}
	return strings.Trim(architecture+" "+runtime, " ")
}

// resolution is what the pods of one platform say that a container's image is.
type resolution struct {
	digest, platform string
	// other is another digest, of which some of the pods say the same.
	other string
}

// resolutions of a container's image, one for each platform, the platforms sorted. Pods
// that are being deleted say nothing: they are part of what was.
func resolutions(pods []Pod, container string, init bool) []resolution {
	var found []resolution
	for _, p := range pods {
		if p.Departing() {
			continue
		}
		for _, c := range p.Containers {
			digest := DigestOf(c.ImageID)
			if c.Name != container || c.Init != init || digest == "" {
				continue
			}
			platform := p.Platform
			if !strings.Contains(c.ImageID, "@") {
				platform = strings.TrimSpace(platform + " by hand") // no registry is known to hold it
			}
			i := slices.IndexFunc(found, func(r resolution) bool { return r.platform == platform })
			switch {
			case i < 0:
				found = append(found, resolution{digest: digest, platform: platform})
			case found[i].digest != digest:
				found[i].other = digest
			}
		}
	}
	slices.SortFunc(found, func(a, b resolution) int { return strings.Compare(a.platform, b.platform) })
	return found
}

// resolve completes a container with what its image resolves to in the pods of the
// revision. What is known stays, as long as the pods of its platform do not agree that it is
// something else; so that no mixture of nodes makes it change to and fro. What is not known
// is known once the pods of all platforms agree; it is the oldest pod's where those of one
// platform do not.
func resolve(c v1alpha1.RevisionContainer, known *v1alpha1.RevisionContainer, pods []Pod) v1alpha1.RevisionContainer {
	found := resolutions(pods, c.Name, c.Init)
	if known == nil || known.Digest == "" {
		if len(found) > 0 && !slices.ContainsFunc(found, func(r resolution) bool { return r.digest != found[0].digest }) {
			c.Digest, c.Platform, c.OtherDigest = found[0].digest, found[0].platform, found[0].other
		}
		return c
	}
	c.Digest, c.Platform, c.PreviousDigest = known.Digest, known.Platform, known.PreviousDigest
	i := slices.IndexFunc(found, func(r resolution) bool { return r.platform == known.Platform })
	switch {
	case i < 0:
	case found[i].other == "" && found[i].digest != known.Digest:
		c.Digest, c.PreviousDigest = found[i].digest, known.Digest
	case found[i].other == "":
	case found[i].digest != known.Digest:
		c.OtherDigest = found[i].digest
	default:
		c.OtherDigest = found[i].other
	}
	return c
}

// Moved says whether the tag of one of a revision's images resolves to another digest than
// it did before.
func Moved(before, now []v1alpha1.RevisionContainer) bool {
	return slices.ContainsFunc(now, func(c v1alpha1.RevisionContainer) bool {
		known := knownAs(before, c)
		return known != nil && known.Digest != "" && known.Digest != c.Digest
	})
}

// Mixed is the first container of a revision whose pods run different images under one tag;
// nil when there is none.
func Mixed(containers []v1alpha1.RevisionContainer) *v1alpha1.RevisionContainer {
	i := slices.IndexFunc(containers, func(c v1alpha1.RevisionContainer) bool { return c.OtherDigest != "" })
	if i < 0 {
		return nil
	}
	return &containers[i]
}

// ImagesOf is a digest of what the images of a revision resolve to.
func ImagesOf(containers []v1alpha1.RevisionContainer) string {
	digests := map[string]string{}
	for _, c := range containers {
		digests[c.Name] = c.Digest
	}
	return Digest(digests)
}

// knownAs finds the same container with the same image.
func knownAs(containers []v1alpha1.RevisionContainer, c v1alpha1.RevisionContainer) *v1alpha1.RevisionContainer {
	i := slices.IndexFunc(containers, func(known v1alpha1.RevisionContainer) bool {
		return known.Name == c.Name && known.Init == c.Init && known.Image == c.Image
	})
	if i < 0 {
		return nil
	}
	return &containers[i]
}
