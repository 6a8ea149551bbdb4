// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PromotionGate stands at the door of the namespace it is in: it opens for a
// workload when the revision that runs in the source namespace has been proven there.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=gate,categories=rampart
// +kubebuilder:printcolumn:name="From",type=string,JSONPath=`.spec.source.namespace`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Open",type=string,JSONPath=`.status.open`
// +kubebuilder:printcolumn:name="Score",type=string,JSONPath=`.status.score`
// +kubebuilder:printcolumn:name="Level",type=string,JSONPath=`.status.level`
// +kubebuilder:printcolumn:name="Waiting For",type=string,JSONPath=`.status.waitingFor`
// +kubebuilder:printcolumn:name="Ready",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PromotionGate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the platform team declares.
	// +required
	Spec PromotionGateSpec `json:"spec"`

	// status is the decision, workload by workload.
	// +optional
	Status PromotionGateStatus `json:"status,omitempty"`
}

// PromotionGateSpec declares a gate.
//
// +kubebuilder:validation:XValidation:rule="!has(self.startLevel) || !has(self.maxLevel) || self.maxLevel == 'Enforce' || self.startLevel == 'Observe' || self.startLevel == self.maxLevel",message="startLevel is above maxLevel"
type PromotionGateSpec struct {
	// source is where revisions prove themselves.
	// +required
	Source GateSource `json:"source"`

	// workloadSelector limits the gate to workloads of the source with these labels.
	// Left out, the gate stands before all of them. Where a gate enforces, new images of
	// every other workload of its namespace are refused too: nothing has proven them.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && e.values.size() > 0 : e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) || e.values.size() == 0))",message="each of matchExpressions has the operator In or NotIn with values, or Exists or DoesNotExist without"
	WorkloadSelector *metav1.LabelSelector `json:"workloadSelector,omitempty"`

	// readiness asks for more than the EnvironmentPolicy of this namespace does; a
	// lower target, a lower confidence or fewer qualities have no effect.
	// +optional
	Readiness *ReadinessTargets `json:"readiness,omitempty"`

	// startLevel is what an unproven image meets when the gate is new: Observe only
	// counts it, Warn answers with a warning, Enforce refuses it. The gate climbs by
	// itself as far as maxLevel when the revisions that arrive have been proven.
	// Default: Warn.
	// +optional
	StartLevel Level `json:"startLevel,omitempty"`

	// maxLevel is where the climb ends. Default: Enforce in a Production environment,
	// Warn elsewhere. Below Enforce, nothing is ever refused.
	// +optional
	MaxLevel Level `json:"maxLevel,omitempty"`
}

// GateSource is where revisions prove themselves.
type GateSource struct {
	// namespace of the source environment, in this cluster.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace"`
}

// GateState is the decision about a workload, or about all of them together.
//
// +kubebuilder:validation:Enum=Open;Pending;Blocked
type GateState string

// The states of a gate.
const (
	// GateOpen lets the source's revision in: it is proven.
	GateOpen GateState = "Open"
	// GatePending waits for evidence.
	GatePending GateState = "Pending"
	// GateBlocked has evidence against the revision.
	GateBlocked GateState = "Blocked"
)

// PromotionGateStatus is the decision, workload by workload.
type PromotionGateStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state is the least open state of all workloads.
	// +optional
	State GateState `json:"state,omitempty"`

	// open is how many workloads are Open, of how many: "3/5".
	// +optional
	// +kubebuilder:validation:MaxLength=24
	Open string `json:"open,omitempty"`

	// score is the lowest bound of all workloads and its target: "86%/90%".
	// +optional
	// +kubebuilder:validation:MaxLength=24
	Score string `json:"score,omitempty"`

	// waitingFor says, in one line, what keeps the gate from opening.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	WaitingFor string `json:"waitingFor,omitempty"`

	// level is what an unproven image meets here now.
	// +optional
	Level Level `json:"level,omitempty"`

	// levelSince is when the level was reached.
	// +optional
	LevelSince *metav1.Time `json:"levelSince,omitempty"`

	// next says what raises the level.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Next string `json:"next,omitempty"`

	// total is how many workloads stand before the gate, those not listed included.
	// +optional
	// +kubebuilder:default=0
	Total int32 `json:"total"`

	// workloads are the decisions, those that are not Open first. At most 100 are listed.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Workloads []GateWorkload `json:"workloads,omitempty"`

	// conditions: Ready is True while the gate does its work, open or closed;
	// Promotable is True when every workload is Open.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// GateWorkload is the decision about one workload.
type GateWorkload struct {
	// kind of the workload.
	// +required
	Kind WorkloadKind `json:"kind"`

	// name of the workload, in the source and here.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// state of this workload.
	// +required
	State GateState `json:"state"`

	// revision in the source that was judged.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Revision string `json:"revision,omitempty"`

	// images of that revision.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=1024
	Images []string `json:"images,omitempty"`

	// qualities are the bounds against the targets of this gate.
	// +optional
	// +listType=map
	// +listMapKey=quality
	// +kubebuilder:validation:MaxItems=3
	Qualities []QualityScore `json:"qualities,omitempty"`

	// message says why it is in this state, and what is missing.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// PromotionGateList is a list of PromotionGates.
//
// +kubebuilder:object:root=true
type PromotionGateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PromotionGate `json:"items"`
}
