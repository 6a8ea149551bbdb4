// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

func TestOnlyTheLevelKeepsDriftFromBeingTakenBack(t *testing.T) {
	justNow := func(t *testing.T) drift.Input {
		in := looking(t)
		in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "evil"), 2, "1:argocd,2:alice"
		return in
	}
	for _, c := range []struct {
		name    string
		look    func(*testing.T) drift.Input
		edit    func(*drift.Input)
		byLevel bool
		at      time.Time
		message string
	}{
		{"drift that stood long enough would be taken back now", handEdit, func(in *drift.Input) { in.AtReport = "it is at Report" }, true, time.Time{}, "it would be taken back, but it is at Report"},
		{"drift of just now would be later", justNow, func(*drift.Input) {}, true, noon.Add(15 * time.Second), "it would be taken back"},
		{"what is not healthy would not be", handEdit, func(in *drift.Input) { in.Healthy = false }, false, time.Time{}, "not healthy"},
		{"nor what is suspended", handEdit, func(in *drift.Input) { in.Suspended = true }, false, time.Time{}, "suspended"},
		{"nor where the policy only reports", handEdit, func(in *drift.Input) { in.Policy.Mode = v1alpha1.DriftReport }, false, time.Time{}, "only reported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, in := NewWithT(t), c.look(t)
			in.Level = v1alpha1.ActReport
			c.edit(&in)
			got := drift.Judge(in, noon)
			g.Expect(got.Verdict).To(BeElementOf(drift.VerdictReport, drift.VerdictHold))
			g.Expect(got.ByLevel).To(Equal(c.byLevel))
			g.Expect(got.At).To(Equal(c.at))
			g.Expect(got.Message).To(ContainSubstring(c.message))
		})
	}
}

func TestDriftFromBeforeCorrectionsWereEarnedIsLeftToPeople(t *testing.T) {
	g := NewWithT(t)
	in := handEdit(t) // a minute ago
	in.Earned = noon.Add(-30 * time.Second)
	before := drift.Judge(in, noon)
	g.Expect(before.Verdict).To(Equal(drift.VerdictReport))
	g.Expect(before.ByLevel).To(BeFalse())
	g.Expect(before.Message).To(ContainSubstring("before corrections were earned here at 2026-05-04T11:59:30Z"))

	in.Earned = noon.Add(-2 * time.Minute)
	g.Expect(drift.Judge(in, noon).Verdict).To(Equal(drift.VerdictCorrect))
}

func TestALookSaysWhatTrustedWritersChanged(t *testing.T) {
	g, in := NewWithT(t), looking(t)
	g.Expect(drift.Judge(in, noon).Followed).To(BeEmpty())
	in.Spec, in.Generation, in.SpecAuthor = spec(t, 3, "shop:2"), 2, "1:argocd,2:argocd"
	got := drift.Judge(in, noon)
	g.Expect(got.Compared).To(BeTrue())
	g.Expect(got.Followed).To(ConsistOf(And(HaveField("Was", "shop:1"), HaveField("Is", "shop:2"))))

	in.Baseline = nil
	g.Expect(drift.Judge(in, noon).Compared).To(BeFalse(), "at first sight there is nothing to compare with")
}
