// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const (
	// maxMessage is the longest message of a workload in a status, in characters.
	maxMessage = 512
	// maxLine is the longest line of a table, and of a ledger entry.
	maxLine = 256
)

// proof says why a revision may enter.
func proof(status v1alpha1.ReadinessReportStatus, least *v1alpha1.QualityScore) string {
	if least == nil || least.Score == nil {
		return fmt.Sprintf("revision %s is proven", status.Revision.Hash)
	}
	return fmt.Sprintf("revision %s is proven: the least of its qualities, %s, is at %d%%",
		status.Revision.Hash, qualityName(least.Quality), *least.Score)
}

// lacking says what every asked quality still needs.
func lacking(scores []v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) string {
	var all []string
	for _, quality := range targets.Qualities {
		s := find(scores, quality)
		switch {
		case s == nil:
			all = append(all, qualityName(quality)+" not judged yet")
		case s.Applicable && short(*s, targets):
			all = append(all, sentence(*s, targets))
		}
	}
	if len(all) == 0 {
		return nothingApplies
	}
	return strings.Join(all, "; ")
}

// nothingApplies is said when the scores alone do not explain why a gate waits.
const nothingApplies = "the operator has not proven this revision yet: see its ReadinessReport"

// waiting says what the furthest quality needs, for a table.
func waiting(scores []v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) string {
	s := least(scores, targets)
	switch {
	case s == nil || !short(*s, targets):
		return "evidence"
	case s.Needed <= 0:
		return fmt.Sprintf("%s at %d%%", qualityName(s.Quality), targets.Target)
	case s.Clean+s.Failed == 0:
		return fmt.Sprintf("%d clean %s %s", s.Needed, qualityName(s.Quality), plural(s.Needed, "trial", "trials"))
	default:
		return fmt.Sprintf("%d more clean %s %s", s.Needed, qualityName(s.Quality), plural(s.Needed, "trial", "trials"))
	}
}

// sentence is the score in words; its own, when the report has one.
func sentence(s v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) string {
	switch {
	case s.Message != "":
		return s.Message
	case s.Score == nil:
		return fmt.Sprintf("%s unknown, target %d%%: no trial so far", qualityName(s.Quality), targets.Target)
	default:
		return fmt.Sprintf("%s %d%% of %d%%: %d more clean %s needed", qualityName(s.Quality), *s.Score, targets.Target,
			s.Needed, plural(s.Needed, "trial", "trials"))
	}
}

func driftedPaths(drift *v1alpha1.Drift) string {
	if len(drift.Fields) == 0 {
		return "see the ReadinessReport"
	}
	if len(drift.Fields) == 1 {
		return drift.Fields[0].Path
	}
	return drift.Fields[0].Path + ", …"
}

func firstFinding(g v1alpha1.GuardrailVerdict) string {
	if len(g.Findings) == 0 {
		return "see the ReadinessReport"
	}
	return g.Findings[0].Text
}

// qualityName is a quality as it stands in a sentence.
func qualityName(q v1alpha1.Quality) string {
	if q == v1alpha1.SafeFailure {
		return "safe failure"
	}
	return strings.ToLower(string(q))
}

func plural(n int32, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
