// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// GuardrailState is where a guardrail stands in an environment.
type GuardrailState struct {
	// name of the Guardrail.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// level is the consequence of a violation here, now.
	// +required
	Level Level `json:"level"`

	// parameters are what the policy sets for the guardrail, as it is in force. When the
	// policy sets something wrong, what was in force before stays, and the condition
	// Ready says what is wrong.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Parameters []ParameterSetting `json:"parameters,omitempty"`

	// rule is a digest of the guardrail as it was judged. A guardrail that is rewritten
	// warns at most until the new rule has earned more, unless its startLevel is Enforce.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Rule string `json:"rule,omitempty"`

	// maxLevel is where the climb ends.
	// +optional
	MaxLevel Level `json:"maxLevel,omitempty"`

	// since is when the level was reached.
	// +optional
	Since metav1.Time `json:"since,omitempty"`

	// revisions is how many new revisions were judged here by this guardrail: its trials.
	// +optional
	// +kubebuilder:default=0
	Revisions int32 `json:"revisions"`

	// wouldRefuse is how many of them Enforce would have refused.
	// +optional
	WouldRefuse int32 `json:"wouldRefuse"`

	// score is the lower bound, in percent, on the share of changes that comply. No
	// trial, no score.
	// +optional
	Score *int32 `json:"score,omitempty"`

	// violating is how many workloads violate the guardrail now.
	// +optional
	// +kubebuilder:default=0
	Violating int32 `json:"violating"`

	// failing is how many workloads the guardrail could not judge at the last look. No
	// level is gained while there is any.
	// +optional
	Failing int32 `json:"failing,omitempty"`

	// failingNamespaces is in how many namespaces the guardrail could not judge a workload.
	// When it comes to two, or to the only one, that costs a level. One among others costs
	// none, so that no team can take a guardrail away from the others.
	// +optional
	FailingNamespaces int32 `json:"failingNamespaces,omitempty"`

	// next says what the guardrail waits for, or what happens next.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Next string `json:"next,omitempty"`

	// ring says how far Enforce has spread: First, Quarter or All. Left out below Enforce.
	// +optional
	Ring Ring `json:"ring,omitempty"`

	// ringSince is when the ring was reached.
	// +optional
	RingSince *metav1.Time `json:"ringSince,omitempty"`

	// ringNamespaces are the namespaces of the rings First and Quarter. In the ring All,
	// every namespace but those of heldBackNamespaces is enforced.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MaxLength=63
	RingNamespaces []string `json:"ringNamespaces,omitempty"`

	// heldBack are the namespaces that stay at Warn while others are enforced, because
	// their changes brought new findings before they were enforced, because they came with
	// running workloads, or because they were excluded until now. The first 50, each with
	// the reason; heldBackTotal counts all. While Enforce is still to come, the first 10
	// that it would leave out.
	// +optional
	// +listType=map
	// +listMapKey=namespace
	// +kubebuilder:validation:MaxItems=50
	HeldBack []HeldBack `json:"heldBack,omitempty"`

	// heldBackTotal is how many namespaces are held back, those not listed included.
	// +optional
	HeldBackTotal int32 `json:"heldBackTotal,omitempty"`

	// heldBackNamespaces are the names of those that are held back while others are
	// enforced: a namespace that is released has earned it, and an operator that restarts
	// knows whom. Of more than 1,000, the first; whoever is not listed is held back all the
	// same, for as long as its own changes, or its arrival, speak for that.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MaxLength=63
	HeldBackNamespaces []string `json:"heldBackNamespaces,omitempty"`

	// excludedNamespaces are those that an exclusion leaves out as a whole, and those that
	// it left out until a moment ago: they are held back until they have brought a clean
	// revision. Of the latter, the last that fit.
	// +optional
	// +listType=map
	// +listMapKey=namespace
	// +kubebuilder:validation:MaxItems=256
	ExcludedNamespaces []ExcludedNamespace `json:"excludedNamespaces,omitempty"`

	// wouldBeRefused are workloads and objects that violate the guardrail now: what
	// Enforce would refuse if it came anew. The first 10; violating counts all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MaxLength=384
	WouldBeRefused []string `json:"wouldBeRefused,omitempty"`

	// excluded is how many workloads and objects an exclusion leaves out.
	// +optional
	Excluded int32 `json:"excluded,omitempty"`

	// uncountable is how many workloads and objects have more findings than their report
	// tells apart, 512, or than it has room for. Of those, only the number of findings is
	// compared: one in place of another is not seen as new.
	// +optional
	Uncountable int32 `json:"uncountable,omitempty"`

	// uncompiled says why this operator cannot compile the rule, which was accepted before.
	// It stays in admission as it was, nothing is judged by it, and its level does not move.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Uncompiled string `json:"uncompiled,omitempty"`

	// held is the mistake in spec.guardrails that may be why it is not brought any more: until
	// that is corrected it stays as it stood, and does not rise.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Held string `json:"held,omitempty"`

	// exclusions identifies the exclusions that spec.guardrails sets for it; empty without any.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Exclusions string `json:"exclusions,omitempty"`

	// standstill says why native admission has it as it was, and not as it stands here: the
	// API server refuses a policy that it is in, or it shares one with a guardrail that has
	// no other place. It does not rise meanwhile; all others do.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Standstill string `json:"standstill,omitempty"`

	// noisy is how many findings nobody acted on through three later revisions, or that
	// came and went without a change.
	// +optional
	Noisy int32 `json:"noisy,omitempty"`

	// suspectedFalsePositives is how many revisions violate a guardrail that predicts
	// behaviour and proved ready nevertheless.
	// +optional
	SuspectedFalsePositives int32 `json:"suspectedFalsePositives,omitempty"`

	// fixed is how many findings went away with a later revision.
	// +optional
	Fixed int32 `json:"fixed,omitempty"`
}

// Ring says how far Enforce has spread over the namespaces of an environment.
//
// +kubebuilder:validation:Enum=First;Quarter;All
type Ring string

// The rings, in the order in which Enforce spreads.
const (
	RingFirst   Ring = "First"
	RingQuarter Ring = "Quarter"
	RingAll     Ring = "All"
)

// HeldBack is a namespace that stays at Warn while others are enforced.
type HeldBack struct {
	// namespace that is held back.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`

	// owner of the namespace, by its label owner; left out without one.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Owner string `json:"owner,omitempty"`

	// why it is held back, and what ends that.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Why string `json:"why,omitempty"`
}

// ExcludedNamespace is a namespace that a guardrail leaves out as a whole, or did.
type ExcludedNamespace struct {
	// namespace that is left out.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`

	// until is when the exclusion went; left out while it stands.
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
}

// LevelChange is one step of a guardrail.
type LevelChange struct {
	// time of the step.
	// +required
	Time metav1.Time `json:"time"`

	// guardrail that moved.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Guardrail string `json:"guardrail"`

	// from is the level before; empty when the guardrail was new here. It is the level
	// after too when only the namespaces changed in which it is enforced.
	// +optional
	From Level `json:"from,omitempty"`

	// to is the level after; empty when the guardrail left.
	// +optional
	To Level `json:"to,omitempty"`

	// ring that was reached; left out for a step between levels other than Enforce.
	// +optional
	Ring Ring `json:"ring,omitempty"`

	// why is the evidence.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Why string `json:"why,omitempty"`
}
