// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
	"github.com/rampart-dev/rampart/internal/drift"
)

// QuarantineName is the name of a namespace's quarantine policy and of its binding.
func QuarantineName(namespace string) string { return "rampart-quarantine-" + namespace }

// Quarantined is a revision that a workload must not get again.
type Quarantined struct {
	// Kind of the workload: Deployment, StatefulSet or DaemonSet.
	Kind v1alpha1.WorkloadKind
	// Name of the workload.
	Name string
	// Revision that was rolled back, as the ReadinessReport keeps it.
	Revision v1alpha1.QuarantinedRevision
}

// quarantinable are the kinds whose revisions can be refused, and where the API server keeps them.
var quarantinable = map[v1alpha1.WorkloadKind]string{
	v1alpha1.KindDeployment:  "deployments",
	v1alpha1.KindStatefulSet: "statefulsets",
	v1alpha1.KindDaemonSet:   "daemonsets",
}

// noise are fields of a pod template that do not make it another one.
var noise = []string{
	"metadata.annotations[kubectl.kubernetes.io/restartedAt]",
	"metadata.labels.pod-template-hash",
	"metadata.creationTimestamp",
}

// QuarantinePolicy is the native admission policy of a namespace, and its binding, that keeps
// failed revisions from coming back; nil when there is nothing to refuse. Each namespace has
// its own, so that one rollback more costs the same however many there were elsewhere.
//
// A request is refused when it brings a failed change again, and nothing else: all
// changed fields have the values that failed, they did not all have them before, and the
// rest of the pod template stays as it is. Whoever changes anything else of the template
// with it (a fix of the configuration with the same image) passes, and so do scaling,
// status, and every other workload. When the workload is created, there is nothing to
// compare with, and a change of images alone is then not refused.
//
// The policy fails open (failurePolicy Ignore): to let a failed revision in once more is
// answered by another rollback, to refuse a fix by mistake is answered by nobody. An entry
// that cannot be read is an error, and the others are still rendered.
func QuarantinePolicy(namespace string, entries []Quarantined) (*admissionv1.ValidatingAdmissionPolicy, *admissionv1.ValidatingAdmissionPolicyBinding, error) {
	var validations []admissionv1.Validation
	var unreadable []string
	resources := map[string]bool{}
	for _, entry := range sorted(entries) {
		expression, err := refusal(entry)
		if err != nil {
			unreadable = append(unreadable, fmt.Sprintf("%s %s/%s: %v", entry.Kind, namespace, entry.Name, err))
			continue
		}
		resources[quarantinable[entry.Kind]] = true
		validations = append(validations, admissionv1.Validation{
			Expression: expression, Message: explain(entry), Reason: ptr.To(metav1.StatusReasonForbidden),
		})
	}
	var err error
	if len(unreadable) > 0 {
		err = fmt.Errorf("revisions that cannot be refused: %s", strings.Join(unreadable, "; "))
	}
	if len(validations) == 0 {
		return nil, nil, err
	}
	policy, binding := quarantineObjects(namespace, slices.Sorted(maps.Keys(resources)))
	policy.Spec.Validations = validations
	return policy, binding, err
}

func quarantineObjects(namespace string, resources []string) (*admissionv1.ValidatingAdmissionPolicy, *admissionv1.ValidatingAdmissionPolicyBinding) {
	apiVersion := admissionv1.SchemeGroupVersion.String()
	meta := metav1.ObjectMeta{Name: QuarantineName(namespace), Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}}
	inNamespace := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
		Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpIn, Values: []string{namespace},
	}}}
	policy := &admissionv1.ValidatingAdmissionPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: apiVersion, Kind: "ValidatingAdmissionPolicy"},
		ObjectMeta: *meta.DeepCopy(),
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: ptr.To(admissionv1.Ignore),
			MatchConstraints: &admissionv1.MatchResources{
				MatchPolicy:       ptr.To(admissionv1.Equivalent),
				NamespaceSelector: &metav1.LabelSelector{},
				ObjectSelector:    &metav1.LabelSelector{},
				ResourceRules:     []admissionv1.NamedRuleWithOperations{admission.Writes("apps", resources...)},
			},
			Variables: []admissionv1.Variable{
				{Name: "created", Expression: `request.operation == "CREATE"`},
				{Name: "name", Expression: `object.metadata.?name.orValue("")`},
				{Name: "template", Expression: `dyn(object.?spec.?template.orValue({}))`},
				{Name: "before", Expression: `variables.created ? dyn({}) : dyn(oldObject.?spec.?template.orValue({}))`},
			},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: apiVersion, Kind: "ValidatingAdmissionPolicyBinding"},
		ObjectMeta: meta,
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        meta.Name,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{
				MatchPolicy:       ptr.To(admissionv1.Equivalent),
				NamespaceSelector: inNamespace,
				ObjectSelector:    &metav1.LabelSelector{},
			},
		},
	}
	return policy, binding
}

