// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// News says whether a look taught more than that episodes go on: a trial failed, or one was
// the last of its episode to end. That others begin, and succeed while the episode goes on,
// can be told with its end. While a drill runs, only failures are news: its end comes soon.
func News(before, after v1alpha1.Evidence, drilling bool) bool {
	known := map[string]bool{}
	for _, t := range before.Trials {
		known[t.ID] = true
	}
	return slices.ContainsFunc(after.Trials, func(t v1alpha1.Trial) bool {
		return !known[t.ID] && (t.Outcome == v1alpha1.TrialFailure || !drilling && over(after, t.Episode))
	})
}

// over says whether no trial of an episode is open.
func over(e v1alpha1.Evidence, episode string) bool {
	return !slices.ContainsFunc(e.Open, func(t v1alpha1.OpenTrial) bool { return t.Episode == episode })
}
