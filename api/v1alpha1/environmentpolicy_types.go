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
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40",message="an EnvironmentPolicy's name has at most 40 characters, because native policies repeat it"
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

	// promotion sets what a revision must have shown in its source environment before
	// it may enter this one. It is the default and the floor of every PromotionGate here.
	// +optional
	Promotion *ReadinessTargets `json:"promotion,omitempty"`

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

// DriftPolicy says what follows a change by somebody who is not a trusted writer.
//
// +kubebuilder:validation:XValidation:rule="!has(self.mode) || self.mode != 'Correct' || (has(self.trustedWriters) && self.trustedWriters.size() > 0)",message="mode Correct needs trustedWriters: without them every change would be undone"
// +kubebuilder:validation:XValidation:rule="!has(self.startLevel) || self.startLevel == 'Report' || (has(self.mode) && self.mode == 'Correct')",message="startLevel Act needs mode Correct: otherwise drift is never taken back"
// +kubebuilder:validation:XValidation:rule="!has(self.correctAfter) || (has(self.mode) && self.mode == 'Correct')",message="correctAfter needs mode Correct: otherwise drift is never taken back"
// +kubebuilder:validation:XValidation:rule="!has(self.trustedWriters) || !has(self.mode) || self.mode != 'Ignore'",message="mode Ignore has no use for trustedWriters: set mode Report, or leave them out"
type DriftPolicy struct {
	// mode: Ignore does not look, Report shows drift in the ReadinessReport and in an
	// event, Correct also takes it back. Default: Ignore in Development, Report elsewhere.
	// +optional
	Mode DriftMode `json:"mode,omitempty"`

	// trustedWriters are the user names whose changes are intended, as the API server
	// sees them: system:serviceaccount:argocd:argocd-application-controller, for one.
	// Without any, every change is intended and there is no drift.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	TrustedWriters []string `json:"trustedWriters,omitempty"`

	// correctAfter is how long drift stands before it is taken back, so that a GitOps
	// tool can be first. Default: 15s.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('1h')",message="correctAfter is between 0s and 1h"
	CorrectAfter *metav1.Duration `json:"correctAfter,omitempty"`

	// startLevel: Report says what would be corrected on namespaces where workloads
	// ran before the policy came; Act corrects there from the start. Namespaces that
	// were empty then are corrected from the start. Default: Report.
	// +optional
	StartLevel ActLevel `json:"startLevel,omitempty"`
}

// DriftMode says what follows drift.
//
// +kubebuilder:validation:Enum=Ignore;Report;Correct
type DriftMode string

// The modes of drift.
const (
	DriftIgnore  DriftMode = "Ignore"
	DriftReport  DriftMode = "Report"
	DriftCorrect DriftMode = "Correct"
)

// ActLevel says whether the operator acts or reports what it would do.
//
// +kubebuilder:validation:Enum=Report;Act
type ActLevel string

// The levels of an act.
const (
	ActReport ActLevel = "Report"
	ActAct    ActLevel = "Act"
)

// RolloutPolicy says what follows a failed revision.
//
// +kubebuilder:validation:XValidation:rule="!has(self.startLevel) || self.startLevel == 'Report' || (has(self.onFailure) && self.onFailure == 'Rollback')",message="startLevel Act needs onFailure Rollback: otherwise nothing is ever rolled back"
type RolloutPolicy struct {
	// onFailure: Report says what happened and what would help, Rollback also brings
	// back the last good revision of a Deployment and refuses the failed one. A
	// workload annotated rampart.dev/on-failure: Report is never rolled back.
	// Default: Report.
	// +optional
	OnFailure OnFailure `json:"onFailure,omitempty"`

	// startLevel: Report says what would be rolled back on namespaces where workloads
	// ran before the policy came; Act rolls back there from the start. Namespaces that
	// were empty then are protected from the start. Default: Report.
	// +optional
	StartLevel ActLevel `json:"startLevel,omitempty"`
}

// OnFailure says what follows a failed revision.
//
// +kubebuilder:validation:Enum=Report;Rollback
type OnFailure string

// What follows a failed revision.
const (
	OnFailureReport   OnFailure = "Report"
	OnFailureRollback OnFailure = "Rollback"
)

