// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EnvironmentPolicy says which namespaces form an environment, and how far the
// consequences of its guardrails may go there. stage and namespaceSelector alone
// are a complete policy that surprises nobody.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=envpol,categories=rampart
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.spec.stage`
// +kubebuilder:printcolumn:name="Namespaces",type=integer,JSONPath=`.status.namespaces`
// +kubebuilder:printcolumn:name="Workloads",type=integer,JSONPath=`.status.workloads`
// +kubebuilder:printcolumn:name="Guardrails",type=string,JSONPath=`.status.levels`
// +kubebuilder:printcolumn:name="Findings",type=integer,JSONPath=`.status.findings`
// +kubebuilder:printcolumn:name="Drift",type=integer,JSONPath=`.status.drifted`
// +kubebuilder:printcolumn:name="Remediation",type=string,JSONPath=`.status.conditions[?(@.type=="Remediating")].reason`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Unhealthy",type=integer,priority=1,JSONPath=`.status.unhealthy`
// +kubebuilder:printcolumn:name="Changing",type=integer,priority=1,JSONPath=`.status.remediation.changing`
// +kubebuilder:printcolumn:name="Held Back",type=integer,priority=1,JSONPath=`.status.remediation.heldBack`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40",message="an EnvironmentPolicy's name has at most 40 characters, because native policies repeat it"
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.matches('^(gate|quarantine|report)(-|$)')",message="an EnvironmentPolicy's name must not begin with gate, quarantine or report: policies that all environments share are named so"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.follows) || has(self.spec.follows.cluster) || self.spec.follows.name != self.metadata.name",message="an environment cannot follow itself"
type EnvironmentPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the platform team declares.
	// +required
	Spec EnvironmentPolicySpec `json:"spec"`

	// status is what the operator sees and has decided.
	// +optional
	Status EnvironmentPolicyStatus `json:"status,omitempty"`
}

// EnvironmentPolicySpec declares an environment.
//
// +kubebuilder:validation:XValidation:rule="self.stage == oldSelf.stage",message="stage cannot change, because consequences must not jump: create another EnvironmentPolicy"
// +kubebuilder:validation:XValidation:rule="self.stage == 'Production' || !has(self.guardrails) || self.guardrails.all(g, (!has(g.maxLevel) || g.maxLevel != 'Enforce') && (!has(g.startLevel) || g.startLevel != 'Enforce'))",message="only a Production environment may reach Enforce"
// +kubebuilder:validation:XValidation:rule="self.stage != 'Development' || !has(self.guardrails) || self.guardrails.all(g, !has(g.startLevel) || g.startLevel == 'Observe' || (has(g.maxLevel) && g.maxLevel == 'Warn'))",message="Development observes: set maxLevel: Warn too where a guardrail shall warn"
// +kubebuilder:validation:XValidation:rule="self.stage == 'Production' || !has(self.drift) || !has(self.drift.mode) || self.drift.mode != 'Correct'",message="only a Production environment corrects drift"
// +kubebuilder:validation:XValidation:rule="self.stage == 'Production' || !has(self.rollout) || !has(self.rollout.onFailure) || self.rollout.onFailure != 'Rollback'",message="only a Production environment rolls back"
// +kubebuilder:validation:XValidation:rule="self.stage == 'Production' || !has(self.isolation) || !has(self.isolation.mode) || self.isolation.mode == 'Off'",message="only a Production environment isolates"
// +kubebuilder:validation:XValidation:rule="self.stage != 'Production' || !has(self.drills) || !has(self.drills.mode) || self.drills.mode == 'Off'",message="drills never run in Production"
// +kubebuilder:validation:XValidation:rule="self.stage != 'Development' || !has(self.drift) || has(self.drift.mode)",message="Development ignores drift: set drift.mode too, or leave drift out"
// +kubebuilder:validation:XValidation:rule="self.stage == 'Staging' || !has(self.drills) || has(self.drills.mode)",message="only Staging drills by default: set drills.mode too, or leave drills out"
type EnvironmentPolicySpec struct {
	// stage is Development, Staging or Production. Every field left out gets the
	// default of the stage. It cannot change later.
	// +required
	Stage Stage `json:"stage"`

	// follows is the environment that changes come from. Guardrails carry part of
	// what they earned there over to this one, and are not raised here before there.
	// +optional
	Follows *EnvironmentReference `json:"follows,omitempty"`

	// namespaceSelector selects the namespaces of the environment by their labels. It
	// must not be empty. kube-system, kube-public, kube-node-lease and the operator's
	// own namespace are never selected. A namespace that two policies select belongs
	// to the one with the graver stage, then to the older one.
	// +required
	// +kubebuilder:validation:XValidation:rule="(has(self.matchLabels) && self.matchLabels.size() > 0) || (has(self.matchExpressions) && self.matchExpressions.size() > 0)",message="select namespaces by at least one label: an empty selector would take the whole cluster"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && e.values.size() > 0 : e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) || e.values.size() == 0))",message="each of matchExpressions has the operator In or NotIn with values, or Exists or DoesNotExist without"
	NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`

	// guardrails are the rules that stand here, by name or by label. Left out, every
	// Guardrail of the cluster stands, from Observe up to the ceiling of the stage
	// (Development: Observe, Staging: Warn, Production: Enforce). An entry by name
	// wins over entries by label, an earlier entry over a later one.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(g, !has(g.name) || self.exists_one(h, has(h.name) && h.name == g.name))",message="a guardrail is named twice: only its first entry would count"
	Guardrails []GuardrailEntry `json:"guardrails,omitempty"`

	// defaults: Apply sets safe defaults on new pods where the manifest is silent, Off
	// does not. Default: Apply in Development, Off elsewhere, so that what is missing
	// is found before production.
	// +optional
	Defaults DefaultsMode `json:"defaults,omitempty"`

	// progression says what evidence raises a guardrail's level.
	// +optional
	Progression *Progression `json:"progression,omitempty"`

	// drift says what follows when somebody who is not a trusted writer changes a workload's spec.
	// +optional
	Drift *DriftPolicy `json:"drift,omitempty"`

	// rollout says what follows when a new revision fails.
	// +optional
	Rollout *RolloutPolicy `json:"rollout,omitempty"`

	// isolation says whether a failing workload that has nothing good to return to is cut
	// off the network.
	// +optional
	Isolation *IsolationPolicy `json:"isolation,omitempty"`

	// promotion sets what a revision must have shown in its source environment before
	// it may enter this one, and how far the gates here may climb. It is the default and the
	// floor of every PromotionGate here.
	// +optional
	Promotion *PromotionPolicy `json:"promotion,omitempty"`

	// drills says whether the operator may disturb workloads here to see them recover.
	// +optional
	Drills *DrillPolicy `json:"drills,omitempty"`

	// baseline is what every namespace here gets beside what its team brings.
	// +optional
	Baseline *BaselinePolicy `json:"baseline,omitempty"`

	// blastRadius limits how much the operator itself changes here at once.
	// +optional
	BlastRadius *BlastRadius `json:"blastRadius,omitempty"`

	// suspend: Remediation stops every automatic change of workloads and every drill;
	// All also freezes guardrail levels and gate decisions as they are. Evaluation and
	// reports go on.
	// +optional
	// +kubebuilder:default=None
	Suspend SuspendMode `json:"suspend,omitempty"`
}

