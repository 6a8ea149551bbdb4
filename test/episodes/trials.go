// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package episodes

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// trials are some of one kind that ended alike, and for one cause.
type trials struct {
	kind v1alpha1.TrialKind
	// outcome is empty for trials that go on for longer than the episode.
	outcome v1alpha1.TrialOutcome
	// cause is how the name of their episode begins; empty where it depends on how soon
	// something happens.
	cause string
	times int
	// orMore says that there may be more of them, because what happens goes on.
	orMore bool
}

// seen is a trial as it stands in a report, ended or open.
type seen struct {
	kind             v1alpha1.TrialKind
	outcome          v1alpha1.TrialOutcome
	episode, message string
}

func (w trials) cover(s seen) bool {
	return s.kind == w.kind && s.outcome == w.outcome && (w.cause == "" || strings.HasPrefix(s.episode, w.cause+"-"))
}

func (w trials) flaw(count int) string {
	if count == w.times || count > w.times && w.orMore {
		return ""
	}
	return fmt.Sprintf("%d and not %d %s of %q: %q", count, w.times, w.kind, w.cause, w.outcome)
}

// steady is for how long nothing may be added to what was learned.
const steady = 2 * time.Second

// demand waits until the operator has learned exactly what is wanted, and looks whether it
// stays so.
func (s Scene) demand(t *testing.T, want []trials) {
	t.Helper()
	g := NewWithT(t)
	learned := func() []string { return flaws(s.Report(t).Evidence, want) }
	whole := func() string { return "what was learned:\n" + strings.Join(told(s.Report(t)), "\n") }
	g.Eventually(learned).Should(BeEmpty(), whole)
	g.Consistently(learned).WithTimeout(steady).Should(BeEmpty(), whole)
}

// told is all that a report says of trials, and when.
func told(report v1alpha1.ReadinessReportStatus) []string {
	var lines []string
	for _, t := range report.Evidence.Trials {
		lines = append(lines, fmt.Sprintf("%s %s of %s: %s: %s", t.Time.UTC().Format(time.TimeOnly), t.Kind, t.Episode, t.Outcome, t.Message))
	}
	for _, t := range report.Evidence.Open {
		lines = append(lines, fmt.Sprintf("%s %s of %s: open: %s", t.Since.UTC().Format(time.TimeOnly), t.Kind, t.Episode, t.Subject))
	}
	return append(lines, report.Message)
}

// flaws are the differences between what was learned and what is wanted, in words.
func flaws(e v1alpha1.Evidence, want []trials) []string {
	var flaws []string
	counts := make([]int, len(want))
	rollouts := map[string]bool{}
	for _, trial := range all(e) {
		i := slices.IndexFunc(want, func(w trials) bool { return w.cover(trial) })
		if i < 0 {
			flaws = append(flaws, fmt.Sprintf("not wanted: %s of %s: %q %s", trial.kind, trial.episode, trial.outcome, trial.message))
			continue
		}
		counts[i]++
		if want[i].cause == rollout {
			rollouts[trial.episode] = true
		}
	}
	for i, w := range want {
		if flaw := w.flaw(counts[i]); flaw != "" {
			flaws = append(flaws, flaw)
		}
	}
	if len(rollouts) > 1 {
		flaws = append(flaws, fmt.Sprintf("one rollout is %d episodes", len(rollouts)))
	}
	return flaws
}

// all trials of a report.
func all(e v1alpha1.Evidence) []seen {
	var trials []seen
	for _, t := range e.Trials {
		trials = append(trials, seen{t.Kind, t.Outcome, t.Episode, t.Message})
	}
	for _, t := range e.Open {
		trials = append(trials, seen{t.Kind, "", t.Episode, t.Subject})
	}
	return trials
}

// How the names of episodes begin, by cause.
const (
	rollout    = "roll"
	deletion   = "stop"
	successor  = "start" // of a pod that was deleted
	disruption = "drain"
	unready    = "unready"
)

// firstRollout are the trials of the three pods of a scene that come up as they should.
func firstRollout(more ...trials) []trials {
	return append([]trials{
		{kind: v1alpha1.TrialRollout, outcome: v1alpha1.TrialSuccess, cause: rollout, times: 1},
		{kind: v1alpha1.TrialStart, outcome: v1alpha1.TrialSuccess, cause: rollout, times: 3},
	}, more...)
}