// refusal is the CEL that is false for a request that brings the failed change again.
func refusal(entry Quarantined) (string, error) {
	if quarantinable[entry.Kind] == "" {
		return "", fmt.Errorf("this kind is not rolled back")
	}
	changes := entry.Revision.Changes
	if len(changes) == 0 {
		return "", fmt.Errorf("no changes are known")
	}
	rest := &branch{}
	for _, text := range noise {
		path, err := drift.ParsePath(text)
		if err != nil {
			return "", err
		}
		rest.leaveOut(path)
	}
	var failed, had []string
	imagesOnly := true
	for _, change := range changes {
		path, value, err := parse(change)
		if err != nil {
			return "", err
		}
		rest.leaveOut(path)
		imagesOnly = imagesOnly && path[len(path)-1].Field == "image"
		failed = append(failed, condition("variables.template", path, value))
		had = append(had, condition("variables.before", path, value))
	}
	again := fmt.Sprintf("!(%s) && %s", strings.Join(had, " && "), rest.sameBut("variables.template", "variables.before", 0))
	return fmt.Sprintf("!(request.kind.kind == %s && variables.name == %s && %s && (variables.created ? %t : (%s)))",
		strconv.Quote(string(entry.Kind)), strconv.Quote(entry.Name),
		strings.Join(failed, " && "), !imagesOnly, again), nil
}

// condition is CEL that is true when a template has a change.
func condition(template string, path drift.Path, value any) string {
	text := brings(template, path, value, 0)
	if value == nil {
		return "!" + text
	}
	return text
}

func parse(change v1alpha1.TemplateChange) (drift.Path, any, error) {
	path, err := drift.ParsePath(change.Path)
	if err != nil {
		return nil, nil, err
	}
	if len(path) == 0 {
		return nil, nil, fmt.Errorf("a change has no path")
	}
	if change.Value == "" {
		return path, nil, nil
	}
	var value any
	if err := utiljson.Unmarshal([]byte(change.Value), &value); err != nil {
		return nil, nil, fmt.Errorf("value of %s: %w", change.Path, err)
	}
	return path, value, nil
}

// explain tells who is refused what failed, when and why, and what to do.
func explain(entry Quarantined) string {
	var paths []string
	for i, change := range entry.Revision.Changes {
		if i == 3 {
			paths = append(paths, fmt.Sprintf("%d more", len(entry.Revision.Changes)-i))
			break
		}
		paths = append(paths, change.Path)
	}
	text := fmt.Sprintf("revision %.12s of %s %s was rolled back at %s (%s), and this change brings it again: change %s, or what else it needs, and apply it then",
		entry.Revision.Hash, strings.ToLower(string(entry.Kind)), entry.Name,
		entry.Revision.Time.UTC().Format("2006-01-02 15:04:05 UTC"), entry.Revision.Reason, strings.Join(paths, ", "))
	return strings.Join(strings.Fields(text), " ")
}

// sorted keeps the rendered policy the same for the same entries.
func sorted(entries []Quarantined) []Quarantined {
	key := func(q Quarantined) string {
		return strings.Join([]string{string(q.Kind), q.Name, q.Revision.Hash}, "/")
	}
	return slices.SortedStableFunc(slices.Values(entries), func(a, b Quarantined) int { return strings.Compare(key(a), key(b)) })
}
