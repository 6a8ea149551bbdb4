// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package episodes

import (
	"slices"
	"testing"
)

// Episode is something that happens to a workload, and what is to be learned from it.
type Episode struct {
	// Name is in lower case, with dashes.
	Name string

	// Alone says that it takes a node out of service, or changes an image that others use:
	// no other episode may play at the same time.
	Alone bool

	play func(t *testing.T, s Scene)

	// want are the trials of the revision that runs in the end: these, and no others.
	want []trials
}

// All episodes.
func All() []Episode {
	return slices.Concat(rollouts(), crashes(), endings(), disruptions(), tags())
}

// Play makes the episode happen, and demands its trials.
func (e Episode) Play(t *testing.T, s Scene) {
	t.Helper()
	e.play(t, s)
	s.demand(t, e.want)
}
