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

// A report repeats as many containers, and as much of their images and commands, as keep it small:
// it holds up to 11 revisions. A Deployment may have any, and a report that is refused stops all
// that it is needed for. What any registry holds is shorter.
const (
	maxContainers = 64
	maxImage      = 512
	maxRepeated   = 12 * 1024
	// leastImage is how much stays of an image when there is no room: enough to stay apart.
	leastImage = 64
)

// TooMany says whether a revision may have more containers than are recorded.
func TooMany(containers []v1alpha1.RevisionContainer) bool { return len(containers) >= maxContainers }

// Apart cuts a text that is compared with others to so many bytes, 48 at least. It then ends with
// a digest of it all, so that no two look alike. What is no text is replaced, as in JSON.
func Apart(text string, most int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= most {
		return text
	}
	digest := "…" + digestOf(text)[:templateDigestLength]
	return strings.ToValidUTF8(text[:most-len(digest)], "") + digest
}

// withCommand repeats the command of a container, or only identifies one that is too long, or
// longer than there is room.
func withCommand(c v1alpha1.RevisionContainer, command []string, room int) v1alpha1.RevisionContainer {
	length := 0
	for _, word := range command {
		length += len(word)
	}
	if len(command) > maxCommandWords || length > min(maxCommand, max(room, 0)) {
		c.CommandDigest = Digest(command)
		return c
	}
	c.Command = command
	return c
}
