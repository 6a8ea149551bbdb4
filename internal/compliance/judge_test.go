// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
)

// found are findings with the given keys.
func found(keys ...string) []v1alpha1.Finding {
	findings := make([]v1alpha1.Finding, 0, len(keys))
	for _, key := range keys {
		findings = append(findings, v1alpha1.Finding{Key: key, Text: "about " + key})
	}
	return findings
}

// many findings, each with its own key.
func many(n int) []v1alpha1.Finding {
	keys := make([]string, 0, n)
	for i := range n {
		keys = append(keys, fmt.Sprintf("key-%04d", i))
	}
	return found(keys...)
}

func says(findings ...string) compliance.Judgement {
	return compliance.Judgement{Guardrail: "rule", Rule: "v1", Level: v1alpha1.Warn, Findings: found(findings...), Arrived: true}
}

func saysAll(findings []v1alpha1.Finding) compliance.Judgement {
	j := says()
	j.Findings = findings
	return j
}

// adopted is what a rule says of an object that was there before it.
func adopted(findings ...string) compliance.Judgement {
	j := says(findings...)
	j.Arrived = false
	return j
}

func fails() compliance.Judgement {
	j := says()
	j.Err = errors.New("no such key: spec")
	return j
}

func rewritten(findings ...string) compliance.Judgement {
	j := says(findings...)
	j.Rule = "v2"
	return j
}

// arrival is the first revision of an object that came while the rule stood.
var arrival = compliance.Look{Revision: 1, Change: compliance.Created}

func revision(n int64) compliance.Look {
	return compliance.Look{Revision: n, Change: compliance.Revised}
}

func again(n int64, change compliance.Change) compliance.Look {
	return compliance.Look{Revision: n, Change: change}
}

type step struct {
	judgement compliance.Judgement
	look      compliance.Look
	// anew is whether the look brings a finding that Enforce would have refused.
	anew bool
}

func TestOnlyWhatWasNotThereBeforeIsNew(t *testing.T) {
	for name, steps := range map[string][]step{
		"an object that comes with a finding brings it": {
			{says("a"), arrival, true},
		},
		"an object that was there before the rule brings nothing, and neither does its next revision": {
			{adopted("a"), again(4, compliance.Unknown), false},
			{says("a"), revision(5), false},
			{says("a", "b"), revision(6), true},
		},
		"a finding that stays is not new": {
			{says("a"), arrival, true},
			{says("a"), revision(2), false},
		},
		"one finding for another is new, although their number is the same": {
			{says("a"), arrival, true},
			{says("b"), revision(2), true},
		},
		"a finding that is not listed is told from those that are": {
			{saysAll(many(40)), arrival, true},
			{saysAll(many(40)), revision(2), false},
			{saysAll(append(many(39), found("zzz")...)), revision(3), true},
		},
		"a finding that goes and comes back is new again": {
			{says("a"), arrival, true},
			{says(), revision(2), false},
			{says("a"), revision(3), true},
		},
		"more findings than a report tells apart are compared by their number": {
			{saysAll(many(600)), arrival, true},
			{saysAll(many(600)), revision(2), false},
			{saysAll(many(601)), revision(3), true},
			{saysAll(many(5)), revision(4), false},
		},
		"what comes without a new revision is no trial": {
			{says(), arrival, false},
			{says("a"), again(1, compliance.Edited), false},
			{says("a"), revision(2), false},
		},
		"a rule that is rewritten judges from the next revision on": {
			{says("a"), arrival, true},
			{rewritten("b"), revision(2), false},
			{rewritten("b"), revision(3), false},
			{rewritten("b", "c"), revision(4), true},
		},
		"a failure in between makes no old finding new": {
			{says("a"), arrival, true},
			{fails(), again(1, compliance.Unchanged), false},
			{says("a"), revision(2), false},
			{fails(), revision(3), false},
			{says("a", "b"), revision(4), true},
		},
		"a failure in between makes no finding new where not even their number is known": {
			{saysAll(many(600)), arrival, true},
			{fails(), again(1, compliance.Unchanged), false},
			{saysAll(many(600)), revision(2), false},
		},
		"an object that is made again under the same name is forgiven nothing": {
			{says("a"), arrival, true},
			{says("a"), again(2, compliance.Created), true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var previous *v1alpha1.GuardrailVerdict
			for i, s := range steps {
				verdict, anew := compliance.Judge(previous, s.judgement, s.look)
				NewWithT(t).Expect(anew).To(Equal(s.anew), "step %d", i+1)
				previous = &verdict
			}
		})
	}
}

