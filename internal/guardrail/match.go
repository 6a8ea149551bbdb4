// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strconv"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/admission"
)

// everyWayToPods are the resources by which a pod is made or its containers are changed.
// Ephemeral containers and resizes are subresources, which pods does not include. Of a
// ControllerRevision its controller makes pods.
var everyWayToPods = []admissionv1.NamedRuleWithOperations{
	admission.Writes("", "pods", "pods/ephemeralcontainers", "pods/resize", "replicationcontrollers"),
	admission.Writes("apps", "deployments", "statefulsets", "daemonsets", "replicasets"),
	admission.Writes("batch", "jobs", "cronjobs"),
	admission.RevisionsByHand(),
}

// anyVersion matches a resource in whichever version it is requested.
var anyVersion = []string{"*"}

// outsideSystem are requests for some resources where a policy stands, and never in the
// excluded namespaces. It stands in the policy, so that no binding can widen it. A Namespace
// itself is selected by its own labels.
func outsideSystem(env Environment, stands where, rules []admissionv1.NamedRuleWithOperations) *admissionv1.MatchResources {
	return &admissionv1.MatchResources{
		NamespaceSelector: stands.selector(env),
		ObjectSelector:    &metav1.LabelSelector{},
		ResourceRules:     rules,
		MatchPolicy:       ptr.To(admissionv1.Equivalent),
	}
}

// inEnvironment are the environment's namespaces. The excluded ones are left out by the
// policy: the API server parses the selectors of both anew for each request, which costs
// more than to match them.
func inEnvironment(env Environment) *admissionv1.MatchResources {
	return &admissionv1.MatchResources{
		NamespaceSelector: env.NamespaceSelector.DeepCopy(),
		ObjectSelector:    &metav1.LabelSelector{},
		MatchPolicy:       ptr.To(admissionv1.Equivalent),
	}
}

// notTheOperator leaves out what the operator itself writes: it must be able to mend. In
// dry-runs it is judged, so that it can ask.
func notTheOperator(env Environment) []admissionv1.MatchCondition {
	if env.OperatorUser == "" {
		return nil
	}
	return []admissionv1.MatchCondition{{
		Name:       "not-the-operator-but-in-dry-runs",
		Expression: fmt.Sprintf("%s != %s || request.?dryRun.orValue(false)", admission.Username, strconv.Quote(env.OperatorUser)),
	}}
}
