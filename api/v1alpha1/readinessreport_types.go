// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ReadinessReport is what the operator has seen of one workload: the behaviour of its
// revision, the guardrails it violates, its drift, and what was done about it. Only
// the operator writes reports. A report outlives its workload by seven days. Of bare Pods
// and Jobs, and of objects that run nothing, only 20 outlive them in a namespace: those
// that went last, as many with findings as without where there are more.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ready,categories=rampart
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Predictability",type=string,JSONPath=`.status.qualities[?(@.quality=="Predictability")].text`
// +kubebuilder:printcolumn:name="Recoverability",type=string,JSONPath=`.status.qualities[?(@.quality=="Recoverability")].text`
// +kubebuilder:printcolumn:name="SafeFailure",type=string,JSONPath=`.status.qualities[?(@.quality=="SafeFailure")].text`
// +kubebuilder:printcolumn:name="Trials",type=integer,JSONPath=`.status.evidence.counted`
// +kubebuilder:printcolumn:name="Findings",type=integer,JSONPath=`.status.findings`
// +kubebuilder:printcolumn:name="Drift",type=integer,JSONPath=`.status.drift.leaves`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ReadinessReport struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// status is the evidence and what was made of it.
	// +optional
	Status ReadinessReportStatus `json:"status,omitempty"`
}

// ReportState is the readiness of a workload's current revision.
//
// +kubebuilder:validation:Enum=Proven;Collecting;Failing;Gone;Judged
type ReportState string

// The states of a report.
const (
	// ReportProven reached its targets.
	ReportProven ReportState = "Proven"
	// ReportCollecting needs more trials.
	ReportCollecting ReportState = "Collecting"
	// ReportFailing has evidence against it, or is failing now.
	ReportFailing ReportState = "Failing"
	// ReportGone belongs to a workload, or an object, that was deleted.
	ReportGone ReportState = "Gone"
	// ReportJudged is of an object that runs nothing: guardrails judge it, and nothing else.
	ReportJudged ReportState = "Judged"
)

