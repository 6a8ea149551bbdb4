// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
)

// reported is a report of an object with that many revisions.
func reported(revisions int64) *v1alpha1.ReadinessReportStatus {
	status := &v1alpha1.ReadinessReportStatus{Revision: v1alpha1.Revision{Number: revisions}}
	for n := revisions; n > 0; n-- {
		status.Outcomes = append(status.Outcomes, v1alpha1.RevisionOutcome{Number: n})
	}
	return status
}

// begin adds a revision to a report.
func begin(status *v1alpha1.ReadinessReportStatus) compliance.Look {
	status.Revision.Number++
	status.Outcomes = append([]v1alpha1.RevisionOutcome{{Number: status.Revision.Number}}, status.Outcomes...)
	return revision(status.Revision.Number)
}

func named(name string, findings ...string) compliance.Judgement {
	j := says(findings...)
	j.Guardrail = name
	return j
}

func TestAReportSaysWhatARevisionBringsAnewByGuardrail(t *testing.T) {
	g := NewWithT(t)
	status := reported(1)
	compliance.Record(status, []compliance.Judgement{named("one", "a", "b"), named("two")}, arrival)
	g.Expect(status.Outcomes[0].NewFindings).To(ConsistOf("one"))
	g.Expect(status.Findings).To(BeEquivalentTo(2))

	look := begin(status)
	compliance.Record(status, []compliance.Judgement{named("one", "a", "b"), named("two", "c")}, look)
	g.Expect(status.Outcomes[0].NewFindings).To(ConsistOf("two"))
	g.Expect(status.Findings).To(BeEquivalentTo(3))

	compliance.Record(status, []compliance.Judgement{named("two", "c")}, again(2, compliance.Unchanged))
	g.Expect(status.Guardrails).To(ConsistOf(HaveField("Name", "two")), "a guardrail that left has no verdict")
	g.Expect(status.Outcomes[0].NewFindings).To(ConsistOf("two"))
	g.Expect(status.Findings).To(BeEquivalentTo(1))

	compliance.Record(status, nil, again(2, compliance.Unchanged))
	g.Expect(status.Guardrails).To(BeNil())
}

func TestARevisionThatCouldNotBeJudgedIsNoTrialUntilItIs(t *testing.T) {
	for _, test := range []struct {
		name     string
		findings []string
		brings   []string
	}{
		{"and then complies", []string{"a"}, nil},
		{"and then brings a finding", []string{"a", "b"}, []string{"rule"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			status := reported(1)
			compliance.Record(status, []compliance.Judgement{says("a")}, arrival)
			look := begin(status)
			compliance.Record(status, []compliance.Judgement{fails()}, look)
			g.Expect(status.Outcomes[0].Unjudged).To(ConsistOf("rule"))
			g.Expect(status.Outcomes[0].NewFindings).To(BeEmpty())

			compliance.Record(status, []compliance.Judgement{fails()}, again(2, compliance.Unknown))
			g.Expect(status.Outcomes[0].Unjudged).To(ConsistOf("rule"))

			compliance.Record(status, []compliance.Judgement{says(test.findings...)}, again(2, compliance.Unknown))
			g.Expect(status.Outcomes[0].Unjudged).To(BeEmpty())
			if test.brings == nil {
				g.Expect(status.Outcomes[0].NewFindings).To(BeEmpty())
			} else {
				g.Expect(status.Outcomes[0].NewFindings).To(ConsistOf(test.brings))
			}
		})
	}
}

func TestAFailureOnARevisionThatWasJudgedTakesNothingBack(t *testing.T) {
	g := NewWithT(t)
	status := reported(1)
	compliance.Record(status, []compliance.Judgement{says("a")}, arrival)
	compliance.Record(status, []compliance.Judgement{fails()}, again(1, compliance.Unchanged))
	g.Expect(status.Outcomes[0].Unjudged).To(BeEmpty())
	g.Expect(status.Outcomes[0].NewFindings).To(ConsistOf("rule"))
}

func TestWhatDidNotChangeKeepsItsVerdictAtTheLevelOfNow(t *testing.T) {
	g := NewWithT(t)
	status := reported(1)
	compliance.Record(status, []compliance.Judgement{says("a")}, arrival)
	before := status.DeepCopy()

	held := compliance.Judgement{Guardrail: "rule", Rule: "v1", Level: v1alpha1.Enforce, Unchanged: true}
	g.Expect(compliance.Holds(status, "rule", "v1")).To(BeTrue())
	compliance.Record(status, []compliance.Judgement{held}, again(1, compliance.Unchanged))
	before.Guardrails[0].Level = v1alpha1.Enforce
	g.Expect(status).To(Equal(before))

	g.Expect(compliance.Holds(status, "rule", "v2")).To(BeFalse(), "another rule must judge again")
	held.Rule = "v2"
	compliance.Record(status, []compliance.Judgement{held}, again(1, compliance.Unchanged))
	g.Expect(status.Guardrails[0].Error).NotTo(BeEmpty(), "what is not known is never clean")
	g.Expect(compliance.Holds(status, "rule", "v2")).To(BeFalse())
}

func TestTheTrialsOfADeletedObjectStay(t *testing.T) {
	g := NewWithT(t)
	status := reported(1)
	compliance.Record(status, []compliance.Judgement{says("a")}, arrival)
	compliance.Depart(status)
	g.Expect(status.Findings).To(BeZero())
	g.Expect(status.Guardrails).To(ConsistOf(And(
		HaveField("Rule", "v1"), HaveField("FirstRevision", BeEquivalentTo(1)), HaveField("Findings", BeEmpty()), HaveField("Keys", BeEmpty()))))

	compliance.Record(status, []compliance.Judgement{says("a")}, again(2, compliance.Created))
	g.Expect(status.Guardrails).To(ConsistOf(HaveField("Total", BeEquivalentTo(1))))
}
