// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"cmp"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
)

// episodeLength is how long what one writer brings counts as one cause, from its first
// revision on. Whoever deploys all day brings a new episode every so often.
const episodeLength = 10 * time.Minute

// Revision is something new that came to an environment: a revision of a workload, or of
// another object.
type Revision struct {
	Namespace string
	// Subject is its kind and its name, so that it can be named: "Deployment shop",
	// "Service web".
	Subject string
	// Writer who brought it; empty when not known. Unknown writers count as one, so that
	// what is not known never makes evidence stronger.
	Writer string
	Time   time.Time
}

// Trial is a revision as one guardrail, or one gate, judged it. All that judged the same
// revision share it: there are as many trials as revisions times guardrails.
type Trial struct {
	*Revision
	// Failed is true when the consequence would have hit the revision.
	Failed bool
	// Regressed is true when the failed revision had been proven here before: it is the
	// guardrail that is wrong then.
	Regressed bool
}

// weigh is what trials are worth: revisions that one writer brings within an episode
// count as correlated, and a failure never counts less than one.
func weigh(trials []Trial) confidence.Evidence {
	var all []*episode
	for trial, e := range inEpisodes(trials) {
		if e.empty() {
			all = append(all, e)
		}
		e.add(trial)
	}
	var total confidence.Evidence
	for _, e := range all {
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

func (e *episode) empty() bool { return e.successes+e.failures == 0 }

func (e *episode) add(t Trial) {
	if t.Failed {
		e.failures++
	} else {
		e.successes++
	}
}

// inEpisodes goes through the trials in the order of time, each with the episode that it
// is part of.
func inEpisodes(trials []Trial) func(yield func(Trial, *episode) bool) {
	return func(yield func(Trial, *episode) bool) {
		last := map[string]*episode{}
		for _, t := range ordered(trials) {
			e := last[t.Writer]
			if e == nil || t.Time.Sub(e.began) > episodeLength {
				e = &episode{began: t.Time}
				last[t.Writer] = e
			}
			if !yield(t, e) {
				return
			}
		}
	}
}

// ordered are the trials by time; the rest of the order only makes it the same every time.
func ordered(trials []Trial) []Trial {
	if slices.IsSortedFunc(trials, byTime) {
		return trials
	}
	sorted := slices.Clone(trials)
	slices.SortFunc(sorted, byTime)
	return sorted
}

func byTime(a, b Trial) int {
	if a.Revision == b.Revision {
		return 0
	}
	return cmp.Or(a.compare(b.Revision), failedLast(a, b))
}

func (r *Revision) compare(other *Revision) int {
	if order := r.Time.Compare(other.Time); order != 0 {
		return order
	}
	return cmp.Or(cmp.Compare(r.Namespace, other.Namespace), cmp.Compare(r.Subject, other.Subject), cmp.Compare(r.Writer, other.Writer))
}

func failedLast(a, b Trial) int {
	switch {
	case a.Failed == b.Failed:
		return 0
	case b.Failed:
		return -1
	default:
		return 1
	}
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
	var later []Trial
	for _, t := range trials {
		if t.Time.After(since) {
			later = append(later, t)
		}
	}
	return later
}

// subject is what a report speaks of, for people: "Deployment shop", "Service web".
func subject(status *v1alpha1.ReadinessReportStatus) string {
	if status.Object != nil {
		return status.Object.Kind + " " + status.Object.Name
	}
	return string(status.Workload.Kind) + " " + status.Workload.Name
}
