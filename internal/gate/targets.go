// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// qualities in the order in which they are shown everywhere.
var qualities = []v1alpha1.Quality{v1alpha1.Predictability, v1alpha1.Recoverability, v1alpha1.SafeFailure}

// Targets are what a gate asks for: what the policy of its namespace asks for, and
// more where the gate does. A gate can only tighten. The policy is an effective one.
func Targets(policy v1alpha1.EnvironmentPolicySpec, gate v1alpha1.PromotionGateSpec) v1alpha1.ReadinessTargets {
	floor := policy.Promotion.Effective(policy.Stage)
	if gate.Readiness == nil {
		return floor
	}
	return Strictest(floor, *gate.Readiness)
}

// Strictest asks for everything that any of the targets asks for: the highest target,
// the highest confidence, the most natural trials, every quality. Without arguments it asks for nothing.
func Strictest(targets ...v1alpha1.ReadinessTargets) v1alpha1.ReadinessTargets {
	var strictest v1alpha1.ReadinessTargets
	for _, t := range targets {
		strictest.Target = max(strictest.Target, t.Target)
		strictest.Confidence = max(strictest.Confidence, t.Confidence)
		strictest.NaturalTrials = max(strictest.NaturalTrials, t.NaturalTrials)
	}
	for _, q := range qualities {
		if slices.ContainsFunc(targets, func(t v1alpha1.ReadinessTargets) bool { return slices.Contains(t.Qualities, q) }) {
			strictest.Qualities = append(strictest.Qualities, q)
		}
	}
	return strictest
}

// cover says whether who reached these targets has reached the others too.
func cover(reached, wanted v1alpha1.ReadinessTargets) bool {
	return reached.Target >= wanted.Target && reached.Confidence >= wanted.Confidence && reached.NaturalTrials >= wanted.NaturalTrials &&
		!slices.ContainsFunc(wanted.Qualities, func(q v1alpha1.Quality) bool { return !slices.Contains(reached.Qualities, q) })
}

// same says whether both ask for the same, in whatever order.
func same(a, b v1alpha1.ReadinessTargets) bool { return cover(a, b) && cover(b, a) }
