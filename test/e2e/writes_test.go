// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/baseline"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// ordinary are the writes by which the operator decides and reports. None of them reaches
// an object that a person or a GitOps tool owns, but for annotations and labels of a Namespace.
var ordinary = []string{
	"create events", "patch events",
	"create readinessreports", "delete readinessreports", "patch readinessreports/status",
	"patch environmentpolicies/status", "patch guardrails/status", "patch promotiongates/status",
	"patch validatingadmissionpolicies", "delete validatingadmissionpolicies",
	"patch validatingadmissionpolicybindings", "delete validatingadmissionpolicybindings",
	"patch mutatingadmissionpolicies", "delete mutatingadmissionpolicies",
	"patch mutatingadmissionpolicybindings", "delete mutatingadmissionpolicybindings",
	"create controllerrevisions", "delete controllerrevisions",
	"create pods/eviction",
}

// baselines are the writes of what policies say that namespaces have besides.
var baselines = []string{
	"patch networkpolicies", "delete networkpolicies", "patch poddisruptionbudgets", "delete poddisruptionbudgets",
	"patch resourcequotas", "delete resourcequotas", "patch limitranges", "delete limitranges",
}

// isolations are the writes by which failing pods are cut off, and let go: besides these,
// those of baselines.
var isolations = []string{"create networkpolicies"}

func TestTheOperatorWritesSpecsOnlyToRemediate(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	specs := 0
	for _, write := range w.audit.writes(t) {
		switch kind := write.Verb + " " + resource(write); {
		case slices.Contains(ordinary, kind):
		case kind == "patch namespaces":
			g.Expect(touched(g, write)).To(Or(BeEmpty(), ConsistOf("annotations"), ConsistOf("labels")), write.String())
		case slices.Contains(baselines, kind), slices.Contains(isolations, kind):
			g.Expect(write.ObjectRef.Name).To(HavePrefix("rampart-"), write.String())
		case kind == "patch serviceaccounts":
			g.Expect(write.ObjectRef.Name).To(Equal(baseline.DefaultAccountName), write.String())
		case kind == "delete pods":
			g.Expect(write.ObjectRef.Namespace).To(HavePrefix("case-"), write.String())
		case kind == "patch deployments", kind == "patch statefulsets", kind == "patch daemonsets":
			if write.changesSpec() {
				specs++
				g.Expect(write.ObjectRef.Namespace).To(Or(Equal(target), HavePrefix("case-")), write.String())
			}
		default:
			t.Errorf("an unexpected kind of write: %s", write)
		}
	}
	g.Expect(specs).To(BeNumerically(">=", 2), "the story corrects drift and rolls back")
}

// touched are the parts of an object's metadata that an apply states, besides the name and the
// version that it answers to: none takes back what was stated before. It states nothing else.
func touched(g *WithT, write write) []string {
	var applied struct {
		APIVersion, Kind string
		Metadata         map[string]any
		Spec, Status     map[string]any
	}
	g.Expect(json.Unmarshal(write.RequestObject.Raw, &applied)).To(Succeed())
	g.Expect(applied.Spec).To(BeEmpty())
	g.Expect(applied.Status).To(BeEmpty())
	var parts []string
	for part := range applied.Metadata {
		if part != "name" && part != "resourceVersion" {
			parts = append(parts, part)
		}
	}
	return parts
}

func TestTheOperatorOwnsNoFieldOfAWorkload(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	w.settle(t)
	var deployments appsv1.DeploymentList
	g.Expect(w.admin.List(t.Context(), &deployments)).To(Succeed())
	g.Expect(deployments.Items).NotTo(BeEmpty())
	for _, deployment := range deployments.Items {
		g.Expect(deployment.ManagedFields).NotTo(ContainElement(HaveField("Manager", ContainSubstring("rampart"))), deployment.Name)
	}
}

// Not even a policy that names them, with everything at Enforce, reaches the namespaces of
// the system and the operator's own.
func TestTheOperatorLeavesSystemNamespacesAlone(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	ordinary := w.namespace(t)
	system := []string{metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease, testenv.OperatorAccount.Namespace}
	policy := w.policy(t, ordinary, v1alpha1.EnvironmentPolicySpec{
		Stage:      v1alpha1.Production,
		Guardrails: only("image-pinned", v1alpha1.Enforce),
		NamespaceSelector: metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: append([]string{ordinary}, system...)},
		}},
	})
	violator := func(namespace string) client.Object {
		return testenv.Deployment("violator", namespace, testenv.Image("registry.example/violator:latest"))
	}
	g.Eventually(func() error { return attempt(t.Context(), w.admin, violator(ordinary)) }).
		Should(MatchError(ContainSubstring("image-pinned")), "the policy is in force where it may be")
	g.Expect(policy.Status.Namespaces).To(BeEquivalentTo(1))

	for _, namespace := range system {
		g.Expect(w.admin.Create(t.Context(), violator(namespace))).To(Succeed())
		w.removeLater(t, violator(namespace))
	}
	w.settle(t)
	for _, namespace := range system {
		var reports v1alpha1.ReadinessReportList
		g.Expect(w.admin.List(t.Context(), &reports, client.InNamespace(namespace))).To(Succeed())
		g.Expect(reports.Items).To(BeEmpty())
	}
	for _, write := range w.audit.writes(t) {
		if resource(write) == "events" && write.ObjectRef.Namespace == testenv.OperatorAccount.Namespace {
			continue // It tells there who holds its lease.
		}
		g.Expect(system).NotTo(ContainElement(write.ObjectRef.Namespace), write.String())
		g.Expect(resource(write) == "namespaces" && slices.Contains(system, write.ObjectRef.Name)).To(BeFalse(), write.String())
	}
}