// EnvironmentReference names another EnvironmentPolicy.
type EnvironmentReference struct {
	// name of the EnvironmentPolicy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name"`

	// cluster is the connection to the cluster that it is in: the name of a Secret of the
	// type rampart.dev/cluster-connection in the operator's namespace. While that cluster
	// cannot be read, nothing is raised here. Left out, it is in this cluster.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Cluster string `json:"cluster,omitempty"`
}

// GuardrailEntry brings one guardrail, or all with a label, into an environment.
//
// +kubebuilder:validation:XValidation:rule="has(self.name) != has(self.selector)",message="set exactly one of name and selector"
// +kubebuilder:validation:XValidation:rule="!has(self.startLevel) || !has(self.maxLevel) || self.maxLevel == 'Enforce' || self.startLevel == 'Observe' || self.startLevel == self.maxLevel",message="startLevel is above maxLevel"
type GuardrailEntry struct {
	// name of one Guardrail.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=48
	Name string `json:"name,omitempty"`

	// selector selects Guardrails by their labels.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`

	// startLevel is where the climb begins. The default, Observe, never surprises; a
	// higher level is for a rule that stands already by other means.
	// +optional
	StartLevel Level `json:"startLevel,omitempty"`

	// maxLevel is where the climb ends. Default: the ceiling of the stage.
	// +optional
	MaxLevel Level `json:"maxLevel,omitempty"`

	// parameters set what the guardrail leaves open. With a selector they are set for
	// every selected guardrail that has a parameter of that name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Parameters []ParameterSetting `json:"parameters,omitempty"`

	// exclusions are objects that the guardrail does not judge here, each with a reason
	// that everybody can read.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Exclusions []Exclusion `json:"exclusions,omitempty"`
}

// ParameterSetting is the value of a guardrail's parameter in an environment.
//
// +kubebuilder:validation:XValidation:rule="!has(self.value) || !has(self.values)",message="set value, or values for a StringList, not both"
type ParameterSetting struct {
	// name of the parameter.
	// +required
	// +kubebuilder:validation:MaxLength=48
	Name string `json:"name"`

	// value as text, for every type but StringList.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Value *string `json:"value,omitempty"`

	// values of a StringList. Without any, and without a value, the list is empty.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	Values []string `json:"values,omitempty"`
}

