// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package admission holds what all native admission policies of the operator have in
// common: what they match, whom they never judge, and where they never stand. What they
// say is rendered by the packages that know about it.
package admission

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// SystemNamespaces are never judged, whatever a selector says: a refusal there could
// keep the cluster from healing.
var SystemNamespaces = []string{metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease}

// Username is CEL for who makes the request. Of a request, whatever is empty is left
// out: a plain select of it would be an error, and deny where errors do.
const Username = "request.userInfo.?username.orValue('')"

// mainResource is CEL that is true when the request is for no subresource.
const mainResource = "request.?subResource.orValue('') == ''"

// sharedController is the one user of all built-in controllers where the controller
// manager runs without a service account for each.
const sharedController = "system:kube-controller-manager"

// builtInSteps says which built-in controllers make which resource, for an owner that
// admission has judged already. To judge the step too would wedge the rollout of an old
// violator, or keep its CronJob from running.
var builtInSteps = []struct {
	resource    string
	controllers []string
}{
	{"replicasets", []string{"deployment-controller"}},
	{"jobs", []string{"cronjob-controller"}},
	{"controllerrevisions", []string{"statefulset-controller", "daemon-set-controller"}},
	{"pods", []string{"replicaset-controller", "replication-controller", "statefulset-controller", "daemon-set-controller", "job-controller"}},
}

// NotBuiltInStep is the match condition that leaves out what a built-in controller makes
// for its owner. Users are named one by one: what anybody else makes is judged, and is asked
// for its name only.
func NotBuiltInStep() admissionv1.MatchCondition {
	var everybody []string
	entries := make([]string, 0, len(builtInSteps))
	for _, step := range builtInSteps {
		everybody = append(everybody, step.controllers...)
		entries = append(entries, fmt.Sprintf("%q: [%s]", step.resource, usersOf(step.controllers)))
	}
	slices.Sort(everybody)
	return admissionv1.MatchCondition{
		Name: "not-a-step-of-a-built-in-controller",
		Expression: fmt.Sprintf("!(%s in [%s] && %s &&\n  %s in {\n    %s\n  }[?request.resource.resource].orValue([]))",
			Username, usersOf(slices.Compact(everybody)), mainResource, Username, strings.Join(entries, ",\n    ")),
	}
}

// RevisionTemplate is CEL for the pod template that a ControllerRevision holds, empty
// where it holds none. Its controller makes pods of what stands there, so whoever writes
// one by hand brings a template that no StatefulSet or DaemonSet ever showed. Controllers
// of custom resources keep what they like in theirs.
func RevisionTemplate(object string) string {
	return object + ".?data.?spec.?template.orValue({})"
}

// HoldsPodTemplate is the match condition that leaves out ControllerRevisions in which
// somebody else's controller keeps something else.
func HoldsPodTemplate() admissionv1.MatchCondition {
	return admissionv1.MatchCondition{
		Name: "holds-a-pod-template",
		Expression: "request.resource.resource != 'controllerrevisions' ||\n  " +
			below(below(below("[object.?data.orValue(0)]", "spec"), "template"), "spec") +
			".exists(s, type(s) == map && type(s.?containers.orValue(0)) == list)",
	}
}

// below is CEL for the values of a field in those of a list that have fields at all: a
// select of anything else is an error, and denies where errors do.
func below(values, field string) string {
	return values + ".filter(v, type(v) == map).map(v, v.?" + field + ".orValue(0))"
}

// RevisionsByHand matches the creation of ControllerRevisions. What one holds cannot be
// changed later.
func RevisionsByHand() admissionv1.NamedRuleWithOperations {
	return Rule([]admissionv1.OperationType{admissionv1.Create}, "apps", "controllerrevisions")
}

// builtInUpkeep says which built-in controllers write which objects of their own accord:
// people have no part in what these say. A namespace in which they could not be written
// would run no pod, or reach none. What a controller makes of something that a person wrote,
// such as the claims of a StatefulSet, is not here.
var builtInUpkeep = []struct {
	resource    string
	controllers []string
}{
	{"serviceaccounts", []string{"service-account-controller"}},
	{"configmaps", []string{"root-ca-cert-publisher"}},
	{"endpoints", []string{"endpoint-controller"}},
	{"endpointslices", []string{"endpointslice-controller"}},
}

// garbageCollector only takes owners and finalizers from objects, so that they can go.
const garbageCollector = "generic-garbage-collector"

// NotBuiltInUpkeep is the match condition that leaves out what built-in controllers write
// of their own accord, in rules over objects that are no workloads.
func NotBuiltInUpkeep() admissionv1.MatchCondition {
	entries := make([]string, 0, len(builtInUpkeep))
	for _, upkeep := range builtInUpkeep {
		entries = append(entries, fmt.Sprintf("%q: [%s]", upkeep.resource, usersOf(upkeep.controllers)))
	}
	return admissionv1.MatchCondition{
		Name: "not-the-upkeep-of-a-built-in-controller",
		Expression: fmt.Sprintf("!(%s in {\n    %s\n  }[?request.resource.resource].orValue([]) ||\n"+
			"  request.operation == 'UPDATE' && %s in [%s])",
			Username, strings.Join(entries, ",\n    "), Username, usersOf([]string{garbageCollector})),
	}
}

// usersOf are built-in controllers as CEL strings, by each name that they may have.
func usersOf(controllers []string) string {
	users := []string{strconv.Quote(sharedController)}
	for _, controller := range controllers {
		users = append(users, strconv.Quote("system:serviceaccount:"+metav1.NamespaceSystem+":"+controller))
	}
	return strings.Join(users, ", ")
}

// Writes matches the creation and change of namespaced resources of a group's v1.
func Writes(group string, resources ...string) admissionv1.NamedRuleWithOperations {
	return Rule([]admissionv1.OperationType{admissionv1.Create, admissionv1.Update}, group, resources...)
}

// Rule matches operations on namespaced resources of a group's v1.
func Rule(operations []admissionv1.OperationType, group string, resources ...string) admissionv1.NamedRuleWithOperations {
	return admissionv1.NamedRuleWithOperations{RuleWithOperations: admissionv1.RuleWithOperations{
		Operations: operations,
		Rule: admissionv1.Rule{
			APIGroups: []string{group}, APIVersions: []string{"v1"}, Resources: resources,
			Scope: ptr.To(admissionv1.NamespacedScope),
		},
	}}
}

// OutsideSystem is the requirement that a namespace is none of the system's, nor of those
// that are excluded besides. It selects by the name label, which the API server sets and
// nobody can change.
func OutsideSystem(excluded []string) metav1.LabelSelectorRequirement {
	never := slices.Concat(SystemNamespaces, excluded)
	slices.Sort(never)
	return metav1.LabelSelectorRequirement{
		Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: slices.Compact(never),
	}
}

// TypeMeta is that of a kind of the API group of native admission policies.
func TypeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: kind}
}
