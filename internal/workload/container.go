// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import "github.com/rampart-dev/rampart/api/v1alpha1"

// What a report repeats of containers: it holds up to 11 revisions, and has to stay small. A
// Deployment may have any, and a report that is refused stops all that it is needed for.
const (
	maxContainers = 64
	// maxImage is longer than what any registry holds.
	maxImage = 512
	// maxCommandWords and maxCommand are of one container, maxCommands of all.
	maxCommandWords = 64
	maxCommand      = 1024
	maxCommands     = 16 * 1024
)

// TooMany says whether a revision may have more containers than are recorded.
func TooMany(containers []v1alpha1.RevisionContainer) bool { return len(containers) >= maxContainers }

// withCommand repeats the command of a container, or only identifies one that is too long, or
// longer than there is room. It returns what room it leaves.
func withCommand(c v1alpha1.RevisionContainer, command []string, room int) (v1alpha1.RevisionContainer, int) {
	length := 0
	for _, word := range command {
		length += len(word)
	}
	if len(command) > maxCommandWords || length > min(maxCommand, room) {
		c.CommandDigest = Digest(command)
		return c, room
	}
	c.Command = command
	return c, room - length
}
