// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// IsolationPolicy says whether a failing workload that has nothing good to return to is
// cut off the network.
//
// +kubebuilder:validation:XValidation:rule="!has(self.startLevel) || self.startLevel == 'Report' || (has(self.mode) && self.mode == 'OnFailure')",message="startLevel Act needs mode OnFailure: otherwise nothing is isolated unasked"
// +kubebuilder:validation:XValidation:rule="!has(self.after) || (has(self.mode) && self.mode == 'OnFailure')",message="after needs mode OnFailure: otherwise nothing is isolated unasked"
type IsolationPolicy struct {
	// mode: OnFailure cuts the pods of a failing revision off the network, both ways, by a
	// NetworkPolicy: when the revision never ran well and no earlier one did, or a
	// migration bars the way back. Manual does so only for a failing workload that
	// somebody annotates rampart.dev/isolation: Now, which OnFailure obeys too. Off does
	// not. A workload annotated rampart.dev/isolation: Off is never isolated. The next
	// revision is free. Default: Off.
	// +optional
	Mode IsolationMode `json:"mode,omitempty"`

	// after is how long the workload fails before it is isolated unasked. Default: 5m.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('1h')",message="after is between 0s and 1h"
	After *metav1.Duration `json:"after,omitempty"`

	// startLevel: Report says what would be isolated on namespaces where workloads ran
	// before the policy came; Act isolates there from the start. Namespaces that were
	// empty then are protected from the start. What somebody asks for by the annotation
	// is done at both. Default: Report.
	// +optional
	StartLevel ActLevel `json:"startLevel,omitempty"`
}

// IsolationMode says who may have a failing workload isolated.
//
// +kubebuilder:validation:Enum=Off;Manual;OnFailure
type IsolationMode string

// The modes of isolation.
const (
	IsolationOff       IsolationMode = "Off"
	IsolationManual    IsolationMode = "Manual"
	IsolationOnFailure IsolationMode = "OnFailure"
)

// The values of AnnotationIsolation.
const (
	// IsolationAsked has the workload isolated while it fails.
	IsolationAsked = "Now"
	// IsolationRefused keeps the workload from being isolated, and ends an isolation.
	IsolationRefused = "Off"
)

// Isolation is how a revision of the workload was cut off the network. It stands here
// until another revision comes.
type Isolation struct {
	// state: Isolated while the operator holds the NetworkPolicy, Released once the operator
	// took it away, Lifted once somebody else did. A revision is isolated once: after it
	// was let go, it is left alone.
	// +required
	State IsolationState `json:"state"`

	// revision is the number of the revision.
	// +optional
	Revision int64 `json:"revision,omitempty"`

	// podTemplateHash is the name of the revision's pods, by which they are selected:
	// their label pod-template-hash or controller-revision-hash.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	PodTemplateHash string `json:"podTemplateHash"`

	// networkPolicy is the name of the NetworkPolicy. To delete it lets the pods go, for good.
	// +required
	// +kubebuilder:validation:MaxLength=253
	NetworkPolicy string `json:"networkPolicy"`

	// since is when the state began.
	// +required
	Since metav1.Time `json:"since"`

	// reason says why the revision was isolated, or let go.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`

	// effective is No when something is known that lets traffic through. It is Unknown
	// otherwise and never more: no API says whether the cluster's network plugin enforces
	// NetworkPolicies. Left out once the revision was let go.
	// +optional
	Effective IsolationEffect `json:"effective,omitempty"`

	// message says what lets traffic through, or how to find out.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// IsolationState is how an isolation stands.
//
// +kubebuilder:validation:Enum=Isolated;Released;Lifted
type IsolationState string

// The states of an isolation.
const (
	// Isolated: the NetworkPolicy is the operator's, and held as it is.
	Isolated IsolationState = "Isolated"
	// IsolationReleased: the operator took it away.
	IsolationReleased IsolationState = "Released"
	// IsolationLifted: somebody else took it away.
	IsolationLifted IsolationState = "Lifted"
)

// IsolationEffect says whether an isolation is known to fail.
//
// +kubebuilder:validation:Enum=No;Unknown
type IsolationEffect string

// What is known of the effect of an isolation.
const (
	// IsolationIneffective: something lets traffic through.
	IsolationIneffective IsolationEffect = "No"
	// IsolationUnverified: nothing that is known does.
	IsolationUnverified IsolationEffect = "Unknown"
)
