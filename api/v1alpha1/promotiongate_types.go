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
// +kubebuilder:printcolumn:name="From",type=string,JSONPath=`.status.from`
// +kubebuilder:printcolumn:name="Cluster",type=string,priority=1,JSONPath=`.spec.source.cluster`
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

	// mapping says which workload here is which of the source, where their names differ.
	// Left out, a workload has the same name in both.
	// +optional
	Mapping *GateMapping `json:"mapping,omitempty"`

	// registryMappings say where an image of the source's registry is found here, when
	// promotion copies it from one registry to another: what was proven is admitted under
	// both names. Of several that begin an image, the longest counts.
	// +optional
	// +listType=map
	// +listMapKey=from
	// +kubebuilder:validation:MaxItems=16
	RegistryMappings []RegistryMapping `json:"registryMappings,omitempty"`

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
	// namespace of the source environment, in this cluster or in the one that cluster names.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace"`

	// cluster is the connection to the cluster that the namespace is in: the name of a
	// Secret of the type rampart.dev/cluster-connection in the operator's namespace. While
	// that cluster cannot be read, the gate opens for nothing new. Left out, the namespace
	// is in this cluster.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Cluster string `json:"cluster,omitempty"`
}

// GateMapping says which workload here is which of the source. A pair in workloads wins
// over names. Two workloads of the source that stand for the same one here open nothing
// for it, and the gate says so.
//
// +kubebuilder:validation:MinProperties=1
type GateMapping struct {
	// workloads are single pairs.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, b.from == a.from && (!has(a.kind) || !has(b.kind) || a.kind == b.kind)))",message="a workload of the source is mapped twice: only one name here can be meant"
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, b.to == a.to && (!has(a.kind) || !has(b.kind) || a.kind == b.kind)))",message="two workloads of the source are mapped to the same one here: only one can be meant"
	Workloads []WorkloadMapping `json:"workloads,omitempty"`

	// names derives the name here from the name in the source.
	// +optional
	Names *NameMapping `json:"names,omitempty"`
}

// WorkloadMapping is one workload whose name differs.
type WorkloadMapping struct {
	// kind of the workload, in both. Default: every kind.
	// +optional
	Kind WorkloadKind `json:"kind,omitempty"`

	// from is its name in the source.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
	From string `json:"from"`

	// to is its name here.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
	To string `json:"to"`
}

// NameMapping derives the name here from the name in the source: what is stripped goes
// first, then what is added comes. A name that lacks what shall be stripped stays as it is,
// and so does one that would become no name: strip "-staging", not "staging".
//
// +kubebuilder:validation:MinProperties=1
type NameMapping struct {
	// stripPrefix is removed from the beginning of the name in the source.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9][-.a-z0-9]*$`
	StripPrefix string `json:"stripPrefix,omitempty"`

	// stripSuffix is removed from its end: "-staging" makes shop of shop-staging.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[-.a-z0-9]*[a-z0-9]$`
	StripSuffix string `json:"stripSuffix,omitempty"`

	// addPrefix begins the name here.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9][-.a-z0-9]*$`
	AddPrefix string `json:"addPrefix,omitempty"`

	// addSuffix ends the name here.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[-.a-z0-9]*[a-z0-9]$`
	AddSuffix string `json:"addSuffix,omitempty"`
}

// RegistryMapping is a place from which promotion copies images, and the one to which.
//
// +kubebuilder:validation:XValidation:rule="self.from != self.to",message="from and to are the same: leave the mapping out"
type RegistryMapping struct {
	// from begins the images of the source, up to a slash or to the tag:
	// "registry.staging.example/team".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9]([-._:/a-zA-Z0-9]*[a-zA-Z0-9])?$`
	From string `json:"from"`

	// to begins the same images here: "registry.example/team".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9]([-._:/a-zA-Z0-9]*[a-zA-Z0-9])?$`
	To string `json:"to"`
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

	// from is the source in one word: "shop-staging", or "staging/shop-staging" where the
	// connection staging leads to its cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=127
	From string `json:"from,omitempty"`

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

	// name of the workload here.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// sourceName is its name in the source, where the gate maps it from another one.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SourceName string `json:"sourceName,omitempty"`

	// state of this workload.
	// +required
	State GateState `json:"state"`

	// reason for the state, in one word.
	// +optional
	Reason GateReason `json:"reason,omitempty"`

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

	// differing is in how many places the workload here differs from the one of the
	// source, those not listed included. Left out while it does not run here.
	// +optional
	Differing int32 `json:"differing,omitempty"`

	// differences are those places, the suspicious ones first. At most 10 are listed. They are
	// as they were when the gate was judged last: it is judged again when a report, a policy
	// or a namespace of either side changes, and not for a difference alone.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Differences []GateDifference `json:"differences,omitempty"`
}

// GateReason is why a workload is Open, Pending or Blocked.
//
// +kubebuilder:validation:Enum=Proven;HotfixLane;EvidenceMissing;Failing;TagMoved;ImageDiffers;Drifted;CriticalFinding;CommandTooLong;TooManyContainers;Ambiguous
type GateReason string

// The reasons.
const (
	// GateProven is Open: the revision of the source is proven.
	GateProven GateReason = "Proven"
	// GateHotfixLane is Open for a revision that is not proven, while what runs here is failing.
	GateHotfixLane GateReason = "HotfixLane"
	// GateEvidenceMissing is Pending: there is not enough evidence yet.
	GateEvidenceMissing GateReason = "EvidenceMissing"
	// GateFailing is Blocked: it fails in the source.
	GateFailing GateReason = "Failing"
	// GateTagMoved is Blocked: in the source, a tag resolves to something else than what was proven.
	GateTagMoved GateReason = "TagMoved"
	// GateImageDiffers is Blocked: the pods here run other code under the tag than the source has proven.
	GateImageDiffers GateReason = "ImageDiffers"
	// GateDrifted is Blocked: in the source it differs from what trusted writers wrote.
	GateDrifted GateReason = "Drifted"
	// GateCriticalFinding is Blocked: it violates a critical guardrail that is enforced here.
	GateCriticalFinding GateReason = "CriticalFinding"
	// GateCommandTooLong is Blocked: admission cannot compare the command of a container.
	GateCommandTooLong GateReason = "CommandTooLong"
	// GateTooManyContainers is Blocked: a report lists the first 64 containers only, and
	// admission refuses the others.
	GateTooManyContainers GateReason = "TooManyContainers"
	// GateAmbiguous is Blocked: several workloads of the source stand for it.
	GateAmbiguous GateReason = "Ambiguous"
)

// DifferenceClass says what a difference between two environments is likely to be.
//
// +kubebuilder:validation:Enum=Expected;Suspicious
type DifferenceClass string

// The classes of differences.
const (
	// DifferenceExpected is usual between environments: size, placement, a newer version.
	DifferenceExpected DifferenceClass = "Expected"
	// DifferenceSuspicious makes what was proven in the source say less about what runs here.
	DifferenceSuspicious DifferenceClass = "Suspicious"
)

// GateDifference is a place in which the pod template here differs from that of the source.
type GateDifference struct {
	// path of the field, containers and environment variables by their names.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Path string `json:"path"`

	// class is Expected or Suspicious.
	// +required
	Class DifferenceClass `json:"class"`

	// source is what stands there; empty when nothing does. Values of environment variables are not shown.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Source string `json:"source,omitempty"`

	// here is what stands here; empty when nothing does.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Here string `json:"here,omitempty"`
}

// PromotionGateList is a list of PromotionGates.
//
// +kubebuilder:object:root=true
type PromotionGateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PromotionGate `json:"items"`
}
