// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// Scope is where spec changes are stamped.
type Scope struct {
	// Environment names the policy and its binding.
	Environment string
	// NamespaceSelector selects the namespaces of the environment.
	NamespaceSelector metav1.LabelSelector
	// ExcludedNamespaces are never stamped; nor are the system namespaces.
	ExcludedNamespaces []string
}

// stampedResources are the workloads whose spec has one author at a time.
var stampedResources = []string{"deployments", "statefulsets", "daemonsets"}

// StampPolicy is the native admission policy, and its binding, that writes the author of
// every spec change into the annotation v1alpha1.AnnotationSpecAuthor.
//
// The annotation is a function of the old object and the user, never of what the client
// sent, so that it cannot be forged: where the spec did not change, and on every write to
// the status, the old value is put back. Admission sees the generation of before; a spec
// change leads to the next one. A stamp at or beyond it is of a write that was persisted
// without a change and makes room. The scale subresource has no annotations to stamp: a
// generation without a stamp is how delegated scaling shows.
//
// A failure to stamp never blocks the write (failurePolicy Ignore): it leaves a change
// without an author, which is reported and never corrected. The stamp is set by
// ApplyConfiguration, whose map literals take keys with dots; a JSONPatch that fails to
// decode answers 500 even under Ignore.
func StampPolicy(scope Scope) (*admissionv1.MutatingAdmissionPolicy, *admissionv1.MutatingAdmissionPolicyBinding) {
	meta := metav1.ObjectMeta{
		Name: "rampart-" + scope.Environment + "-spec-author",
		Labels: map[string]string{
			v1alpha1.LabelManagedBy:         v1alpha1.ManagedBy,
			v1alpha1.Group + "/environment": scope.Environment,
		},
	}
	policy := &admissionv1.MutatingAdmissionPolicy{
		TypeMeta:   admission.TypeMeta("MutatingAdmissionPolicy"),
		ObjectMeta: *meta.DeepCopy(),
		Spec: admissionv1.MutatingAdmissionPolicySpec{
			FailurePolicy:      ptr.To(admissionv1.Ignore),
			ReinvocationPolicy: admissionv1.IfNeededReinvocationPolicy,
			MatchConstraints: &admissionv1.MatchResources{
				MatchPolicy:       ptr.To(admissionv1.Equivalent),
				NamespaceSelector: &metav1.LabelSelector{},
				ObjectSelector:    &metav1.LabelSelector{},
				ResourceRules:     []admissionv1.NamedRuleWithOperations{stampRule("apps", stampedResources...), stampRule("batch", "cronjobs")},
			},
			Variables: stampVariables(),
			Mutations: []admissionv1.Mutation{{
				PatchType: admissionv1.PatchTypeApplyConfiguration,
				ApplyConfiguration: &admissionv1.ApplyConfiguration{Expression: fmt.Sprintf(
					`variables.sent == variables.stamp ? Object{} : Object{metadata: Object.metadata{annotations: {%q: variables.stamp}}}`,
					v1alpha1.AnnotationSpecAuthor)},
			}},
		},
	}
	binding := &admissionv1.MutatingAdmissionPolicyBinding{
		TypeMeta:   admission.TypeMeta("MutatingAdmissionPolicyBinding"),
		ObjectMeta: meta,
		Spec: admissionv1.MutatingAdmissionPolicyBindingSpec{
			PolicyName: meta.Name,
			MatchResources: &admissionv1.MatchResources{
				MatchPolicy:       ptr.To(admissionv1.Equivalent),
				NamespaceSelector: scope.selector(),
				ObjectSelector:    &metav1.LabelSelector{},
			},
		},
	}
	return policy, binding
}

// selector is the selector of the environment without the namespaces that are never touched.
func (s Scope) selector() *metav1.LabelSelector {
	out := s.NamespaceSelector.DeepCopy()
	out.MatchExpressions = append(out.MatchExpressions, admission.OutsideSystem(s.ExcludedNamespaces))
	return out
}

func stampRule(group string, resources ...string) admissionv1.NamedRuleWithOperations {
	all := make([]string, 0, 2*len(resources))
	for _, resource := range resources {
		all = append(all, resource, resource+"/status")
	}
	return admission.Writes(group, all...)
}

func stampVariables() []admissionv1.Variable {
	annotation := func(object string) string {
		return fmt.Sprintf(`%s.metadata.?annotations[?%q].orValue("")`, object, v1alpha1.AnnotationSpecAuthor)
	}
	text := strings.NewReplacer(
		"$MAXUSER", fmt.Sprint(MaxUser), "$MAX", fmt.Sprint(MaxStamps),
		"$CUT", stampCut, "$PERCENT", stampPercent, "$COMMA", stampComma,
	)
	return []admissionv1.Variable{
		{Name: "create", Expression: `request.operation == "CREATE"`},
		{Name: "sent", Expression: annotation("object")},
		{Name: "before", Expression: `variables.create ? "" : ` + annotation("oldObject")},
		{Name: "changed", Expression: `variables.create || (request.?subResource.orValue("") == "" && object.spec != oldObject.spec)`},
		{Name: "generation", Expression: `variables.create ? 1 : oldObject.metadata.generation + 1`},
		{Name: "name", Expression: `request.userInfo.?username.orValue("")`},
		{Name: "user", Expression: text.Replace(
			`(variables.name.size() > $MAXUSER ? variables.name.substring(0, $MAXUSER) : variables.name)` +
				`.replace("%", "$PERCENT").replace(",", "$COMMA") + (variables.name.size() > $MAXUSER ? "$CUT" : "")`)},
		{Name: "entries", Expression: `variables.before.split(",")` +
			`.filter(e, e.matches("^[0-9]{1,18}:") && int(e.split(":")[0]) < variables.generation)` +
			` + [string(variables.generation) + ":" + variables.user]`},
		{Name: "stamp", Expression: text.Replace(`variables.changed` +
			` ? variables.entries.slice(variables.entries.size() > $MAX ? variables.entries.size() - $MAX : 0, variables.entries.size()).join(",")` +
			` : variables.before`)},
	}
}
