// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
)

func TestNewsIsWhatEndsAnEpisodeOrFails(t *testing.T) {
	open := func(id, episode string) v1alpha1.OpenTrial { return v1alpha1.OpenTrial{ID: id, Episode: episode} }
	ended := func(id, episode string, outcome v1alpha1.TrialOutcome) v1alpha1.Trial {
		return v1alpha1.Trial{ID: id, Episode: episode, Outcome: outcome}
	}
	known := v1alpha1.Evidence{
		Open:   []v1alpha1.OpenTrial{open("start-1", "roll"), open("start-2", "roll")},
		Trials: []v1alpha1.Trial{ended("old", "earlier", v1alpha1.TrialFailure)},
	}
	for name, c := range map[string]struct {
		open  []v1alpha1.OpenTrial
		ended []v1alpha1.Trial
		want  bool
	}{
		"nothing happened":                                 {known.Open, nil, false},
		"another trial began":                              {append(known.Open[:2:2], open("stop-3", "drain")), nil, false},
		"a trial was withdrawn":                            {known.Open[:1], nil, false},
		"a success, others are on":                         {known.Open[1:], []v1alpha1.Trial{ended("start-1", "roll", v1alpha1.TrialSuccess)}, false},
		"censored, others are on":                          {known.Open[1:], []v1alpha1.Trial{ended("start-1", "roll", v1alpha1.TrialCensored)}, false},
		"a failure, others are on":                         {known.Open[1:], []v1alpha1.Trial{ended("start-1", "roll", v1alpha1.TrialFailure)}, true},
		"the last of its episode":                          {nil, []v1alpha1.Trial{ended("start-1", "roll", v1alpha1.TrialSuccess), ended("start-2", "roll", v1alpha1.TrialSuccess)}, true},
		"an episode of one trial that was never seen open": {known.Open, []v1alpha1.Trial{ended("crash", "crash", v1alpha1.TrialSuccess)}, true},
		"only what was known ended":                        {nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			after := v1alpha1.Evidence{Open: c.open, Trials: append(known.Trials[:1:1], c.ended...)}
			NewWithT(t).Expect(evidence.News(known, after, false)).To(Equal(c.want))
		})
	}
}

func TestOnlyFailuresAreNewsWhileADrillRuns(t *testing.T) {
	for outcome, want := range map[v1alpha1.TrialOutcome]bool{
		v1alpha1.TrialSuccess: false, v1alpha1.TrialCensored: false, v1alpha1.TrialFailure: true,
	} {
		after := v1alpha1.Evidence{Trials: []v1alpha1.Trial{{ID: "start-1", Episode: "drain", Outcome: outcome}}}
		NewWithT(t).Expect(evidence.News(v1alpha1.Evidence{}, after, true)).To(Equal(want), string(outcome))
	}
}
