// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
)

// verdicts are those of one rule at a level.
func verdicts(level v1alpha1.Level, findings ...v1alpha1.Finding) []v1alpha1.GuardrailVerdict {
	j := saysAll(findings)
	j.Level = level
	verdict, _ := compliance.Judge(nil, j, arrival)
	return []v1alpha1.GuardrailVerdict{verdict}
}

func TestAFindingIsAnnouncedOnceAndWithWhatFollows(t *testing.T) {
	for _, test := range []struct {
		name        string
		was, is     []v1alpha1.GuardrailVerdict
		enforceNext bool
		want        string
	}{
		{"nothing at Observe", nil, verdicts(v1alpha1.Observe, found("a")...), false, ""},
		{"nothing without a finding", nil, verdicts(v1alpha1.Warn), false, ""},
		{"a new finding, with its level", nil, verdicts(v1alpha1.Warn, found("a")...), false, "[rule] about a (Warn)"},
		{"that Enforce is next", nil, verdicts(v1alpha1.Warn, found("a")...), true, "[rule] about a (Warn; Enforce is next)"},
		{"not that Enforce is next where it stands", nil, verdicts(v1alpha1.Enforce, found("a")...), true, "[rule] about a (Enforce)"},
		{"not what was told before", verdicts(v1alpha1.Warn, found("a")...), verdicts(v1alpha1.Enforce, found("a", "b")...), false, "[rule] about b (Enforce)"},
		{"nothing again", verdicts(v1alpha1.Warn, found("a")...), verdicts(v1alpha1.Warn, found("a")...), true, ""},
		{"all of a guardrail that has left Observe", verdicts(v1alpha1.Observe, found("a")...), verdicts(v1alpha1.Warn, found("a")...), false, "[rule] about a (Warn)"},
		{
			"how many more there are", nil, verdicts(v1alpha1.Warn, many(11)...), false,
			"[rule] about key-0000 (Warn); [rule] about key-0001 (Warn); [rule] about key-0002 (Warn); [rule] about key-0003 (Warn); " +
				"[rule] about key-0004 (Warn); [rule] about key-0005 (Warn); [rule] about key-0006 (Warn); [rule] about key-0007 (Warn); " +
				"[rule] about key-0008 (Warn); [rule] about key-0009 (Warn); +1 more",
		},
		{"not what was there but not listed", verdicts(v1alpha1.Warn, many(12)...), verdicts(v1alpha1.Warn, many(12)[4:]...), false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := compliance.Announce(test.was, test.is, func(string) bool { return test.enforceNext })
			NewWithT(t).Expect(text).To(Equal(test.want))
		})
	}
}

func TestAnAnnouncementFitsIntoAnEvent(t *testing.T) {
	g := NewWithT(t)
	var is []v1alpha1.GuardrailVerdict
	for range 200 {
		findings := many(12)
		for i := range findings {
			findings[i].Text = strings.Repeat("é", 75)
		}
		is = append(is, verdicts(v1alpha1.Warn, findings...)...)
	}
	text := compliance.Announce(nil, is, func(string) bool { return true })
	g.Expect(len(text)).To(BeNumerically("<=", 1024))
	g.Expect(text).To(HaveSuffix("; +2395 more"))
}

func TestAFailureInBetweenAnnouncesNothingTwice(t *testing.T) {
	g := NewWithT(t)
	known, _ := compliance.Judge(nil, says("a"), arrival)
	failed, _ := compliance.Judge(&known, fails(), again(1, compliance.Unchanged))
	recovered, _ := compliance.Judge(&failed, says("a"), again(1, compliance.Unchanged))
	none := func(string) bool { return false }
	g.Expect(compliance.Announce([]v1alpha1.GuardrailVerdict{known}, []v1alpha1.GuardrailVerdict{failed}, none)).To(BeEmpty())
	g.Expect(compliance.Announce([]v1alpha1.GuardrailVerdict{failed}, []v1alpha1.GuardrailVerdict{recovered}, none)).To(BeEmpty())
}
