// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// systemNamespaces are never judged, whatever a selector says: a refusal there could keep
// the cluster from healing.
var systemNamespaces = []string{metav1.NamespaceSystem, metav1.NamespacePublic, "kube-node-lease"}

// everyWayToPods are the resources by which a pod is made or its containers are changed.
// Ephemeral containers and resizes are subresources, which pods does not include.
var everyWayToPods = []admissionv1.NamedRuleWithOperations{
	onWrites("", "v1", "pods", "pods/ephemeralcontainers", "pods/resize", "replicationcontrollers"),
	onWrites("apps", "v1", "deployments", "statefulsets", "daemonsets", "replicasets"),
	onWrites("batch", "v1", "jobs", "cronjobs"),
}

func onWrites(group, version string, resources ...string) admissionv1.NamedRuleWithOperations {
	return rule([]admissionv1.OperationType{admissionv1.Create, admissionv1.Update}, group, version, resources...)
}

func rule(operations []admissionv1.OperationType, group, version string, resources ...string) admissionv1.NamedRuleWithOperations {
	return admissionv1.NamedRuleWithOperations{RuleWithOperations: admissionv1.RuleWithOperations{
		Operations: operations,
		Rule: admissionv1.Rule{
			APIGroups: []string{group}, APIVersions: []string{version}, Resources: resources,
			Scope: ptr.To(admissionv1.NamespacedScope),
		},
	}}
}

// outsideSystem are requests for some resources anywhere but in the excluded namespaces.
// It stands in the policy, so that no binding can widen it.
func outsideSystem(env Environment, rules []admissionv1.NamedRuleWithOperations) *admissionv1.MatchResources {
	return &admissionv1.MatchResources{
		NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{notExcluded(env)}},
		ObjectSelector:    &metav1.LabelSelector{},
		ResourceRules:     rules,
		MatchPolicy:       ptr.To(admissionv1.Equivalent),
	}
}

// inEnvironment are the environment's namespaces without the excluded ones.
func inEnvironment(env Environment) *admissionv1.MatchResources {
	selector := env.NamespaceSelector.DeepCopy()
	selector.MatchExpressions = append(selector.MatchExpressions, notExcluded(env))
	return &admissionv1.MatchResources{
		NamespaceSelector: selector,
		ObjectSelector:    &metav1.LabelSelector{},
		MatchPolicy:       ptr.To(admissionv1.Equivalent),
	}
}

// notExcluded selects by the name label, which the API server sets and nobody can change.
func notExcluded(env Environment) metav1.LabelSelectorRequirement {
	excluded := slices.Concat(systemNamespaces, env.ExcludedNamespaces)
	slices.Sort(excluded)
	return metav1.LabelSelectorRequirement{
		Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpNotIn, Values: slices.Compact(excluded),
	}
}

// sharedController is the one user of all built-in controllers where the controller
// manager runs without credentials of their own for each.
const sharedController = "system:kube-controller-manager"

// builtInSteps says which built-in controllers make which resource, for an owner that
// admission has judged. Judging the step again would wedge the rollouts and the runs of
// whatever violated a rule before it was enforced.
var builtInSteps = []struct {
	resource    string
	controllers []string
}{
	{"replicasets", []string{"deployment-controller"}},
	{"jobs", []string{"cronjob-controller"}},
	{"pods", []string{"replicaset-controller", "replication-controller", "statefulset-controller", "daemon-set-controller", "job-controller"}},
}

// conditions leave out who is not judged.
func conditions(env Environment) []admissionv1.MatchCondition {
	all := []admissionv1.MatchCondition{{Name: "not-a-step-of-a-built-in-controller", Expression: notBuiltInStep()}}
	if env.OperatorUser != "" {
		all = append(all, admissionv1.MatchCondition{Name: "not-the-operator-but-in-dry-runs", Expression: notOperator(env.OperatorUser)})
	}
	return all
}

func notBuiltInStep() string {
	entries := make([]string, 0, len(builtInSteps))
	for _, step := range builtInSteps {
		users := []string{strconv.Quote(sharedController)}
		for _, controller := range step.controllers {
			users = append(users, strconv.Quote("system:serviceaccount:"+metav1.NamespaceSystem+":"+controller))
		}
		entries = append(entries, fmt.Sprintf("%q: [%s]", step.resource, strings.Join(users, ", ")))
	}
	return fmt.Sprintf("!(request.?subResource.orValue('') == '' &&\n"+
		"  request.userInfo.?username.orValue('') in {\n    %s\n  }[?request.resource.resource].orValue([]))",
		strings.Join(entries, ",\n    "))
}

func notOperator(user string) string {
	return fmt.Sprintf("request.userInfo.?username.orValue('') != %s || request.?dryRun.orValue(false)", strconv.Quote(user))
}
