// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the API of Rampart: what a platform team declares
// (EnvironmentPolicy, PromotionGate, Guardrail) and what the operator learned
// (ReadinessReport).
//
// +kubebuilder:object:generate=true
// +groupName=rampart.dev
package v1alpha1