// Exclusion leaves objects out by where and what they are; labels would let a team
// exclude itself.
type Exclusion struct {
	// namespace whose objects are left out.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`

	// kind of the objects. Default: every kind.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Z][a-zA-Z0-9]*$`
	Kind string `json:"kind,omitempty"`

	// name of the object. Default: every object of the kind.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// reason why they are left out. It is shown wherever the guardrail is.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason"`
}

// DefaultsMode says whether safe defaults are applied.
//
// +kubebuilder:validation:Enum=Apply;Off
type DefaultsMode string

// The modes of safe defaults.
const (
	DefaultsApply DefaultsMode = "Apply"
	DefaultsOff   DefaultsMode = "Off"
)

// Progression says what evidence raises a guardrail's level.
type Progression struct {
	// mode: Automatic raises a level when the evidence suffices, Hold keeps every level
	// where it is. A guardrail that misbehaves steps down in both. Default: Automatic.
	// +optional
	Mode ProgressionMode `json:"mode,omitempty"`

	// target is the share, in percent, of changes that must be known to comply, with
	// the confidence below, before a guardrail steps up. Default: 80.
	// +optional
	// +kubebuilder:validation:Minimum=50
	// +kubebuilder:validation:Maximum=99
	Target int32 `json:"target,omitempty"`

	// confidence, in percent, of that knowledge. Default: 90.
	// +optional
	// +kubebuilder:validation:Minimum=50
	// +kubebuilder:validation:Maximum=99
	Confidence int32 `json:"confidence,omitempty"`

	// rings: Automatic enforces in the most compliant namespace first, then in a quarter
	// of them, then in all, with clean trials in each ring before the next. Off enforces
	// everywhere at once, but in namespaces that are held back at that moment, or that come
	// with running workloads later. In both, what a namespace brings once it is enforced
	// takes nothing back. Default: Automatic.
	// +optional
	Rings RingMode `json:"rings,omitempty"`
}

// RingMode says how Enforce spreads over namespaces.
//
// +kubebuilder:validation:Enum=Automatic;Off
type RingMode string

// The modes of rings.
const (
	RingsAutomatic RingMode = "Automatic"
	RingsOff       RingMode = "Off"
)

// ProgressionMode says whether levels move up.
//
// +kubebuilder:validation:Enum=Automatic;Hold
type ProgressionMode string

// The modes of progression.
const (
	ProgressionAutomatic ProgressionMode = "Automatic"
	ProgressionHold      ProgressionMode = "Hold"
)

// EnvironmentPolicyStatus is what the operator sees and has decided.
type EnvironmentPolicyStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// namespaces is how many namespaces belong to the environment.
	// +optional
	// +kubebuilder:default=0
	Namespaces int32 `json:"namespaces"`

	// workloads is how many workloads are observed there.
	// +optional
	// +kubebuilder:default=0
	Workloads int32 `json:"workloads"`

	// unhealthy is how many of them are failing now.
	// +optional
	// +kubebuilder:default=0
	Unhealthy int32 `json:"unhealthy"`

	// findings is how many violations of guardrails stand there.
	// +optional
	// +kubebuilder:default=0
	Findings int32 `json:"findings"`

	// drifted is how many workloads differ from their baseline.
	// +optional
	// +kubebuilder:default=0
	Drifted int32 `json:"drifted"`

	// breaker stops all remediation here while too much fails at once. Left out while it
	// has nothing to say.
	// +optional
	Breaker *Breaker `json:"breaker,omitempty"`

	// acts are the changes of workloads that the policy asks for, each with where it is
	// carried out, where it is only reported, and what is missing there.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +kubebuilder:validation:MaxItems=8
	Acts []ActState `json:"acts,omitempty"`

	// remediation is what the operator changes here, and what it does not. Left out while
	// the policy asks for no changes and none was made within the hour.
	// +optional
	Remediation *RemediationState `json:"remediation,omitempty"`

	// levels counts the guardrails by level, for tables: "3 Observe, 2 Warn, 4 Enforce".
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Levels string `json:"levels,omitempty"`

	// guardrails are the rules that stand here, each with its level and what it waits for.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	Guardrails []GuardrailState `json:"guardrails,omitempty"`

	// baseline is how its items stand over the namespaces.
	// +optional
	// +listType=map
	// +listMapKey=item
	// +kubebuilder:validation:MaxItems=6
	Baseline []BaselineState `json:"baseline,omitempty"`

	// history is what changed last, newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	History []LevelChange `json:"history,omitempty"`

	// admissionSeen is a digest of the native policies that were last seen live, so that an
	// operator that restarts need not probe them again.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	AdmissionSeen string `json:"admissionSeen,omitempty"`

	// conditions: Ready, Remediating, AdmissionLive, DefaultsAvailable.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// EnvironmentPolicyList is a list of EnvironmentPolicies.
//
// +kubebuilder:object:root=true
type EnvironmentPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EnvironmentPolicy `json:"items"`
}
