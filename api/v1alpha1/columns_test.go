// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"context"
	"regexp"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// What an on-call person sees first.
func TestKubectlGetAnswersAtAGlance(t *testing.T) {
	meta := metav1.ObjectMeta{Name: "columns", Namespace: "default"}
	healthy := []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReconciled, Message: "all is well", LastTransitionTime: metav1.Now(),
	}}
	for _, test := range []struct {
		resource string
		object   client.Object
		// header and row are the columns that kubectl prints, apart by blanks.
		header, row string
		// wide is what more of the row -o wide shows.
		wide string
	}{
		{
			"envpol",
			&v1alpha1.EnvironmentPolicy{
				ObjectMeta: metav1.ObjectMeta{Name: meta.Name},
				Spec: v1alpha1.EnvironmentPolicySpec{
					Stage: v1alpha1.Production, NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
				},
				Status: v1alpha1.EnvironmentPolicyStatus{
					Namespaces: 2, Workloads: 7, Levels: "1 Observe, 3 Enforce", Findings: 5, Drifted: 1, Unhealthy: 3,
					Remediation: &v1alpha1.RemediationState{Changing: 1, HeldBack: 2},
					Conditions: append([]metav1.Condition{{
						Type: v1alpha1.ConditionRemediating, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonBreakerOpen, Message: "too much fails", LastTransitionTime: metav1.Now(),
					}}, healthy...),
				},
			},
			"NAME STAGE NAMESPACES WORKLOADS GUARDRAILS FINDINGS DRIFT REMEDIATION READY AGE",
			"columns Production 2 7 1 Observe, 3 Enforce 5 1 BreakerOpen True", "3 1 2 all is well",
		},
		{
			"gate",
			&v1alpha1.PromotionGate{
				ObjectMeta: meta,
				Spec:       v1alpha1.PromotionGateSpec{Source: v1alpha1.GateSource{Namespace: "shop-staging", Cluster: "staging"}},
				Status: v1alpha1.PromotionGateStatus{
					From: "staging/shop-staging", State: v1alpha1.GatePending, Open: "3/5", Score: "86%/90%", Level: v1alpha1.Warn, WaitingFor: "shop: 4 more clean trials", Conditions: healthy,
				},
			},
			"NAME FROM STATE OPEN SCORE LEVEL WAITING FOR AGE",
			"columns staging/shop-staging Pending 3/5 86%/90% Warn shop: 4 more clean trials", "True",
		},
		{
			"gr",
			&v1alpha1.Guardrail{
				ObjectMeta: metav1.ObjectMeta{Name: meta.Name},
				Spec:       v1alpha1.GuardrailSpec{Title: "Images are pinned", Category: "Resources", Severity: v1alpha1.High, Findings: "[]"},
				Status:     v1alpha1.GuardrailStatus{Conditions: healthy},
			},
			"NAME TITLE CATEGORY SEVERITY READY AGE",
			"columns Images are pinned Resources High True", "all is well",
		},
		{
			"ready",
			&v1alpha1.ReadinessReport{
				ObjectMeta: meta,
				Status: v1alpha1.ReadinessReportStatus{
					State: v1alpha1.ReportCollecting, Message: "4 more clean trials needed", Findings: 2,
					Drift: &v1alpha1.Drift{Leaves: 1}, Evidence: v1alpha1.Evidence{Counted: 9},
					Qualities: []v1alpha1.QualityScore{
						{Quality: v1alpha1.Predictability, Text: "86%", Score: ptr.To[int32](86)},
						{Quality: v1alpha1.Recoverability, Text: "no data"},
						{Quality: v1alpha1.SafeFailure, Text: "n/a"},
					},
				},
			},
			"NAME STATE PREDICTABILITY RECOVERABILITY SAFEFAILURE TRIALS FINDINGS DRIFT AGE",
			"columns Collecting 86% no data n/a 9 2 1", "4 more clean trials needed",
		},
	} {
		t.Run(test.resource, func(t *testing.T) {
			g := NewWithT(t)
			created := test.object.DeepCopyObject().(client.Object)
			g.Expect(admin.Create(t.Context(), created)).To(Succeed())
			t.Cleanup(func() { g.Expect(admin.Delete(context.Background(), created)).To(Succeed()) })
			test.object.SetResourceVersion(created.GetResourceVersion())
			g.Expect(admin.Status().Update(t.Context(), test.object)).To(Succeed())

			output, err := cluster.RunKubectl(t.Context(), "get", test.resource, meta.Name, "-n", "default")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(single(output)).To(HavePrefix(test.header + " " + test.row + " "))
			output, err = cluster.RunKubectl(t.Context(), "get", test.resource, meta.Name, "-n", "default", "-o", "wide")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(single(output)).To(ContainSubstring(test.wide))
		})
	}
}

// single puts one blank where there are several, or the end of a line.
func single(output string) string { return regexp.MustCompile(`\s+`).ReplaceAllString(output, " ") }
