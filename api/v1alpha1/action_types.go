// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

	// next says what raises corrections to the level Act here, while only that keeps this
	// drift from being taken back.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Next string `json:"next,omitempty"`
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

// ConfigurationKind is the kind of object that configuration comes from.
//
// +kubebuilder:validation:Enum=ConfigMap;Secret
type ConfigurationKind string

// The kinds that configuration comes from.
const (
	ConfigurationFromConfigMap ConfigurationKind = "ConfigMap"
	ConfigurationFromSecret    ConfigurationKind = "Secret"
)

// ConfigurationSource is an object from which containers take something when they start.
type ConfigurationSource struct {
	// kind of the object.
	// +optional
	// +kubebuilder:default=ConfigMap
	Kind ConfigurationKind `json:"kind,omitempty"`

	// name of the object.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// versions of what they take, newest first: as far back as a pod still runs by it, and at
	// most three.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=3
	Versions []ConfigurationVersion `json:"versions,omitempty"`
}

// ConfigurationVersion is what containers that started since a time have taken.
type ConfigurationVersion struct {
	// since is when it was written, as far as that is known, else when it was first seen.
	// +required
	Since metav1.Time `json:"since"`

	// keys are "key=digest of its value"; of a Secret, whose values are not read, the digest
	// is of when the key was last written. Where there are more than 16, or where their names
	// are long, it is "*=digest of all".
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=280
	Keys []string `json:"keys,omitempty"`
}

// ActionKind is what the operator did.
//
// +kubebuilder:validation:Enum=CorrectDrift;Rollback;ReplacePod;Isolate;Release
type ActionKind string

// The kinds of actions.
const (
	// ActionCorrectDrift takes a change back that no trusted writer made.
	ActionCorrectDrift ActionKind = "CorrectDrift"
	// ActionRollback brings the last good revision back.
	ActionRollback ActionKind = "Rollback"
	// ActionReplacePod deletes a pod that keeps a StatefulSet from going back; it is part of the rollback.
	ActionReplacePod ActionKind = "ReplacePod"
	// ActionIsolate cuts the pods of a revision off the network.
	ActionIsolate ActionKind = "Isolate"
	// ActionRelease lets them go.
	ActionRelease ActionKind = "Release"
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
