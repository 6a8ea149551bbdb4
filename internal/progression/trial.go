// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
)

// episodeLength is how long what one writer brings counts as one cause, from its first
// revision on. Whoever deploys all day brings a new episode every so often.
const episodeLength = 10 * time.Minute

// Trial is one revision that came to an environment.
type Trial struct {
	Namespace string
	// Workload is the kind and the name, so that a trial can be named.
	Workload string
	// Writer who brought it; empty when not known. Unknown writers count as one, so that
	// what is not known never makes evidence stronger.
	Writer string
	Time   time.Time
	// Failed is true when the consequence would have hit the revision.
	Failed bool
	// Regressed is true when the failed revision had been proven here before: it is the
	// guardrail that is wrong then.
	Regressed bool
}

// weigh is what trials are worth: revisions that one writer brings within an episode
// count as correlated, and a failure never counts less than one.
func weigh(trials []Trial) confidence.Evidence {
	var total confidence.Evidence
	for _, e := range episodes(trials) {
		total.Successes += confidence.Correlated(e.successes)
		total.Failures += confidence.Correlated(e.failures)
	}
	return total
}

// episode is the trials of one cause.
type episode struct {
	began               time.Time
	successes, failures int
}

func episodes(trials []Trial) []*episode {
	ordered := slices.Clone(trials)
	slices.SortStableFunc(ordered, func(a, b Trial) int { return a.Time.Compare(b.Time) })
	var all []*episode
	last := map[string]*episode{}
	for _, t := range ordered {
		e := last[t.Writer]
		if e == nil || t.Time.Sub(e.began) > episodeLength {
			e = &episode{began: t.Time}
			last[t.Writer] = e
			all = append(all, e)
		}
		if t.Failed {
			e.failures++
		} else {
			e.successes++
		}
	}
	return all
}

// failures counts the failed trials.
func failures(trials []Trial) int {
	n := 0
	for _, t := range trials {
		if t.Failed {
			n++
		}
	}
	return n
}

// after are the trials that came later than a time.
func after(trials []Trial, since time.Time) []Trial {
	return slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return !t.Time.After(since) })
}

// workloadName is the workload of a report for people.
func workloadName(w v1alpha1.ReportedWorkload) string { return string(w.Kind) + " " + w.Name }
