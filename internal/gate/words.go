// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drill"
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

// unshown is the first asked quality that lacks natural trials, or any of this very revision;
// nil when none does.
func unshown(scores []v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) *v1alpha1.QualityScore {
	for _, quality := range targets.Qualities {
		if s := find(scores, quality); s != nil && s.Applicable && (s.NaturalNeeded > 0 || inherited(*s)) {
			return s
		}
	}
	return nil
}

// lackingNames are the asked qualities that lack evidence, without any figure.
func lackingNames(scores []v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) string {
	var all []string
	for _, quality := range targets.Qualities {
		if s := find(scores, quality); s == nil || s.Applicable && short(*s, targets) {
			all = append(all, qualityName(quality))
		}
	}
	if len(all) == 0 {
		return "readiness"
	}
	if last := len(all) - 1; last > 1 {
		return strings.Join(all[:last], ", ") + " and " + all[last]
	}
	return strings.Join(all, " and ")
}

// nothingApplies is said when the scores alone do not explain why a gate waits.
const nothingApplies = "the operator has not proven this revision yet: see its ReadinessReport"

// waiting says what the furthest quality needs, for a table.
func waiting(scores []v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) string {
	s := least(scores, targets)
	if s != nil && !below(*s, targets) {
		s = unshown(scores, targets)
	}
	switch {
	case s == nil:
		return "evidence"
	case !below(*s, targets) && s.NaturalNeeded > 0:
		return fmt.Sprintf("%d more clean %s %s without a drill", s.NaturalNeeded, qualityName(s.Quality), plural(s.NaturalNeeded, "trial", "trials"))
	case s.Needed <= 0:
		return fmt.Sprintf("%s at %d%%", qualityName(s.Quality), targets.Target)
	case s.Clean+s.Failed == 0:
		return fmt.Sprintf("%d clean %s %s", s.Needed, qualityName(s.Quality), plural(s.Needed, "trial", "trials"))
	default:
		return fmt.Sprintf("%d more clean %s %s", s.Needed, qualityName(s.Quality), plural(s.Needed, "trial", "trials"))
	}
}

// barred says that the gate may wait forever, and why; empty while drills may bring what
// it waits for, or nothing but time is needed.
// A gate of the same cluster is what drills wait for, and may be newer than the report.
func barred(status v1alpha1.ReadinessReportStatus, sameCluster bool) string {
	if status.State != v1alpha1.ReportCollecting || status.DrillsBarred == "" || sameCluster && status.DrillsBarred == drill.Unawaited {
		return ""
	}
	return "; no drill brings them: " + status.DrillsBarred
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

// From is a source in one word, as a column shows it.
func From(source v1alpha1.GateSource) string {
	if source.Cluster == "" {
		return source.Namespace
	}
	return source.Cluster + "/" + source.Namespace
}

// sourceName is a source in words; a namespace of this cluster is its bare name.
func sourceName(source v1alpha1.GateSource) string {
	if source.Cluster == "" {
		return source.Namespace
	}
	return fmt.Sprintf("%s of cluster %s", source.Namespace, source.Cluster)
}
