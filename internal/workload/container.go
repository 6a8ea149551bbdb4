// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// The bounds of a command that a report repeats. They are those of the API, and one for the
// whole: a report holds the commands of up to 11 revisions, and has to stay small.
const (
	maxCommandWords = 64
	maxCommand      = 1024
)

// A report repeats as many containers, and as much of an image, as its API takes. A Deployment
// may have any, and a report that is refused stops all that it is needed for.
const (
	maxContainers = 64
	maxImage      = 1024
)

// TooMany says whether a revision may have more containers than are recorded.
func TooMany(containers []v1alpha1.RevisionContainer) bool { return len(containers) >= maxContainers }

// Apart cuts a text that is compared with others to as many bytes as the API takes of it. It then
// ends with a digest of it all, so that no two look alike.
func Apart(text string, most int) string {
	if len(text) <= most {
		return text
	}
	digest := "…" + Digest(text)
	return strings.ToValidUTF8(text[:most-len(digest)], "") + digest
}

// withCommand repeats the command of a container, or only identifies one that is too long.
func withCommand(c v1alpha1.RevisionContainer, command []string) v1alpha1.RevisionContainer {
	length := 0
	for _, word := range command {
		length += len(word)
	}
	if len(command) > maxCommandWords || length > maxCommand {
		c.CommandDigest = Digest(command)
		return c
	}
	c.Command = command
	return c
}
