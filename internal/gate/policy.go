// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// PolicyInput says where gates stand.
type PolicyInput struct {
	// Namespaces at each level. Observe is not in the request path and renders nothing.
	Namespaces map[v1alpha1.Level][]string
	// Excluded namespaces are never judged: the system's and the operator's own.
	Excluded []string
	// OperatorUser is the operator's own user name, which brings proven revisions back.
	OperatorUser string
}

// Policy is a native policy and what puts it in force.
type Policy struct {
	Policy  *admissionv1.ValidatingAdmissionPolicy
	Binding *admissionv1.ValidatingAdmissionPolicyBinding
}

// PolicyName is the name of a level's policy and of its binding.
func PolicyName(level v1alpha1.Level) string { return "rampart-gate-" + strings.ToLower(string(level)) }

// Policies are the native policies of all gates of the cluster: one for Warn and one for
// Enforce, each only where a gate stands at that level. They are copies of their own,
// because whatever is wrong with a policy that says Fail denies, bound to Warn or not.
func Policies(in PolicyInput) []Policy {
	var all []Policy
	for _, level := range []v1alpha1.Level{v1alpha1.Warn, v1alpha1.Enforce} {
		namespaces := gated(in, level)
		if len(namespaces) == 0 {
			continue
		}
		all = append(all, Policy{
			Policy:  policy(level, in.OperatorUser),
			Binding: binding(level, namespaces),
		})
	}
	return all
}

// gated are the namespaces of a level, sorted, none twice.
func gated(in PolicyInput, level v1alpha1.Level) []string {
	namespaces := slices.DeleteFunc(slices.Clone(in.Namespaces[level]), func(namespace string) bool {
		return slices.Contains(in.Excluded, namespace)
	})
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

func policy(level v1alpha1.Level, operatorUser string) *admissionv1.ValidatingAdmissionPolicy {
	failure := admissionv1.Ignore
	if level == v1alpha1.Enforce {
		failure = admissionv1.Fail
	}
	return &admissionv1.ValidatingAdmissionPolicy{
		TypeMeta:   admission.TypeMeta("ValidatingAdmissionPolicy"),
		ObjectMeta: metav1.ObjectMeta{Name: PolicyName(level), Labels: managed()},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy:    &failure,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: rules()},
			MatchConditions:  matchConditions(operatorUser),
			Variables:        variables(),
			Validations: []admissionv1.Validation{{
				Expression:        admitted,
				Message:           "an image is not proven for this namespace: see kubectl get promotiongates, and kubectl describe on one",
				MessageExpression: refusal,
				Reason:            ptr.To(metav1.StatusReasonForbidden),
			}},
		},
	}
}

// binding selects the gated namespaces by the name label, which the API server sets and
// nobody can change: no label that a team may write decides whether a gate stands.
func binding(level v1alpha1.Level, namespaces []string) *admissionv1.ValidatingAdmissionPolicyBinding {
	action := admissionv1.Warn
	if level == v1alpha1.Enforce {
		action = admissionv1.Deny
	}
	return &admissionv1.ValidatingAdmissionPolicyBinding{
		TypeMeta:   admission.TypeMeta("ValidatingAdmissionPolicyBinding"),
		ObjectMeta: metav1.ObjectMeta{Name: PolicyName(level), Labels: managed()},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        PolicyName(level),
			ValidationActions: []admissionv1.ValidationAction{action},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchExpressions: []metav1.LabelSelectorRequirement{{
					Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: namespaces,
				}},
			}},
		},
	}
}

// rules are every way to say which image runs. pods/resize is none: it changes resources only.
func rules() []admissionv1.NamedRuleWithOperations {
	return []admissionv1.NamedRuleWithOperations{
		admission.Writes("", "pods", "pods/ephemeralcontainers", "replicationcontrollers"),
		admission.Writes("apps", "deployments", "statefulsets", "daemonsets", "replicasets"),
		admission.Writes("batch", "jobs", "cronjobs"),
		admission.RevisionsByHand(),
	}
}

func managed() map[string]string {
	return map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
}
