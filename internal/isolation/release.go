// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package isolation

import "github.com/rampart-dev/rampart/api/v1alpha1"

// Held is a workload that is isolated.
type Held struct {
	// PodTemplateHash is the name of the pods that are cut off, Newest that of its newest
	// revision's pods; empty while nobody knows it.
	PodTemplateHash, Newest string
	// Failing is true while the workload fails.
	Failing bool
	// Wish is what the workload itself says, Refusal by what it refuses; empty when it does not.
	Wish    Wish
	Refusal string
	// Mode that stands here.
	Mode v1alpha1.IsolationMode
}

// Release says why the workload is let go; empty while it is not. Doubt about what once
// condemned it is no reason: an isolation that comes and goes would help nobody.
func Release(h Held) string {
	switch {
	case h.Newest != "" && h.Newest != h.PodTemplateHash:
		return "another revision has come"
	case !h.Failing && h.Newest == h.PodTemplateHash:
		return "it does not fail any more"
	case h.Refusal != "":
		return h.Refusal
	case h.Mode == v1alpha1.IsolationOff:
		return "the EnvironmentPolicy isolates nothing any more"
	case h.Mode == v1alpha1.IsolationManual && h.Wish != WishNow:
		return "nobody asks for it any more"
	}
	return ""
}
