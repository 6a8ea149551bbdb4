// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ActTrial is one decision to change a workload, reported or carried out, and whether
// what happened next agrees with it.
type ActTrial struct {
	// id of the action that was decided. Each counts once.
	// +required
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id"`

	// kind of the action.
	// +required
	Kind ActionKind `json:"kind"`

	// level at which it was decided: Report only said it, Act did it.
	// +required
	Level ActLevel `json:"level"`

	// decided is when the action would have been done, or was.
	// +required
	Decided metav1.Time `json:"decided"`

	// generation of the workload that was judged.
	// +optional
	Generation int64 `json:"generation,omitempty"`

	// revision is the number of the revision that was judged.
	// +optional
	Revision int64 `json:"revision,omitempty"`

	// fields identifies what a correction took back: a short digest of each field and its value.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=16
	Fields []string `json:"fields,omitempty"`

	// outcome: Open until something shows it, then Agreed, Disagreed, or Censored when
	// nobody can know.
	// +required
	Outcome ActTrialOutcome `json:"outcome"`

	// message says what showed it.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	Message string `json:"message,omitempty"`
}

// ActTrialOutcome says whether what happened next agrees with a decision.
//
// +kubebuilder:validation:Enum=Open;Agreed;Disagreed;Censored
type ActTrialOutcome string

// The outcomes of decisions.
const (
	ActOpen      ActTrialOutcome = "Open"
	ActAgreed    ActTrialOutcome = "Agreed"
	ActDisagreed ActTrialOutcome = "Disagreed"
	// ActCensored says nothing: nobody saw what followed, or it can be read either way.
	ActCensored ActTrialOutcome = "Censored"
)

// HeldBackAction is a change of the workload that is due and is not made.
type HeldBackAction struct {
	// kind of the action.
	// +required
	Kind ActionKind `json:"kind"`

	// by is what keeps it back.
	// +required
	By HeldBackBy `json:"by"`

	// since is when it was first kept back by that.
	// +required
	Since metav1.Time `json:"since"`
}

// HeldBackBy is what keeps a change back that is due.
//
// +kubebuilder:validation:Enum=Level;Suspend;Breaker;Budget
type HeldBackBy string

// What keeps changes back.
const (
	// HeldByLevel is an act that is at Report in the namespace.
	HeldByLevel HeldBackBy = "Level"
	// HeldBySuspend is the policy's suspend.
	HeldBySuspend HeldBackBy = "Suspend"
	// HeldByBreaker is the breaker of the environment.
	HeldByBreaker HeldBackBy = "Breaker"
	// HeldByBudget is the rest of the blast radius: so many an hour, so many at one time.
	HeldByBudget HeldBackBy = "Budget"
)

// ActState is how far an act may go in the namespaces of an environment.
type ActState struct {
	// kind of the act.
	// +required
	Kind ActionKind `json:"kind"`

	// acting is in how many namespaces it is carried out.
	// +optional
	// +kubebuilder:default=0
	Acting int32 `json:"acting"`

	// reporting is in how many namespaces it is only reported.
	// +optional
	// +kubebuilder:default=0
	Reporting int32 `json:"reporting"`

	// agreed is how many of its decisions what happened next agrees with, of the last ones
	// of each workload.
	// +optional
	// +kubebuilder:default=0
	Agreed int32 `json:"agreed"`

	// disagreed is how many it does not agree with.
	// +optional
	// +kubebuilder:default=0
	Disagreed int32 `json:"disagreed"`

	// message says how it stands and what is missing: "acts in 2 of 5 namespaces; next is
	// checkout: 3 of 3 reported corrections were right, 3 more raise it".
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`

	// waiting are the first namespaces where it is only reported, and what each waits for.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MaxLength=384
	Waiting []string `json:"waiting,omitempty"`
}

// RemediationState is what the operator changes in an environment, and what it does not.
type RemediationState struct {
	// changing is how many workloads are being changed now: an action is about to be done,
	// or what it set off still rolls out. blastRadius.maxConcurrent limits it.
	// +optional
	// +kubebuilder:default=0
	Changing int32 `json:"changing"`

	// heldBack is how many workloads have a change due that is not made.
	// +optional
	// +kubebuilder:default=0
	HeldBack int32 `json:"heldBack"`

	// heldBackBy counts them by what keeps the change back.
	// +optional
	// +listType=map
	// +listMapKey=by
	// +kubebuilder:validation:MaxItems=4
	HeldBackBy []HeldBackCount `json:"heldBackBy,omitempty"`

	// examples are the first of them, those that the breaker or a budget keeps back first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MaxLength=384
	Examples []string `json:"examples,omitempty"`

	// lastHour counts the actions of the last hour by kind and outcome. Those that are being
	// done are in changing.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	LastHour []ActionCount `json:"lastHour,omitempty"`
}

// HeldBackCount is how many changes one thing keeps back.
type HeldBackCount struct {
	// by is what keeps them back.
	// +required
	By HeldBackBy `json:"by"`

	// workloads is how many have such a change due.
	// +required
	Workloads int32 `json:"workloads"`
}

// ActionCount is how many actions of one kind ended in one way.
type ActionCount struct {
	// kind of the actions.
	// +required
	Kind ActionKind `json:"kind"`

	// outcome of the actions.
	// +required
	Outcome ActionOutcome `json:"outcome"`

	// count of them.
	// +required
	Count int32 `json:"count"`
}
