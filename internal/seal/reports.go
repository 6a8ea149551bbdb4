// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package seal renders the native policy that keeps evidence from being forged.
package seal

import (
	"strconv"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// Name of the policy and of its binding.
const Name = "rampart-report-seal"

// Reports is the policy, and its binding, by which nobody but the operator makes or
// changes a ReadinessReport, whatever roles he was given. Anybody with the right may
// delete one: that destroys evidence and forges none, and namespaces must be deletable.
func Reports(operatorUser string) (*admissionv1.ValidatingAdmissionPolicy, *admissionv1.ValidatingAdmissionPolicyBinding) {
	meta := metav1.ObjectMeta{Name: Name, Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}}
	policy := &admissionv1.ValidatingAdmissionPolicy{
		TypeMeta:   admission.TypeMeta("ValidatingAdmissionPolicy"),
		ObjectMeta: *meta.DeepCopy(),
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: ptr.To(admissionv1.Fail),
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule: admissionv1.Rule{
						APIGroups: []string{v1alpha1.Group}, APIVersions: []string{"*"},
						Resources: []string{"readinessreports", "readinessreports/status"},
						Scope:     ptr.To(admissionv1.NamespacedScope),
					},
				},
			}}},
			Validations: []admissionv1.Validation{{
				Expression: admission.Username + " == " + strconv.Quote(operatorUser),
				Message:    "a ReadinessReport is what the operator has seen: nobody else writes one",
				Reason:     ptr.To(metav1.StatusReasonForbidden),
			}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		TypeMeta:   admission.TypeMeta("ValidatingAdmissionPolicyBinding"),
		ObjectMeta: *meta.DeepCopy(),
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	return policy, binding
}
