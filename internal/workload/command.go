// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import "github.com/rampart-dev/rampart/api/v1alpha1"

// The bounds of a command that a report repeats. They are those of the API, and one for the
// whole: a report holds the commands of up to 11 revisions, and has to stay small.
const (
	maxCommandWords = 64
	maxCommand      = 1024
)

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
