// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import "github.com/rampart-dev/rampart/api/v1alpha1"

// Natural is how many trials of each quality succeeded without anybody having set them
// off: neither a drill nor a test.
func Natural(e v1alpha1.Evidence) map[v1alpha1.Quality]int {
	clean := map[v1alpha1.Quality]int{}
	for _, t := range e.Trials {
		if t.Outcome == v1alpha1.TrialSuccess && (t.Source == "" || t.Source == v1alpha1.SourceNatural) {
			clean[qualityOf(t)]++
		}
	}
	return clean
}