// ReadinessTargets say what a revision must have shown.
type ReadinessTargets struct {
	// target is the share, in percent, of trials of each quality that must be known to
	// succeed. Default: 80 into Staging, 90 into Production.
	// +optional
	// +kubebuilder:validation:Minimum=50
	// +kubebuilder:validation:Maximum=99
	Target int32 `json:"target,omitempty"`

	// confidence, in percent, of that knowledge. Default: 90.
	// +optional
	// +kubebuilder:validation:Minimum=50
	// +kubebuilder:validation:Maximum=99
	Confidence int32 `json:"confidence,omitempty"`

	// qualities that count. Default: Predictability into Staging, all three into
	// Production. A quality that cannot apply to a workload is shown and left out.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=3
	Qualities []Quality `json:"qualities,omitempty"`

	// naturalTrials is how many clean trials of each quality must have come about by
	// themselves: drills and tests do not count towards it. Default: 0, so that a drill
	// may be all the evidence there is.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	NaturalTrials int32 `json:"naturalTrials,omitempty"`
}

// DrillPolicy says whether the operator may disturb workloads to see them recover.
//
// +kubebuilder:validation:XValidation:rule="!has(self.pause) || !has(self.mode) || self.mode != 'Off'",message="pause has no use while mode is Off: set mode WhenNeeded, or leave pause out"
// +kubebuilder:validation:XValidation:rule="!has(self.singletons) || !has(self.mode) || self.mode != 'Off'",message="singletons has no use while mode is Off: set mode WhenNeeded, or leave singletons out"
type DrillPolicy struct {
	// mode: WhenNeeded evicts single pods of healthy workloads, or restarts the rollout of
	// one with a single replica, while a PromotionGate waits for evidence that ordinary
	// life has not produced; Off never does. Default: WhenNeeded in Staging, Off elsewhere.
	// A workload annotated rampart.dev/drills: Off is left alone.
	// +optional
	Mode DrillMode `json:"mode,omitempty"`

	// pause between two drills in a namespace. It limits the rate of disturbance and is
	// no criterion of readiness. Default: 20s.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('24h')",message="pause is between 0s and 24h"
	Pause *metav1.Duration `json:"pause,omitempty"`

	// singletons: Restart restarts the rollout of a Deployment with a single replica, where
	// its strategy brings the new pod before the old one goes, so that nothing is
	// interrupted; other workloads with a single pod are left alone. Evict evicts the only
	// pod, of every kind: the workload is gone for as long as its pod takes to start. Off
	// leaves every workload with a single pod alone. Default: Restart.
	// +optional
	Singletons SingletonDrills `json:"singletons,omitempty"`
}

// SingletonDrills says how a workload with a single pod is drilled.
//
// +kubebuilder:validation:Enum=Restart;Evict;Off
type SingletonDrills string

// The drills of workloads with a single pod.
const (
	SingletonsRestart SingletonDrills = "Restart"
	SingletonsEvict   SingletonDrills = "Evict"
	SingletonsOff     SingletonDrills = "Off"
)

// DrillMode says whether drills run.
//
// +kubebuilder:validation:Enum=WhenNeeded;Off
type DrillMode string

// The modes of drills.
const (
	DrillsWhenNeeded DrillMode = "WhenNeeded"
	DrillsOff        DrillMode = "Off"
)

// BlastRadius limits how much the operator changes at once.
type BlastRadius struct {
	// actionsPerHour is how often the operator may correct the drift of one workload
	// within an hour, and how often it may roll it back. Default: 2 of each.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=5
	ActionsPerHour int32 `json:"actionsPerHour,omitempty"`

	// maxConcurrent is how many workloads of the environment the operator may be
	// changing at one time; in a namespace it is always one. Default: 3.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	MaxConcurrent int32 `json:"maxConcurrent,omitempty"`

	// maxUnhealthy is the share, in percent, of unhealthy workloads above which the
	// operator stops changing anything here, because the cause is likely common. Default: 20.
	// One unhealthy workload alone never stops it.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	MaxUnhealthy int32 `json:"maxUnhealthy,omitempty"`
}

// SuspendMode says what the operator leaves alone.
//
// +kubebuilder:validation:Enum=None;Remediation;All
type SuspendMode string

// The modes of suspension.
const (
	SuspendNone        SuspendMode = "None"
	SuspendRemediation SuspendMode = "Remediation"
	SuspendAll         SuspendMode = "All"
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

	// conditions: Ready, AdmissionLive, DefaultsAvailable.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Breaker stops all remediation in an environment while too much fails at once.
type Breaker struct {
	// open is true while nothing is remediated.
	// +optional
	Open bool `json:"open"`

	// tripped is when the reason was last there.
	// +required
	Tripped metav1.Time `json:"tripped"`

	// reason says what fails.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`
}

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

// EnvironmentPolicyList is a list of EnvironmentPolicies.
//
// +kubebuilder:object:root=true
type EnvironmentPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EnvironmentPolicy `json:"items"`
}
