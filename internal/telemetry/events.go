// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package telemetry names what the operator tells people and machines: the reasons and
// actions of its events, and its metrics.
package telemetry

import corev1 "k8s.io/api/core/v1"

// Types of events.
const (
	Normal  = corev1.EventTypeNormal
	Warning = corev1.EventTypeWarning
)

// Reasons of events, as `kubectl events` shows them.
const (
	ReasonRuleRejected       = "RuleRejected"
	ReasonGuardrailRaised    = "GuardrailRaised"
	ReasonGuardrailLowered   = "GuardrailLowered"
	ReasonGuardrailWithdrawn = "GuardrailWithdrawn"
	ReasonGuardrailHeldBack  = "GuardrailHeldBack"
	ReasonGuardrailReleased  = "GuardrailReleased"
	ReasonGuardrailFindings  = "GuardrailFindings"
	ReasonGateOpened         = "GateOpened"
	ReasonGateClosed         = "GateClosed"
	ReasonGateRaised         = "GateLevelRaised"
	ReasonGateLowered        = "GateLevelLowered"
	ReasonGateNotInForce     = "GateNotInForce"
	ReasonGateHotfix         = "HotfixLane"
	ReasonGateImageDiffers   = "ImageDiffers"
	ReasonGateMade           = "GateMade"
	ReasonGateRemoved        = "GateRemoved"
	ReasonAnnotationWrong    = "AnnotationWrong"
	ReasonLabelWrong         = "LabelWrong"
	ReasonGateBypassed       = "GateBypassed"
	ReasonProven             = "RevisionProven"
	ReasonDrifted            = "Drifted"
	ReasonConfigDrifted      = "ConfigurationDrifted"
	ReasonTagMoved           = "TagMoved"
	ReasonDriftCorrected     = "DriftCorrected"
	ReasonRolloutFailed      = "RolloutFailed"
	ReasonRolledBack         = "RolledBack"
	ReasonPodReplaced        = "PodReplaced"
	ReasonIsolated           = "Isolated"
	ReasonIsolationRestored  = "IsolationRestored"
	ReasonIsolationReleased  = "IsolationReleased"
	ReasonIsolationLifted    = "IsolationLifted"
	ReasonActionFailed       = "ActionFailed"
	ReasonActionReported     = "ActionReported"
	ReasonDrillBegun         = "DrillBegun"
	ReasonClusterConnected   = "ClusterConnected"
	ReasonClusterLost        = "ClusterLost"
	ReasonBaselineApplied    = "BaselineApplied"
	ReasonBaselineWithdrawn  = "BaselineWithdrawn"
	ReasonActRaised          = "ActRaised"
	ReasonActLowered         = "ActLowered"
	ReasonBreakerOpened      = "BreakerOpened"
	ReasonBreakerClosed      = "BreakerClosed"
	ReasonSuspendBegun       = "RemediationSuspended"
	ReasonSuspendEnded       = "RemediationResumed"
)

// Actions of events: what the operator was doing.
const (
	ActionCompile   = "Compile"
	ActionEvaluate  = "Evaluate"
	ActionProgress  = "Progress"
	ActionDecide    = "Decide"
	ActionObserve   = "Observe"
	ActionRemediate = "Remediate"
	ActionDrill     = "Drill"
	ActionOnboard   = "Onboard"
	ActionConnect   = "Connect"
	ActionApply     = "Apply"
)
