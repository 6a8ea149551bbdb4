// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/config"
)

func TestEveryShippedGuardrailIsOnThePage(t *testing.T) {
	w := NewWithT(t)
	guardrails, err := shipped(config.Catalogue)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(len(guardrails)).To(BeNumerically(">", 20))
	text := page(guardrails)
	for _, g := range guardrails {
		w.Expect(strings.Count(text, "\n### "+g.Name+"\n")).To(Equal(1), g.Name)
		w.Expect(strings.Count(text, "| [`"+g.Name+"`](#"+g.Name+") | "+cell(g.Spec.Title)+" |")).To(Equal(1), g.Name)
	}
}

func TestPageSaysWhatSetsAGuardrailApart(t *testing.T) {
	text := page([]v1alpha1.Guardrail{
		{
			ObjectMeta: metav1.ObjectMeta{Name: "b"},
			Spec: v1alpha1.GuardrailSpec{
				Title: "This | that", Category: "ReleaseConfiguration", Description: "Asks.", Rationale: "Else.", HowToFix: "Do.",
				Surroundings: []v1alpha1.Surrounding{v1alpha1.SurroundingReferences}, Default: "Object{}", Predicts: v1alpha1.SafeFailure,
				Kinds: []v1alpha1.WorkloadKind{v1alpha1.KindJob, v1alpha1.KindPod},
				Parameters: []v1alpha1.Parameter{
					{Name: "registries", Type: v1alpha1.ParameterStringList, Defaults: []string{"x", "y"}, Description: "Where from."},
					{Name: "others", Type: v1alpha1.ParameterStringList},
					{Name: "most", Type: v1alpha1.ParameterInteger, Default: ptr.To("3")},
					{Name: "team", Type: v1alpha1.ParameterString},
				},
			},
		},
		{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: v1alpha1.GuardrailSpec{
			Category: "Isolation", Severity: v1alpha1.High, Resources: []v1alpha1.ResourceRule{{Kind: "Service"}}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "c", Labels: map[string]string{labelProfile: "baseline"}}, Spec: v1alpha1.GuardrailSpec{
			Category: "ReleaseConfiguration", Severity: v1alpha1.Low}},
	})
	w := NewWithT(t)
	for _, want := range []string{
		"\n## Release configuration\n\n| Name | Asks for | Severity | Profile | Judges |\n|---|---|---|---|---|\n" +
			"| [`b`](#b) | This \\| that | Medium |  | Job, Pod |\n" +
			"| [`c`](#c) |  | Low | baseline | all workloads |\n" +
			"\n### b\n\nAsks.\n\n**Why.** Else.\n\n**How to fix.** Do.\n\nIt reads more",
		"It has a safe default",
		"It predicts a lack of safe failure:",
		"\n| `registries` | StringList | `x`, `y` | Where from. |\n" +
			"| `others` | StringList | none |  |\n" +
			"| `most` | Integer | `3` |  |\n" +
			"| `team` | String | a policy must set it |  |\n",
		"| [`a`](#a) |  | High |  | Service |\n",
	} {
		w.Expect(text).To(ContainSubstring(want))
	}
	w.Expect(strings.Index(text, "## Release")).To(BeNumerically("<", strings.Index(text, "## Isolation")), "the larger category comes first")
}
