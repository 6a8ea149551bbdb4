// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance_test

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
)

func TestASummaryNamesTheGravestFinding(t *testing.T) {
	failed, _ := compliance.Judge(nil, fails(), arrival)
	leftOut := says()
	leftOut.Excluded = "the mesh needs it"
	excluded, _ := compliance.Judge(nil, leftOut, arrival)
	clean := verdicts(v1alpha1.Enforce)
	for _, test := range []struct {
		name     string
		verdicts []v1alpha1.GuardrailVerdict
		want     string
	}{
		{"an object that complies", clean, "complies with all that judges it: 1 guardrail"},
		{"the gravest first", slices.Concat(verdicts(v1alpha1.Observe, found("a")...), verdicts(v1alpha1.Warn, found("b", "c")...), clean), "3 findings, first [rule, Warn] about b"},
		{"unknown is not clean", []v1alpha1.GuardrailVerdict{failed}, "1 guardrail could not judge it, so it is not known to comply: no such key: spec; nothing was found"},
		{"unknown and violating", append(verdicts(v1alpha1.Warn, found("a")...), failed), "1 guardrail could not judge it, so it is not known to comply: no such key: spec; 1 finding, first [rule, Warn] about a"},
		{"excluded from one", []v1alpha1.GuardrailVerdict{excluded, clean[0], clean[0]}, "complies with all that judges it: 2 guardrails"},
		{"excluded from all", []v1alpha1.GuardrailVerdict{excluded}, "it is excluded from every guardrail that would judge it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			NewWithT(t).Expect(compliance.Summary(test.verdicts)).To(Equal(test.want))
		})
	}
}
