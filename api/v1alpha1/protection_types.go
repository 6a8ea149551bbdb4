// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DriftPolicy says what follows a change by somebody who is not a trusted writer.
//
// +kubebuilder:validation:XValidation:rule="!has(self.mode) || self.mode != 'Correct' || (has(self.trustedWriters) && self.trustedWriters.size() > 0)",message="mode Correct needs trustedWriters: without them every change would be undone"
// +kubebuilder:validation:XValidation:rule="!has(self.startLevel) || self.startLevel == 'Report' || (has(self.mode) && self.mode == 'Correct')",message="startLevel Act needs mode Correct: otherwise drift is never taken back"
// +kubebuilder:validation:XValidation:rule="!has(self.correctAfter) || (has(self.mode) && self.mode == 'Correct')",message="correctAfter needs mode Correct: otherwise drift is never taken back"
// +kubebuilder:validation:XValidation:rule="!has(self.trustedWriters) || !has(self.mode) || self.mode != 'Ignore'",message="mode Ignore has no use for trustedWriters: set mode Report, or leave them out"
// +kubebuilder:validation:XValidation:rule="!has(self.ignoredFields) || !has(self.mode) || self.mode != 'Ignore'",message="mode Ignore has no use for ignoredFields: set mode Report, or leave them out"
// +kubebuilder:validation:XValidation:rule="!has(self.secrets) || self.secrets != 'Watch' || !has(self.mode) || self.mode != 'Ignore'",message="mode Ignore has no use for secrets: Watch: set mode Report, or leave it out"
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
	// +kubebuilder:validation:items:XValidation:rule="!self.startsWith('system:serviceaccount:') || self.matches('^system:serviceaccount:[^:]+:[^:]+$')",message="a service account is named system:serviceaccount:NAMESPACE:NAME"
	TrustedWriters []string `json:"trustedWriters,omitempty"`

	// ignoredFields are fields that are never drift, whoever writes them, as drift messages
	// print them: spec.template.spec.containers[name=shop].resources. All that lies in a
	// field is ignored with it; * in place of a value in brackets stands for every item:
	// containers[name=*]. They hold for every workload of the environment. Default: none.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^spec(\.[A-Za-z0-9_-]+|\[([^\[\],="]+|"([^"\\]|\\.)*")\]|\[[A-Za-z0-9]+=([^\[\],="]+|"([^"\\]|\\.)*")(,[A-Za-z0-9]+=([^\[\],="]+|"([^"\\]|\\.)*"))*\])+$')`,message="name a field below spec as drift messages print it, for example spec.template.spec.containers[name=shop].image or spec.template.metadata.annotations[example.com/owner]"
	IgnoredFields []string `json:"ignoredFields,omitempty"`

	// correctAfter is how long drift stands before it is taken back, so that a GitOps
	// tool can be first. Default: 15s.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('1h')",message="correctAfter is between 0s and 1h"
	CorrectAfter *metav1.Duration `json:"correctAfter,omitempty"`

	// startLevel: Report says what would be corrected on namespaces where workloads
	// ran before the policy came, until enough of what it said proved right; Act corrects
	// there at once. Namespaces that were empty then are corrected from the start.
	// Default: Report.
	// +optional
	StartLevel ActLevel `json:"startLevel,omitempty"`

	// secrets: Watch also shows Secrets that were written after containers took their
	// environment or files from them. Only metadata is asked for, but Kubernetes has no
	// permission for metadata alone, so that the operator must be given the right to read
	// every Secret (config/secret-watcher). Ignore looks at no Secret. Default: Ignore.
	// +optional
	Secrets SecretsMode `json:"secrets,omitempty"`
}

// SecretsMode says whether Secrets are looked at.
//
// +kubebuilder:validation:Enum=Ignore;Watch
type SecretsMode string

// The ways to treat Secrets.
const (
	SecretsIgnore SecretsMode = "Ignore"
	SecretsWatch  SecretsMode = "Watch"
)

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
	// StatefulSet, a DaemonSet and a Deployment that writes to persistent volumes are
	// rolled back only if they are annotated rampart.dev/on-failure: Rollback, because
	// an older revision may not read what the new one wrote. A workload annotated
	// rampart.dev/on-failure: Report is never rolled back. Default: Report.
	// +optional
	OnFailure OnFailure `json:"onFailure,omitempty"`

	// startLevel: Report says what would be rolled back on namespaces where workloads
	// ran before the policy came, until enough of what it said proved right; Act rolls
	// back there at once. Namespaces that were empty then are protected from the start.
	// Default: Report.
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

// BlastRadius limits how much the operator changes at once.
type BlastRadius struct {
	// actionsPerHour is how often the operator may correct the drift of one workload
	// within an hour, how often it may roll it back, and how often isolate it. Default: 2
	// of each.
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

// Breaker stops all remediation in an environment while too much fails at once.
type Breaker struct {
	// open is true while nothing is remediated.
	// +optional
	Open bool `json:"open"`

	// namespace is the only one in which nothing is remediated, because all that speaks for a
	// common cause is there. Left out when it is open for the whole environment.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// tripped is when the reason was last there.
	// +required
	Tripped metav1.Time `json:"tripped"`

	// reason says what fails.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`
}
