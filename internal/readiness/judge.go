// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"slices"
	"strings"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Subject is the workload whose evidence is judged.
type Subject struct {
	Workload workload.Workload
	// Serving is true when a Service sends traffic to it.
	Serving bool
	// Failing says why its current revision is failing now; empty while it is not.
	Failing string
	// ProvenSince is when the current revision was proven against the same targets;
	// zero if it was not.
	ProvenSince time.Time
}

// Readiness is how far the current revision of a workload has shown its qualities.
type Readiness struct {
	// Qualities are all three, in the order in which they are shown.
	Qualities []v1alpha1.QualityScore
	// State is Proven, Collecting or Failing.
	State v1alpha1.ReportState
	// Message says what is missing or wrong, and what to do.
	Message string
	// Proven is true when every quality that is asked for and applies has reached its target.
	Proven bool
	// Score is the lowest bound of those qualities in percent; 0 while one is unknown.
	Score int32
}

const (
	// closingFailures is how many separate causes of failure take back what was proven,
	// and speak against a revision that was not: one can be chance.
	closingFailures = 2
	maxReadiness    = 512
	// runsTarget and runsConfidence are the most that runs are asked for, in percent.
	runsTarget, runsConfidence = 80, 90
)

// Judge says whether a revision is proven. The lowest quality decides, nothing is
// averaged, and nothing is proven by what earlier revisions have shown alone. The targets must be complete, as ReadinessTargets.Effective makes them.
//
// A revision that was proven stays so until it fails now, or trials of two separate
// causes have failed since: then its bounds decide again.
func Judge(e v1alpha1.Evidence, subject Subject, targets v1alpha1.ReadinessTargets) Readiness {
	targets = within(targets, subject.Workload.Kind)
	decisive := asked(targets, subject)
	tallies, natural := evidence.Count(e), evidence.Natural(e)

	var r Readiness
	var missing []shortage
	lowest := 1.0
	for _, quality := range Qualities {
		if !Applicable(quality, subject) {
			r.Qualities = append(r.Qualities, notApplicable(quality, subject.Workload.Kind))
			continue
		}
		score := shortage{
			Score:     measure(quality, tallies[quality], targets),
			natural:   max(0, int(targets.NaturalTrials)-natural[quality]),
			inherited: tallies[quality].Own.Successes == 0,
		}
		if score.inherited {
			score.Needed = max(score.Needed, 1)
		}
		isAsked := slices.Contains(decisive, quality)
		r.Qualities = append(r.Qualities, show(quality, score, isAsked))
		if !isAsked {
			continue
		}
		lowest = min(lowest, score.Bound)
		if score.any() {
			missing = append(missing, score)
		}
	}
	r.Score = confidence.Percent(lowest)

	held := !subject.ProvenSince.IsZero() && evidence.FailedEpisodes(e, decisive, subject.ProvenSince) < closingFailures
	switch {
	case subject.Failing != "":
		r.State = v1alpha1.ReportFailing
		r.Message = "failing now: " + subject.Failing
	case len(missing) == 0:
		r.State = v1alpha1.ReportProven
		r.Message = provenMessage(r.Qualities)
	case held:
		r.State = v1alpha1.ReportProven
		r.Message = "proven; it stays so unless a failure of another cause follows: " + sentences(missing)
	case evidence.FailedEpisodes(e, decisive, time.Time{}) >= closingFailures:
		r.State = v1alpha1.ReportFailing
		r.Message = "trials of separate causes failed: " + sentences(missing)
	default:
		r.State = v1alpha1.ReportCollecting
		r.Message = sentences(missing) + hint(subject, missing)
	}
	r.Proven = r.State == v1alpha1.ReportProven
	r.Message = message.Cut(r.Message, maxReadiness)
	return r
}

// within are the targets as far as they can be asked of a kind. Runs of a CronJob are
// hours or days apart, each stands for itself, and nobody can drill them: 6 clean ones
// suffice, which is 80% at 90% confidence.
func within(targets v1alpha1.ReadinessTargets, kind v1alpha1.WorkloadKind) v1alpha1.ReadinessTargets {
	if kind == v1alpha1.KindCronJob || kind == v1alpha1.KindJob {
		targets.Target, targets.Confidence = min(targets.Target, runsTarget), min(targets.Confidence, runsConfidence)
	}
	return targets
}

// sentences are those of the scores, the lowest first: it decides.
func sentences(scores []shortage) string {
	ordered := slices.Clone(scores)
	slices.SortStableFunc(ordered, func(a, b shortage) int { return b.Needed - a.Needed })
	all := make([]string, 0, len(ordered))
	for _, s := range ordered {
		all = append(all, s.Sentence())
	}
	return strings.Join(all, "; ")
}

func provenMessage(scores []v1alpha1.QualityScore) string {
	var all []string
	for _, s := range scores {
		if s.Target != nil {
			all = append(all, words[s.Quality]+" "+s.Text)
		}
	}
	return "proven: " + strings.Join(all, ", ")
}

// hint says what to do where waiting alone may not help.
func hint(subject Subject, missing []shortage) string {
	predictability := slices.ContainsFunc(missing, func(s shortage) bool { return s.Name == words[v1alpha1.Predictability] })
	if predictability && subject.Serving && !subject.Workload.HasReadinessProbe() {
		return "; add a readiness probe: without one, a start behind a Service proves nothing"
	}
	return ""
}
