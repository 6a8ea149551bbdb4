// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestNoise(t *testing.T) {
	since := func(revisions ...int64) v1alpha1.GuardrailVerdict {
		v := v1alpha1.GuardrailVerdict{Total: int32(len(revisions))}
		for _, r := range revisions {
			v.Findings = append(v.Findings, v1alpha1.Finding{Key: "k", Text: "t", SinceRevision: r})
		}
		return v
	}
	with := func(verdict v1alpha1.GuardrailVerdict, flapped, fixed int32) v1alpha1.GuardrailVerdict {
		verdict.Flapped, verdict.Fixed = flapped, fixed
		return verdict
	}
	gone := reported(with(since(1), 5, 2), outcome(9))
	gone.Status.State = v1alpha1.ReportGone
	for _, c := range []struct {
		name    string
		reports []v1alpha1.ReadinessReport
		want    Noise
	}{
		{"a finding that stands through three later revisions is noise", []v1alpha1.ReadinessReport{reported(since(6), outcome(9))}, Noise{Noisy: 1}},
		{"one that stands through two is not", []v1alpha1.ReadinessReport{reported(since(7), outcome(9))}, Noise{}},
		{"one whose beginning is not known is not", []v1alpha1.ReadinessReport{reported(since(0), outcome(9))}, Noise{}},
		{"what comes and goes without a change is", []v1alpha1.ReadinessReport{reported(with(since(), 2, 0), outcome(9))}, Noise{Noisy: 2}},
		{"what was fixed counts for the rule", []v1alpha1.ReadinessReport{reported(with(since(), 0, 3), outcome(9))}, Noise{Fixed: 3}},
		{"what is gone is no noise, but was fixed", []v1alpha1.ReadinessReport{gone}, Noise{Fixed: 2}},
		{"all workloads add up", []v1alpha1.ReadinessReport{reported(since(1, 2), outcome(9)), reported(with(since(), 1, 1), outcome(9))}, Noise{Noisy: 3, Fixed: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(gathered(c.reports...).Noise).To(Equal(c.want))
		})
	}
}

func TestSuspectedFalsePositives(t *testing.T) {
	all := v1alpha1.ReadinessTargets{Qualities: []v1alpha1.Quality{v1alpha1.Predictability, v1alpha1.SafeFailure}}
	predictability := v1alpha1.ReadinessTargets{Qualities: []v1alpha1.Quality{v1alpha1.Predictability}}
	violating := func(state v1alpha1.ReportState, targets v1alpha1.ReadinessTargets, proven ...v1alpha1.ProvenRevision) v1alpha1.ReadinessReport {
		r := reported(v1alpha1.GuardrailVerdict{Total: 1}, outcome(3), outcome(2, "image-pinned"))
		r.Status.State, r.Status.Targets, r.Status.Proven = state, targets, proven
		r.Status.Revision.Hash = r.Status.Outcomes[0].Hash
		return r
	}
	was := func(number int64, targets v1alpha1.ReadinessTargets) v1alpha1.ProvenRevision {
		return v1alpha1.ProvenRevision{Hash: outcome(number).Hash, Targets: targets}
	}
	notApplicable := violating(v1alpha1.ReportProven, all)
	notApplicable.Status.Qualities = []v1alpha1.QualityScore{{Quality: v1alpha1.SafeFailure}}
	clean := reported(v1alpha1.GuardrailVerdict{}, outcome(3))
	clean.Status.State, clean.Status.Targets = v1alpha1.ReportProven, all
	for _, c := range []struct {
		name   string
		report v1alpha1.ReadinessReport
		want   int
	}{
		{"a violator that is proven", violating(v1alpha1.ReportProven, all), 1},
		{"one that was proven and is listed counts once", violating(v1alpha1.ReportProven, all, was(3, all)), 1},
		{"an earlier revision that brought the violation and was proven counts too", violating(v1alpha1.ReportProven, all, was(2, all)), 2},
		{"a violator that is not proven is what the rule predicts", violating(v1alpha1.ReportFailing, all), 0},
		{"one that was proven in other qualities says nothing", violating(v1alpha1.ReportProven, predictability, was(2, predictability)), 0},
		{"a quality that cannot apply was not shown", notApplicable, 0},
		{"a compliant workload is no false positive", clean, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			reports := []v1alpha1.ReadinessReport{c.report}
			record := func(predicts v1alpha1.Quality) Record {
				return GatherAll(reports, map[string]Rule{"image-pinned": {Predicts: predicts}})["image-pinned"]
			}
			g.Expect(record(v1alpha1.SafeFailure).SuspectedFalsePositives).To(Equal(c.want))
			g.Expect(record("").SuspectedFalsePositives).To(BeZero(), "a rule that predicts nothing is not refuted by behaviour")
		})
	}
}
