// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import "github.com/rampart-dev/rampart/api/v1alpha1"

// Act is a change of workloads that a policy asks for.
type Act struct {
	// Kind of its actions.
	Kind v1alpha1.ActionKind
	// StartLevel as the policy says it.
	StartLevel v1alpha1.ActLevel
}

// Of are the acts that an effective policy asks for. What it only wants to have reported has
// no level to earn.
func Of(policy v1alpha1.EnvironmentPolicySpec) []Act {
	var all []Act
	if policy.Drift.Mode == v1alpha1.DriftCorrect {
		all = append(all, Act{v1alpha1.ActionCorrectDrift, policy.Drift.StartLevel})
	}
	if policy.Rollout.OnFailure == v1alpha1.OnFailureRollback {
		all = append(all, Act{v1alpha1.ActionRollback, policy.Rollout.StartLevel})
	}
	return all
}

// words are what people call an act.
type words struct {
	// one and many are its decisions.
	one, many string
	// field of the policy that says where it starts.
	field string
}

var inWords = map[v1alpha1.ActionKind]words{
	v1alpha1.ActionCorrectDrift: {"correction", "corrections", "drift.startLevel"},
	v1alpha1.ActionRollback:     {"rollback", "rollbacks", "rollout.startLevel"},
	v1alpha1.ActionReplacePod:   {"deletion of a stuck pod", "deletions of stuck pods", "rollout.startLevel"},
	v1alpha1.ActionIsolate:      {"isolation", "isolations", "isolation.startLevel"},
}

// Plural is what people call the decisions of an act: "corrections".
func Plural(kind v1alpha1.ActionKind) string { return inWords[kind].many }

// Singular is what people call one of them: "correction".
func Singular(kind v1alpha1.ActionKind) string { return inWords[kind].one }