func TestAVerdictRemembersSinceWhenAndWhatBecameOfItsFindings(t *testing.T) {
	for name, test := range map[string]struct {
		steps          []step
		since          map[string]int64
		fixed, flapped int32
	}{
		"since the revision that brought it": {
			steps: []step{{says("a"), arrival, true}, {says("a", "b"), revision(2), true}, {says("a", "b"), revision(3), false}},
			since: map[string]int64{"a": 1, "b": 2},
		},
		"since nobody knows when, once it was not listed": {
			steps: []step{{saysAll(many(12)), arrival, true}, {saysAll(many(12)[3:]), revision(2), false}},
			since: map[string]int64{
				"key-0003": 1, "key-0004": 1, "key-0005": 1, "key-0006": 1, "key-0007": 1, "key-0008": 1, "key-0009": 1,
				"key-0010": 0, "key-0011": 0,
			},
			fixed: 3,
		},
		"fixed with a later revision": {
			steps: []step{{says("a", "b"), arrival, true}, {says("b"), revision(2), false}, {says(), revision(3), false}},
			fixed: 2,
		},
		"fixed by an edit, such as more replicas": {
			steps: []step{{says("a"), arrival, true}, {says(), again(1, compliance.Edited), false}},
			fixed: 1,
		},
		"neither fixed nor flapped while nobody looked": {
			steps: []step{{says("a"), arrival, true}, {says(), again(1, compliance.Unknown), false}},
		},
		"flapped, when it goes and comes and nobody wrote": {
			steps: []step{
				{says("a"), arrival, true}, {says(), again(1, compliance.Unchanged), false}, {says("a"), again(1, compliance.Unchanged), false},
			},
			since: map[string]int64{"a": 1}, flapped: 2,
		},
		"a failure fixes nothing, and is no flapping": {
			steps: []step{{says("a"), arrival, true}, {fails(), revision(2), false}, {says("a"), again(2, compliance.Unchanged), false}},
			since: map[string]int64{"a": 0},
		},
		"all anew when the rule is rewritten": {
			steps: []step{{says("a", "b"), arrival, true}, {says("a"), revision(2), false}, {rewritten("a"), again(2, compliance.Unchanged), false}},
			since: map[string]int64{"a": 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var previous *v1alpha1.GuardrailVerdict
			for _, s := range test.steps {
				verdict, anew := compliance.Judge(previous, s.judgement, s.look)
				g.Expect(anew).To(Equal(s.anew))
				previous = &verdict
			}
			since := map[string]int64{}
			for _, f := range previous.Findings {
				since[f.Key] = f.SinceRevision
			}
			if test.since == nil {
				test.since = map[string]int64{}
			}
			g.Expect(since).To(Equal(test.since))
			g.Expect(previous.Fixed).To(Equal(test.fixed), "fixed")
			g.Expect(previous.Flapped).To(Equal(test.flapped), "flapped")
		})
	}
}

func TestAVerdictIsBoundedAndItsCountsAreNot(t *testing.T) {
	g := NewWithT(t)
	for _, n := range []int{0, 1, 10, 11, 512, 513, 5000} {
		verdict, _ := compliance.Judge(nil, saysAll(many(n)), arrival)
		g.Expect(verdict.Total).To(BeEquivalentTo(n))
		g.Expect(verdict.Findings).To(HaveLen(min(n, 10)))
		g.Expect(len(verdict.Keys)).To(BeNumerically("<=", 4096))
	}
	long := fails()
	long.Err = errors.New(strings.Repeat("x", 2000))
	verdict, _ := compliance.Judge(nil, long, arrival)
	g.Expect(len(verdict.Error)).To(BeNumerically("<=", 512))
}

func TestAnUnknownVerdictIsNeverClean(t *testing.T) {
	g := NewWithT(t)
	before, _ := compliance.Judge(nil, says("a"), arrival)
	verdict, anew := compliance.Judge(&before, fails(), revision(2))
	g.Expect(anew).To(BeFalse())
	g.Expect(verdict.Error).To(ContainSubstring("no such key"))
	g.Expect(verdict.Findings).To(BeEmpty())
	g.Expect(verdict.Keys).To(Equal(before.Keys), "what was known is kept for the next time")
}

func TestAnExclusionIsShownWithItsReason(t *testing.T) {
	g := NewWithT(t)
	excluded := says("a")
	excluded.Excluded = "the mesh needs it"
	verdict, anew := compliance.Judge(nil, excluded, arrival)
	g.Expect(anew).To(BeFalse())
	g.Expect(verdict).To(And(HaveField("Excluded", "the mesh needs it"), HaveField("Total", BeZero()), HaveField("Findings", BeEmpty())))
}

func TestWhatIsNoLongerLeftOutIsJudgedFromItsNextRevisionOn(t *testing.T) {
	g := NewWithT(t)
	excluded := says("a")
	excluded.Excluded = "the mesh needs it"
	before, _ := compliance.Judge(nil, excluded, arrival)
	status := v1alpha1.ReadinessReportStatus{Guardrails: []v1alpha1.GuardrailVerdict{before}}
	g.Expect(compliance.Holds(&status, before.Name, before.Rule)).To(BeFalse(), "it must be evaluated")

	verdict, anew := compliance.Judge(&before, says("a"), revision(2))
	g.Expect(anew).To(BeFalse(), "nobody brought what was there while it was left out")
	g.Expect(verdict.FirstRevision).To(BeEquivalentTo(3))
	g.Expect(verdict.Total).To(BeEquivalentTo(1))
	_, anew = compliance.Judge(&verdict, says("a", "b"), revision(3))
	g.Expect(anew).To(BeTrue())
}

func TestAVerdictFromBeforeKeysWereKeptHasThoseOfItsListedFindings(t *testing.T) {
	g := NewWithT(t)
	before := v1alpha1.GuardrailVerdict{Name: "rule", Rule: "v1", FirstRevision: 1, Total: 1, Findings: found("a")}
	_, anew := compliance.Judge(&before, says("a"), revision(2))
	g.Expect(anew).To(BeFalse())
	_, anew = compliance.Judge(&before, says("b"), revision(2))
	g.Expect(anew).To(BeTrue())

	before = v1alpha1.GuardrailVerdict{Name: "rule", Rule: "v1", FirstRevision: 1, Total: 30, Findings: many(10)}
	_, anew = compliance.Judge(&before, saysAll(many(30)), revision(2))
	g.Expect(anew).To(BeFalse())
}

func TestAVerdictWhoseKeysWereDroppedIsComparedByItsNumber(t *testing.T) {
	g := NewWithT(t)
	before, _ := compliance.Judge(nil, saysAll(many(20)), arrival)
	compliance.DropKeys(&before)
	_, anew := compliance.Judge(&before, saysAll(many(20)), revision(2))
	g.Expect(anew).To(BeFalse())
	_, anew = compliance.Judge(&before, saysAll(many(21)), revision(2))
	g.Expect(anew).To(BeTrue())
}
