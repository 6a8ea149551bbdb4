// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group is the API group of every Rampart kind, and the prefix of its annotations and labels.
const Group = "rampart.dev"

// GroupVersion is the version that this package serves.
var GroupVersion = schema.GroupVersion{Group: Group, Version: "v1alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

// AddToScheme registers the kinds of this package.
var AddToScheme = schemeBuilder.AddToScheme

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&EnvironmentPolicy{}, &EnvironmentPolicyList{},
		&Guardrail{}, &GuardrailList{},
		&PromotionGate{}, &PromotionGateList{},
		&ReadinessReport{}, &ReadinessReportList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
