// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// ignoredAfter is through how many later revisions a finding stands before it is noise:
// whoever could have acted on it has had that many occasions.
const ignoredAfter = 3

// Noise is what tells how useful the findings of a guardrail are to those who get them.
// It moves no level: a finding that nobody acts on may be right all the same.
type Noise struct {
	// Noisy is how many findings stand through three later revisions or more, of those
	// that the reports list, and how often findings came or went without a change.
	Noisy int
	// Fixed is how many findings went away with a later revision.
	Fixed int
	// SuspectedFalsePositives is how many revisions violate a guardrail that predicts
	// that they lack a quality, and have shown that quality nevertheless.
	SuspectedFalsePositives int
}

func (n *Noise) add(status *v1alpha1.ReadinessReportStatus, verdict *v1alpha1.GuardrailVerdict, rule Rule) {
	n.Fixed += int(verdict.Fixed)
	n.SuspectedFalsePositives += suspected(status, verdict, rule.Predicts)
	if status.State == v1alpha1.ReportGone {
		return
	}
	n.Noisy += int(verdict.Flapped)
	for _, f := range verdict.Findings {
		if f.SinceRevision > 0 && status.Revision.Number-f.SinceRevision >= ignoredAfter {
			n.Noisy++
		}
	}
}

// suspected counts the violating revisions of a workload that have shown the quality.
func suspected(status *v1alpha1.ReadinessReportStatus, verdict *v1alpha1.GuardrailVerdict, predicted v1alpha1.Quality) int {
	if predicted == "" {
		return 0
	}
	var violating []string
	if verdict.Total > 0 && showsNow(status, predicted) {
		violating = append(violating, status.Revision.Hash)
	}
	for _, p := range status.Proven {
		if !shown(p.Targets, predicted) {
			continue
		}
		if (p.Hash == status.Revision.Hash && verdict.Total > 0) || broughtBy(status, p.Hash, verdict) {
			violating = append(violating, p.Hash)
		}
	}
	slices.Sort(violating)
	return len(slices.Compact(violating))
}

// showsNow says whether the current revision is proven in the quality. One that cannot
// apply to the workload shows nothing.
func showsNow(status *v1alpha1.ReadinessReportStatus, quality v1alpha1.Quality) bool {
	if status.State != v1alpha1.ReportProven || !shown(status.Targets, quality) {
		return false
	}
	return !slices.ContainsFunc(status.Qualities, func(q v1alpha1.QualityScore) bool { return q.Quality == quality && !q.Applicable })
}

// shown says whether who reached the targets has shown the quality.
func shown(targets v1alpha1.ReadinessTargets, quality v1alpha1.Quality) bool {
	return len(targets.Qualities) == 0 || slices.Contains(targets.Qualities, quality)
}

// broughtBy says whether a revision brought the violation.
func broughtBy(status *v1alpha1.ReadinessReportStatus, hash string, verdict *v1alpha1.GuardrailVerdict) bool {
	return slices.ContainsFunc(status.Outcomes, func(o v1alpha1.RevisionOutcome) bool {
		return o.Hash == hash && o.Number >= verdict.FirstRevision && slices.Contains(o.NewFindings, verdict.Name)
	})
}