// ReadinessReportStatus is the evidence and what was made of it.
type ReadinessReportStatus struct {
	// workload that the report speaks of.
	// +optional
	Workload ReportedWorkload `json:"workload,omitempty"`

	// object that the report speaks of when it is not a workload, such as a Service.
	// +optional
	Object *ReportedObject `json:"object,omitempty"`

	// environment is the EnvironmentPolicy that the namespace belongs to.
	// +optional
	// +kubebuilder:validation:MaxLength=40
	Environment string `json:"environment,omitempty"`

	// state of the current revision, in one word.
	// +optional
	State ReportState `json:"state,omitempty"`

	// message says, in one sentence, what is missing or wrong and what happens next.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`

	// failingSince is when the workload began to fail, while it does.
	// +optional
	FailingSince *metav1.Time `json:"failingSince,omitempty"`

	// revision is what runs.
	// +optional
	Revision Revision `json:"revision,omitempty"`

	// renamedFrom is the workload whose evidence this one has taken over.
	// +optional
	// +kubebuilder:validation:MaxLength=280
	RenamedFrom string `json:"renamedFrom,omitempty"`

	// renamedTo is the workload that has taken over the evidence of this one, which is gone.
	// +optional
	// +kubebuilder:validation:MaxLength=280
	RenamedTo string `json:"renamedTo,omitempty"`

	// targets are what the revision is measured against: the strictest of the gates
	// that wait for it, else the default of the next stage.
	// +optional
	Targets ReadinessTargets `json:"targets,omitempty"`

	// qualities are the bounds of the current revision.
	// +optional
	// +listType=map
	// +listMapKey=quality
	// +kubebuilder:validation:MaxItems=3
	Qualities []QualityScore `json:"qualities,omitempty"`

	// evidence is the trials of the current revision.
	// +optional
	Evidence Evidence `json:"evidence,omitempty"`

	// findings is how many violations of guardrails stand, those not listed included.
	// +optional
	// +kubebuilder:default=0
	Findings int32 `json:"findings"`

	// guardrails are the verdicts: one for each guardrail that stands here.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	Guardrails []GuardrailVerdict `json:"guardrails,omitempty"`

	// drift is the difference from what trusted writers wrote.
	// +optional
	Drift *Drift `json:"drift,omitempty"`

	// configuration is what the pods took from ConfigMaps when they started, and from Secrets
	// where the environment watches them: their environment, and files that are mounted by
	// subPath. It tells which pods run by values that have changed since. At most 8 of each kind.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Configuration []ConfigurationSource `json:"configuration,omitempty"`

	// outcomes are the last 10 revisions, newest first. Of older ones, those that no write to
	// the workload brought are left out first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Outcomes []RevisionOutcome `json:"outcomes,omitempty"`

	// proven are the last 10 revisions that reached their targets, newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Proven []ProvenRevision `json:"proven,omitempty"`

	// quarantined are the last 10 revisions that were rolled back, newest first.
	// Admission refuses what made them fail.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Quarantined []QuarantinedRevision `json:"quarantined,omitempty"`

	// isolation is how the current revision was cut off the network, and whether it is.
	// +optional
	Isolation *Isolation `json:"isolation,omitempty"`

	// drill is the one that runs now.
	// +optional
	Drill *Drill `json:"drill,omitempty"`

	// lastDrill is when the last drill of this workload began.
	// +optional
	LastDrill *metav1.Time `json:"lastDrill,omitempty"`

	// drillRefused is when a drill last came to nothing because it was refused, or taken back.
	// +optional
	DrillRefused *metav1.Time `json:"drillRefused,omitempty"`

	// drillsBarred says why no drill brings the evidence that a gate waits for, when that
	// does not pass by itself: the gate waits for ordinary life, or for a change.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	DrillsBarred string `json:"drillsBarred,omitempty"`

	// actions are the last 10 things that the operator did to the workload, or would
	// have done, newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Actions []Action `json:"actions,omitempty"`

	// heldBack is the change that is due and is not made, and what keeps it back.
	// +optional
	HeldBack *HeldBackAction `json:"heldBack,omitempty"`

	// actTrials are the last decisions to change the workload, newest first, and whether what
	// happened next agrees with them. By them an act earns the level Act in the namespace.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	ActTrials []ActTrial `json:"actTrials,omitempty"`

	// conditions: Ready, Drifted; ConfigurationDrifted, TagMoved and AnnotationWrong while they are true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ReportedWorkload identifies a workload.
type ReportedWorkload struct {
	// kind of the workload.
	// +optional
	Kind WorkloadKind `json:"kind,omitempty"`

	// name of the workload.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// uid of the live object.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`

	// labels of the workload, for the selectors of gates.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Labels map[string]string `json:"labels,omitempty"`
}

// ReportedObject identifies an object that is not a workload.
type ReportedObject struct {
	// group of its API; empty for the core group.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`

	// version of its API in which it is judged.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Version string `json:"version"`

	// kind of the object.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind"`

	// name of the object.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// uid of the live object.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// QualityScore is a bound on the true success rate of one quality.
type QualityScore struct {
	// quality that was judged.
	// +required
	Quality Quality `json:"quality"`

	// applicable is false when no trial of this quality can happen to this workload;
	// the quality is then not asked for.
	// +optional
	Applicable bool `json:"applicable"`

	// score is the lower bound in percent; left out without a trial.
	// +optional
	Score *int32 `json:"score,omitempty"`

	// target in percent; left out when the quality is not asked for.
	// +optional
	Target *int32 `json:"target,omitempty"`

	// needed is how many clean trials lift the score to the target.
	// +optional
	Needed int32 `json:"needed,omitempty"`

	// naturalNeeded is how many clean trials are missing that neither a drill nor a test
	// set off, where the targets ask for them.
	// +optional
	NaturalNeeded int32 `json:"naturalNeeded,omitempty"`

	// clean is how many trials succeeded.
	// +optional
	// +kubebuilder:default=0
	Clean int32 `json:"clean"`

	// failed is how many trials failed.
	// +optional
	// +kubebuilder:default=0
	Failed int32 `json:"failed"`

	// text is the score in short, for tables: "86%", "no data", "n/a".
	// +optional
	// +kubebuilder:validation:MaxLength=24
	Text string `json:"text,omitempty"`

	// message is the score in words: "predictability 86% of 90%: 4 more clean trials needed (9 of 9 so far)".
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`
}

// GuardrailVerdict is what a guardrail says about the workload.
type GuardrailVerdict struct {
	// name of the Guardrail.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// level of the guardrail in this environment when it was judged.
	// +optional
	Level Level `json:"level,omitempty"`

	// firstRevision is the number of the first revision that this rule, as it is
	// written now, has judged.
	// +optional
	FirstRevision int64 `json:"firstRevision,omitempty"`

	// rule is a digest of the rule that judged.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Rule string `json:"rule,omitempty"`

	// total is how many violations there are, those not listed included.
	// +optional
	// +kubebuilder:default=0
	Total int32 `json:"total"`

	// findings are the first violations.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Findings []Finding `json:"findings,omitempty"`

	// error says why the rule could not be evaluated; the verdict is then unknown, never clean.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Error string `json:"error,omitempty"`

	// excluded is the reason why the EnvironmentPolicy leaves this object out of the guardrail.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Excluded string `json:"excluded,omitempty"`

	// keys identifies all findings, those not listed included: a short digest of each
	// key, so that a later revision is compared with all of them. It is "+" when there are
	// more than 512: only their number is compared then. While the rule cannot be
	// evaluated, it is what was known before.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Keys string `json:"keys,omitempty"`

	// fixed is how many findings went away with a later revision.
	// +optional
	Fixed int32 `json:"fixed,omitempty"`

	// flapped is how many times findings came or went without a change of the object or the rule.
	// +optional
	Flapped int32 `json:"flapped,omitempty"`
}

// UncountableKeys stands in the keys of a verdict for more findings than it tells apart.
const UncountableKeys = "+"

// Finding is one violation of a guardrail.
type Finding struct {
	// key is the stable location and item of the violation.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`

	// text says what is wrong.
	// +required
	// +kubebuilder:validation:MaxLength=256
	Text string `json:"text"`

	// sinceRevision is the number of the first revision that was seen with it.
	// +optional
	SinceRevision int64 `json:"sinceRevision,omitempty"`
}

// ReadinessReportList is a list of ReadinessReports.
//
// +kubebuilder:object:root=true
type ReadinessReportList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ReadinessReport `json:"items"`
}
