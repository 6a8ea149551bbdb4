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

	// conditions: Ready, Drifted.
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

// Revision is what runs.
type Revision struct {
	// hash identifies it: the pod template without what only restarts it, the update
	// strategy, the contents of the ConfigMaps that the template uses, and what its tags
	// resolve to once one of them has moved. The contents of Secrets are no part of it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Hash string `json:"hash,omitempty"`

	// number counts the revisions of the workload, from 1.
	// +optional
	Number int64 `json:"number,omitempty"`

	// since is when it was first seen.
	// +optional
	Since metav1.Time `json:"since,omitempty"`

	// podTemplateHash is the name that the workload's controller gives to its pods of this revision.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	PodTemplateHash string `json:"podTemplateHash,omitempty"`

	// mechanism is a digest for each part of the template whose change weighs
	// differently on evidence: what of the old one still counts.
	// +optional
	Mechanism RevisionMechanism `json:"mechanism,omitempty"`

	// previous is the mechanism of the revision before it: what is carried from there is
	// measured by the difference.
	// +optional
	Previous *RevisionMechanism `json:"previous,omitempty"`

	// containers are its images and commands.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Containers []RevisionContainer `json:"containers,omitempty"`
}

// RevisionMechanism are digests of the parts of a revision that evidence depends on.
type RevisionMechanism struct {
	// content is the containers: half of the evidence carries over a change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Content string `json:"content,omitempty"`

	// configuration is what the template uses of ConfigMaps: half of the evidence carries
	// over a change. Empty when it uses none.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Configuration string `json:"configuration,omitempty"`

	// images is what the tags of the containers resolve to, once one of them has moved
	// while the template stayed: half of the evidence carries over a change. Empty until then.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Images string `json:"images,omitempty"`

	// starting is readiness, liveness and startup probes: predictability does not survive a change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Starting string `json:"starting,omitempty"`

	// recovering is probes and update strategy: recoverability and safe failure do not
	// survive a change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Recovering string `json:"recovering,omitempty"`

	// stopping is lifecycle hooks and grace period: safe failure does not survive a change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Stopping string `json:"stopping,omitempty"`
}

