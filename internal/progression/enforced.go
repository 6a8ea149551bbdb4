// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"slices"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// enforcedIn are those of an environment's namespaces in which a guardrail at Enforce is
// enforced, sorted: the members of its ring, or all, without those that are held back.
func (s spread) enforcedIn(members []Member, held []v1alpha1.HeldBack) []string {
	in := map[string]bool{}
	for _, m := range members {
		in[m.Name] = s.ring == v1alpha1.RingAll
	}
	for _, n := range s.namespaces {
		if _, member := in[n]; member {
			in[n] = true
		}
	}
	for _, h := range held {
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

// Announced says whether Enforce is what comes next of a guardrail, in the environment or
// in those of its namespaces where it still warns, so that warnings may say so. It does
// not while nothing moves.
func Announced(state v1alpha1.GuardrailState, p v1alpha1.Progression, suspend v1alpha1.SuspendMode) bool {
	if p.Mode == v1alpha1.ProgressionHold || suspend == v1alpha1.SuspendAll || state.Uncompiled != "" || state.Held != "" {
		return false
	}
	return state.MaxLevel == v1alpha1.Enforce && state.Level.Above(v1alpha1.Observe)
}

// Imminent says whether a guardrail has announced what it enforces at the next look, so
// that there should be one soon.
func Imminent(states []v1alpha1.GuardrailState) bool {
	return slices.ContainsFunc(states, func(s v1alpha1.GuardrailState) bool { return strings.HasPrefix(s.Next, announcement) })
}
