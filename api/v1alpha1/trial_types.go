// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
