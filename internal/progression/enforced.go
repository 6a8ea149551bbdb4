// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"slices"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// EnforcedIn are those of an environment's namespaces in which a guardrail is enforced,
// sorted: the members of its ring, or all, without those that are held back. None below
// Enforce.
func EnforcedIn(state v1alpha1.GuardrailState, namespaces []string) []string {
	if state.Level != v1alpha1.Enforce {
		return nil
	}
	in := map[string]bool{}
	for _, n := range namespaces {
		in[n] = state.Ring == v1alpha1.RingAll || state.Ring == ""
	}
	for _, n := range state.RingNamespaces {
		if _, member := in[n]; member {
			in[n] = true
		}
	}
	for _, h := range state.HeldBack {
		in[h.Namespace] = false
	}
	var enforced []string
	for n, is := range in {
		if is {
			enforced = append(enforced, n)
		}
	}
	slices.Sort(enforced)
	return enforced
}

// Announced says whether Enforce is the next level of a guardrail, so that its warnings
// may say so.
func Announced(state v1alpha1.GuardrailState, p v1alpha1.Progression) bool {
	return state.Level == v1alpha1.Warn && state.MaxLevel == v1alpha1.Enforce && p.Mode != v1alpha1.ProgressionHold
}

// Imminent says whether a guardrail has announced what it enforces at the next look, so
// that there should be one soon.
func Imminent(states []v1alpha1.GuardrailState) bool {
	return slices.ContainsFunc(states, func(s v1alpha1.GuardrailState) bool { return strings.HasPrefix(s.Next, announcement) })
}
