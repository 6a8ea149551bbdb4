// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// PromotionPolicy is what holds for all PromotionGates of an environment: those that a
// Namespace's label asks for have nothing else to go by.
//
// +kubebuilder:validation:XValidation:rule="!has(self.startLevel) || !has(self.maxLevel) || self.maxLevel == 'Enforce' || self.startLevel == 'Observe' || self.startLevel == self.maxLevel",message="startLevel is above maxLevel"
type PromotionPolicy struct {
	ReadinessTargets `json:",inline"`

	// startLevel is where new gates begin that do not say it themselves. Default: Warn.
	// +optional
	StartLevel Level `json:"startLevel,omitempty"`

	// maxLevel is how far the gates here climb, and a gate's own maxLevel can only be lower.
	// Lowered, it takes them down at once. Left out, a gate climbs to its own, or else to
	// Enforce in a Production environment and to Warn elsewhere.
	// +optional
	MaxLevel Level `json:"maxLevel,omitempty"`
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
