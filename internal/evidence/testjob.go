// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// tests observes the Jobs by which a team tests its workload. One counts when the revision
// was the current one and rolled out from the Job's start to its end. Each is an episode.
type tests struct{}

// maxTests is how many tests of a quality are kept that were clean, or censored: more of
// them teach nothing, and whoever makes Jobs must not push what else was seen out of the
// window. Those that fail are kept as all failures are.
const maxTests = 12

func (tests) begun(l look) []v1alpha1.OpenTrial {
	var trials []v1alpha1.OpenTrial
	for _, test := range l.Tests {
		if test.Started.IsZero() || test.Started.Before(l.Revision.Since.Time) {
			continue
		}
		trial := v1alpha1.OpenTrial{
			ID:         trialID(v1alpha1.TrialTest, test.UID),
			Kind:       v1alpha1.TrialTest,
			Subject:    test.Name,
			SubjectUID: test.UID,
			Episode:    natural("test", test.UID).episode, Source: v1alpha1.SourceTest,
			Quality: test.Quality,
			Since:   seconds(test.Started),
		}
		if opened(l.known, trial.ID) || settled(l.known, trial.ID, trial.Since.Time) {
			continue
		}
		trials = append(trials, trial)
	}
	return trials
}

func (tests) judge(l look, trial v1alpha1.OpenTrial) verdict {
	var test *workload.TestJob
	if i := slices.IndexFunc(l.Tests, func(t workload.TestJob) bool { return t.UID == trial.SubjectUID }); i >= 0 {
		test = &l.Tests[i]
	}
	return l.judgeTest(trial, test)
}

// judgeTest says how a test ended; the Job is nil when it is gone.
func (l look) judgeTest(trial v1alpha1.OpenTrial, test *workload.TestJob) verdict {
	if test == nil {
		return censored(l.now, fmt.Sprintf("test job %s was deleted before its end was seen", trial.Subject))
	}
	if trial.Quality == "" {
		return censored(l.now, fmt.Sprintf("test job %s names no quality: label it %s: Predictability, Recoverability or SafeFailure",
			trial.Subject, v1alpha1.LabelQuality))
	}
	since, undecided := l.rolledOut()
	switch {
	case undecided:
		return open
	case since.IsZero() || trial.Since.Time.Before(since):
		return censored(l.now, fmt.Sprintf("test job %s began before the rollout was complete", trial.Subject))
	case test.Finished.IsZero():
		return open
	case test.Failed:
		return failure(test.Finished, fmt.Sprintf("test job %s failed: %s", trial.Subject, test.Why))
	case test.Idle:
		return censored(test.Finished, fmt.Sprintf("test job %s completed, but none of its pods succeeded: it shows nothing", trial.Subject))
	default:
		took := max(0, test.Finished.Sub(trial.Since.Time))
		return success(test.Finished, took, fmt.Sprintf("test job %s completed in %s", trial.Subject, took))
	}
}

// testEnd is what a test that ended is counted by.
type testEnd struct {
	quality v1alpha1.Quality
	outcome v1alpha1.TrialOutcome
}

// testEnds count tests.
type testEnds map[testEnd]int

// keptTests are those in the window. All tests of one look are added to the same count.
func keptTests(known v1alpha1.Evidence) testEnds {
	kept := testEnds{}
	for _, t := range known.Trials {
		if t.Kind == v1alpha1.TrialTest {
			kept[testEnd{t.Quality, t.Outcome}]++
		}
	}
	return kept
}

// add counts a test, if it is to be kept. Trials of other kinds are.
func (kept testEnds) add(trial v1alpha1.OpenTrial, v verdict) bool {
	if trial.Kind != v1alpha1.TrialTest {
		return true
	}
	end := testEnd{trial.Quality, v.outcome}
	bounded := v.outcome == v1alpha1.TrialSuccess || v.outcome == v1alpha1.TrialCensored
	if bounded && kept[end] >= maxTests {
		return false
	}
	kept[end]++
	return true
}

// rolledOut is since when the current revision has been rolled out: zero when that failed
// or nobody can tell, undecided while the rollout goes on.
func (l look) rolledOut() (since time.Time, undecided bool) {
	if !rollsOut(l.Workload) {
		return time.Time{}, false
	}
	for _, t := range l.running {
		if t.Kind != v1alpha1.TrialRollout {
			continue
		}
		v := rollouts{}.judge(l, t)
		if v.outcome != v1alpha1.TrialSuccess {
			return time.Time{}, !v.decided()
		}
		return seconds(v.at).Time, false
	}
	for _, t := range slices.Backward(l.known.Trials) {
		if t.Kind != v1alpha1.TrialRollout {
			continue
		}
		switch t.Outcome {
		case v1alpha1.TrialSuccess:
			return t.Time.Time, false
		case v1alpha1.TrialCensored: // its end was not seen: it has ended if it is complete now
			return t.Time.Time, !l.Workload.Rollout.Complete()
		default:
			return time.Time{}, false
		}
	}
	return l.Revision.Since.Time, false // it was so long ago that newer trials displaced it
}