// RevisionContainer is a container of a revision.
type RevisionContainer struct {
	// name of the container.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// image as the template says it.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image"`

	// digest that the image resolved to in the running pods; empty until one runs.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Digest string `json:"digest,omitempty"`

	// platform of the nodes that say so: their architecture and container runtime.
	// Digests of different platforms are not compared.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Platform string `json:"platform,omitempty"`

	// otherDigest is another digest that some of the pods run now, on the same platform: the
	// tag has moved. Nothing counts for the revision until all run the same.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	OtherDigest string `json:"otherDigest,omitempty"`

	// command as the template says it; left out when it is too long, see commandDigest.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	Command []string `json:"command,omitempty"`

	// commandDigest identifies a command of more than 64 words or 1024 characters. No gate
	// admits such a command: put it into a script in the image.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CommandDigest string `json:"commandDigest,omitempty"`

	// init is true for an init container.
	// +optional
	Init bool `json:"init,omitempty"`
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

// TrialKind is what was observed.
//
// +kubebuilder:validation:Enum=Rollout;Start;Run;Replacement;Restart;Rollback;Termination;Containment;ContainedRollout;Renewal;Test
type TrialKind string

// The kinds of trials.
const (
	// TrialRollout is a new revision that becomes updated and available in time.
	TrialRollout TrialKind = "Rollout"
	// TrialStart is a pod that becomes ready in its usual time.
	TrialStart TrialKind = "Start"
	// TrialRun is a Job, or a Job of a CronJob, that completes.
	TrialRun TrialKind = "Run"
	// TrialReplacement is a disrupted pod whose capacity is restored in time.
	TrialReplacement TrialKind = "Replacement"
	// TrialRestart is a running pod that is ready again after one of its containers failed.
	TrialRestart TrialKind = "Restart"
	// TrialRollback is a return to an earlier revision that becomes available in time.
	TrialRollback TrialKind = "Rollback"
	// TrialTermination is a pod that ends by itself within its grace period.
	TrialTermination TrialKind = "Termination"
	// TrialContainment is a pod that gets no more traffic when it is not ready, while others do.
	TrialContainment TrialKind = "Containment"
	// TrialContainedRollout is a failed rollout that takes away no more pods than it may.
	TrialContainedRollout TrialKind = "ContainedRollout"
	// TrialRenewal is a restart of the rollout by a drill: all pods are replaced in time.
	TrialRenewal TrialKind = "Renewal"
	// TrialTest is a Job of the team's that tests the workload. It speaks of the quality
	// that its label names.
	TrialTest TrialKind = "Test"
)

// TrialOutcome is how a trial ended.
//
// +kubebuilder:validation:Enum=Success;Failure;Censored;Excluded
type TrialOutcome string

// The outcomes of trials.
const (
	// TrialSuccess counts for the workload.
	TrialSuccess TrialOutcome = "Success"
	// TrialFailure counts against it.
	TrialFailure TrialOutcome = "Failure"
	// TrialCensored was not seen to its end. It counts for nothing.
	TrialCensored TrialOutcome = "Censored"
	// TrialExcluded failed because of the environment. It counts for nothing and is shown.
	TrialExcluded TrialOutcome = "Excluded"
)

// TrialSource is what set a trial off.
//
// +kubebuilder:validation:Enum=Natural;Drill;Test
type TrialSource string

// The sources of trials.
const (
	SourceNatural TrialSource = "Natural"
	SourceDrill   TrialSource = "Drill"
	SourceTest    TrialSource = "Test"
)

// Evidence is the trials of the current revision.
type Evidence struct {
	// counted is how many trials of this revision succeeded or failed.
	// +optional
	// +kubebuilder:default=0
	Counted int32 `json:"counted"`

	// censored is how many trials were not seen to their end.
	// +optional
	Censored int32 `json:"censored,omitempty"`

	// excluded is how many failures the environment caused.
	// +optional
	Excluded int32 `json:"excluded,omitempty"`

	// carried is what the revisions before still say about this one.
	// +optional
	// +listType=map
	// +listMapKey=quality
	// +kubebuilder:validation:MaxItems=3
	Carried []CarriedEvidence `json:"carried,omitempty"`

	// open are the trials that have begun.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Open []OpenTrial `json:"open,omitempty"`

	// trials are the last 200, newest last; the last 20 in words too.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=200
	Trials []Trial `json:"trials,omitempty"`

	// rolloutSeconds are the durations of the last clean rollouts, newest last: what is usual.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=5
	RolloutSeconds []int32 `json:"rolloutSeconds,omitempty"`

	// startSeconds are the durations of the last clean starts, newest last: what is usual.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	StartSeconds []int32 `json:"startSeconds,omitempty"`
}

// CarriedEvidence is what the revisions before still say about this one.
type CarriedEvidence struct {
	// quality it speaks of.
	// +required
	Quality Quality `json:"quality"`

	// successes, in thousandths of a trial.
	// +optional
	SuccessesMilli int32 `json:"successesMilli,omitempty"`

	// failures, in thousandths of a trial.
	// +optional
	FailuresMilli int32 `json:"failuresMilli,omitempty"`
}

// OpenTrial is a trial that has begun.
type OpenTrial struct {
	// id is a hash of what is observed, so that it counts once.
	// +required
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id"`

	// kind of the trial.
	// +required
	Kind TrialKind `json:"kind"`

	// subject is the pod or revision that is observed.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Subject string `json:"subject,omitempty"`

	// subjectUID is the uid of the pod that is observed.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SubjectUID string `json:"subjectUID,omitempty"`

	// episode groups the trials of one cause.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Episode string `json:"episode,omitempty"`

	// source is Drill when the operator caused it, and Test when a test Job of the team's did.
	// +optional
	// +kubebuilder:default=Natural
	Source TrialSource `json:"source,omitempty"`

	// quality that a Test speaks of; the kind says it for all others.
	// +optional
	Quality Quality `json:"quality,omitempty"`

	// since is when it began.
	// +required
	Since metav1.Time `json:"since"`

	// deadline is when it fails, or can no longer be judged.
	// +optional
	Deadline *metav1.Time `json:"deadline,omitempty"`
}

// Trial is one observation with an outcome.
type Trial struct {
	// id is a hash of what was observed, so that it counts once.
	// +required
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id"`

	// kind of the trial.
	// +required
	Kind TrialKind `json:"kind"`

	// outcome of the trial.
	// +required
	Outcome TrialOutcome `json:"outcome"`

	// episode groups the trials of one cause.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Episode string `json:"episode,omitempty"`

	// source is Drill when the operator caused it, and Test when a test Job of the team's did.
	// +optional
	Source TrialSource `json:"source,omitempty"`

	// quality that a Test speaks of; the kind says it for all others.
	// +optional
	Quality Quality `json:"quality,omitempty"`

	// time when it ended.
	// +optional
	Time metav1.Time `json:"time,omitempty"`

	// message says what was seen; kept for the last 20.
	// +optional
	// +kubebuilder:validation:MaxLength=200
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

// Drift is the difference from what trusted writers wrote.
type Drift struct {
	// leaves is how many fields differ, those not listed included.
	// +optional
	// +kubebuilder:default=0
	Leaves int32 `json:"leaves"`

	// since is when it was first seen.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`

	// by is the user who wrote last, as admission saw it.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by,omitempty"`

	// fields are the first that differ.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Fields []DriftedField `json:"fields,omitempty"`

	// baseline is the name of the ControllerRevision that holds what trusted writers wrote.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Baseline string `json:"baseline,omitempty"`

	// decision says what is done about it, and why.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Decision string `json:"decision,omitempty"`
}

// DriftedField is one field that differs.
type DriftedField struct {
	// path of the field, list items by their merge key.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Path string `json:"path"`

	// was is the value that trusted writers wrote; empty when they wrote none.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Was string `json:"was,omitempty"`

	// is the value now; empty when the field was removed.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Is string `json:"is,omitempty"`
}

// RevisionOutcome is what became of a revision.
type RevisionOutcome struct {
	// number of the revision.
	// +required
	Number int64 `json:"number"`

	// hash of the revision.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Hash string `json:"hash"`

	// cause is what made it another revision than the one before. Admission sees none of
	// the causes ConfigMaps and Images: they are no trials of guardrails or gates.
	// +optional
	Cause RevisionCause `json:"cause,omitempty"`

	// time when it was first seen.
	// +optional
	Time metav1.Time `json:"time,omitempty"`

	// writer who brought it, as admission saw it; empty when not known.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Writer string `json:"writer,omitempty"`

	// podTemplateHash is the name that the workload's controller gives to its pods of this revision.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	PodTemplateHash string `json:"podTemplateHash,omitempty"`

	// newFindings are the guardrails that it violates anew: what Enforce would have refused.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=253
	NewFindings []string `json:"newFindings,omitempty"`

	// unjudged are the guardrails that could not be evaluated on it: it is no trial of theirs.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=253
	Unjudged []string `json:"unjudged,omitempty"`

	// result of its rollout.
	// +optional
	Result RolloutResult `json:"result,omitempty"`

	// arrival says whether a gate knew its images as proven when it came.
	// +optional
	Arrival Arrival `json:"arrival,omitempty"`

	// evidence is what it had shown when the next revision came.
	// +optional
	// +listType=map
	// +listMapKey=quality
	// +kubebuilder:validation:MaxItems=3
	Evidence []CarriedEvidence `json:"evidence,omitempty"`
}

// RevisionCause is what made a revision another one than the one before.
//
// +kubebuilder:validation:Enum=Created;Template;Strategy;ConfigMaps;Images
type RevisionCause string

// The causes of revisions.
const (
	// CauseCreated is a workload that was made, or made again.
	CauseCreated RevisionCause = "Created"
	// CauseTemplate is a change of the pod template.
	CauseTemplate RevisionCause = "Template"
	// CauseStrategy is a change of the update strategy alone.
	CauseStrategy RevisionCause = "Strategy"
	// CauseConfigMaps is a change of the ConfigMaps that the template uses. Pods from
	// before go on.
	CauseConfigMaps RevisionCause = "ConfigMaps"
	// CauseImages is a tag that has moved: the same template runs other code.
	CauseImages RevisionCause = "Images"
)

// ByWrite says whether a revision came by a write of its workload, which admission judges. Of
// the others nobody knows who brought them, and nothing could have refused them.
func (c RevisionCause) ByWrite() bool { return c != CauseConfigMaps && c != CauseImages }

// KeepsPods says whether a revision came without new pods: those from before go on.
func (c RevisionCause) KeepsPods() bool { return !c.ByWrite() || c == CauseStrategy }

// RolloutResult is what became of a rollout.
//
// +kubebuilder:validation:Enum=Rolling;Stable;Failed;Superseded
type RolloutResult string

// The results of rollouts.
const (
	RolloutRolling    RolloutResult = "Rolling"
	RolloutStable     RolloutResult = "Stable"
	RolloutFailed     RolloutResult = "Failed"
	RolloutSuperseded RolloutResult = "Superseded"
)

// Arrival says whether a revision was proven when it came to a gated namespace.
//
// +kubebuilder:validation:Enum=Proven;Unproven;Hotfix
type Arrival string

// The ways to arrive.
const (
	ArrivalProven   Arrival = "Proven"
	ArrivalUnproven Arrival = "Unproven"
	// ArrivalHotfix came by the hotfix lane: it was not proven, and counts against the gate's climb.
	ArrivalHotfix Arrival = "Hotfix"
)

// ProvenRevision is a revision that reached its targets.
type ProvenRevision struct {
	// hash of the revision.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Hash string `json:"hash"`

	// time when it reached them.
	// +required
	Time metav1.Time `json:"time"`

	// score is the lowest bound of its qualities, in percent, at that time.
	// +optional
	Score int32 `json:"score,omitempty"`

	// targets that it reached.
	// +optional
	Targets ReadinessTargets `json:"targets,omitempty"`

	// containers are its images and commands.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Containers []RevisionContainer `json:"containers,omitempty"`
}

// QuarantinedRevision is a revision that was rolled back.
type QuarantinedRevision struct {
	// hash of the revision.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Hash string `json:"hash"`

	// time of the rollback.
	// +required
	Time metav1.Time `json:"time"`

	// reason why it was rolled back, in words.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`

	// changes are what it changed; a template with all of them is refused.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Changes []TemplateChange `json:"changes,omitempty"`
}

// TemplateChange is a field of a pod template and the value that made it fail.
type TemplateChange struct {
	// path of the field below the pod template, list items by their merge key.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Path string `json:"path"`

	// value as JSON; empty when the revision removed the field.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Value string `json:"value,omitempty"`
}

// DrillKind is what a drill does.
//
// +kubebuilder:validation:Enum=Evict;Restart
type DrillKind string

// The kinds of drills.
const (
	// DrillEvict evicts one pod.
	DrillEvict DrillKind = "Evict"
	// DrillRestart restarts the rollout of a Deployment, as kubectl rollout restart does.
	DrillRestart DrillKind = "Restart"
)

// Drill is a disturbance by the operator that produces a trial. It is written down
// before it begins, so that a crash cannot repeat it.
type Drill struct {
	// kind of the drill.
	// +required
	Kind DrillKind `json:"kind"`

	// pod that is disturbed.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Pod string `json:"pod"`

	// podUID of that pod.
	// +required
	// +kubebuilder:validation:MaxLength=64
	PodUID string `json:"podUID"`

	// podTemplateHash names the pods before a Restart: it has begun once they are named otherwise.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PodTemplateHash string `json:"podTemplateHash,omitempty"`

	// since is when it began.
	// +required
	Since metav1.Time `json:"since"`
}

// ActionKind is what the operator did.
//
// +kubebuilder:validation:Enum=CorrectDrift;Rollback
type ActionKind string

// The kinds of actions.
const (
	ActionCorrectDrift ActionKind = "CorrectDrift"
	ActionRollback     ActionKind = "Rollback"
)

// ActionOutcome is how an action ended.
//
// +kubebuilder:validation:Enum=Reported;Intended;Done;Failed
type ActionOutcome string

// The outcomes of actions.
const (
	// ActionReported was not done, because the policy or a safety rule says Report.
	ActionReported ActionOutcome = "Reported"
	// ActionIntended is about to be done; it is written down first, so that a crash cannot repeat it.
	ActionIntended ActionOutcome = "Intended"
	// ActionDone was done.
	ActionDone ActionOutcome = "Done"
	// ActionFailed was tried and refused.
	ActionFailed ActionOutcome = "Failed"
)

// Action is something that the operator did to the workload, or would have done.
type Action struct {
	// id identifies what the action answers to, so that it happens once.
	// +required
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id"`

	// kind of the action.
	// +required
	Kind ActionKind `json:"kind"`

	// outcome of the action.
	// +required
	Outcome ActionOutcome `json:"outcome"`

	// time of the outcome.
	// +required
	Time metav1.Time `json:"time"`

	// message says what was done, or would have been done, and why.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// ReadinessReportList is a list of ReadinessReports.
//
// +kubebuilder:object:root=true
type ReadinessReportList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ReadinessReport `json:"items"`
}
