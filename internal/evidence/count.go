// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
)

// Tally is what the trials of one quality come to.
type Tally struct {
	// Evidence is weighed, with what was carried from earlier revisions.
	Evidence confidence.Evidence
	// Clean and Failed are the trials themselves, of this revision.
	Clean, Failed int
	// Own is the weighed evidence of this revision alone.
	Own confidence.Evidence
}

const (
	// wholeDrills is how many drill trials of one kind, or tests of one quality, count whole.
	wholeDrills = 6
	// furtherDrill is what each further one counts: somebody chooses their conditions, so
	// that they teach less and less.
	furtherDrill = 0.5
	thousandths  = 1000
)

// QualityOf is the quality that a kind of trial speaks of. A Test may speak of any.
func QualityOf(kind v1alpha1.TrialKind) v1alpha1.Quality {
	switch kind {
	case v1alpha1.TrialReplacement, v1alpha1.TrialRenewal, v1alpha1.TrialRestart, v1alpha1.TrialRollback:
		return v1alpha1.Recoverability
	case v1alpha1.TrialTermination, v1alpha1.TrialContainment, v1alpha1.TrialContainedRollout:
		return v1alpha1.SafeFailure
	default:
		return v1alpha1.Predictability
	}
}

// Count weighs the evidence by quality. Trials of one quality in one episode have one
// cause: k successes count as confidence.Correlated(k). An episode with a failure is a
// failure and not also a success; its k failures count as confidence.Correlated(k),
// which is never less than one. A quality without any evidence has an empty tally.
//
// A team's tests never count more than what the workload showed without them: whoever can
// make a Job can make one that always completes. When they fail, they count in full.
func Count(e v1alpha1.Evidence) map[v1alpha1.Quality]Tally {
	tallies := map[v1alpha1.Quality]Tally{
		v1alpha1.Predictability: {}, v1alpha1.Recoverability: {}, v1alpha1.SafeFailure: {},
	}
	tested := map[v1alpha1.Quality]float64{}
	for _, ep := range episodes(e) {
		t, weighed := tallies[ep.quality], ep.weigh()
		t.Clean += ep.successes
		t.Failed += ep.failures
		if ep.test {
			tested[ep.quality] += weighed.Successes
			weighed.Successes = 0
		}
		t.Own = t.Own.Add(weighed)
		tallies[ep.quality] = t
	}
	for quality, t := range tallies {
		t.Own.Successes += min(tested[quality], t.Own.Successes)
		t.Evidence = t.Own
		tallies[quality] = t
	}
	for _, c := range e.Carried {
		t := tallies[c.Quality]
		t.Evidence = t.Evidence.Add(confidence.Evidence{
			Successes: float64(c.SuccessesMilli) / thousandths,
			Failures:  float64(c.FailuresMilli) / thousandths,
		})
		tallies[c.Quality] = t
	}
	return tallies
}

// FailedEpisodes is how many separate causes made trials of the qualities fail after the
// given time. A cause that shows in several qualities counts once.
func FailedEpisodes(e v1alpha1.Evidence, qualities []v1alpha1.Quality, after time.Time) int {
	failed := map[string]bool{}
	for _, t := range e.Trials {
		if t.Outcome == v1alpha1.TrialFailure && slices.Contains(qualities, qualityOf(t)) && t.Time.Time.After(after) {
			failed[episodeOf(t)] = true
		}
	}
	return len(failed)
}

// episode is what the trials of one quality with one cause come to.
type episode struct {
	quality             v1alpha1.Quality
	name                string
	successes, failures int
	// weight is the sum over the successes of what each counts by itself.
	weight float64
	// test is true for a test of the team's, which is an episode by itself.
	test bool
}

func (ep episode) weigh() confidence.Evidence {
	if ep.failures > 0 {
		return confidence.Evidence{Failures: confidence.Correlated(ep.failures)}
	}
	if ep.successes == 0 {
		return confidence.Evidence{}
	}
	return confidence.Evidence{Successes: confidence.Correlated(ep.successes) * ep.weight / float64(ep.successes)}
}

// episodes are in the order of their first trials: sums of fractions must not depend on chance.
func episodes(e v1alpha1.Evidence) []episode {
	var found []episode
	type sort struct {
		kind    v1alpha1.TrialKind
		quality v1alpha1.Quality
	}
	chosen := map[sort]int{} // trials whose conditions somebody chose
	for _, t := range e.Trials {
		if t.Outcome != v1alpha1.TrialSuccess && t.Outcome != v1alpha1.TrialFailure {
			continue
		}
		quality, name := qualityOf(t), episodeOf(t)
		weight := 1.0
		if t.Source == v1alpha1.SourceDrill || t.Source == v1alpha1.SourceTest {
			chosen[sort{t.Kind, quality}]++
			if chosen[sort{t.Kind, quality}] > wholeDrills {
				weight = furtherDrill
			}
		}
		i := slices.IndexFunc(found, func(ep episode) bool { return ep.quality == quality && ep.name == name })
		if i < 0 {
			i = len(found)
			found = append(found, episode{quality: quality, name: name, test: t.Source == v1alpha1.SourceTest})
		}
		if t.Outcome == v1alpha1.TrialFailure {
			found[i].failures++
		} else {
			found[i].successes++
			found[i].weight += weight
		}
	}
	return found
}

// qualityOf is the quality that a trial speaks of.
func qualityOf(t v1alpha1.Trial) v1alpha1.Quality {
	if t.Quality != "" {
		return t.Quality
	}
	return QualityOf(t.Kind)
}

// episodeOf is the episode of a trial; one without is an episode by itself.
func episodeOf(t v1alpha1.Trial) string {
	if t.Episode == "" {
		return t.ID
	}
	return t.Episode
}
