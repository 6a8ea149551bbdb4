// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package confidence

// correlation is what two trials of one cause are assumed to share.
const correlation = 0.5

// Correlated is how many independent trials k successes of one cause are worth, when
// every two of them correlate by one half: k/(1+(k-1)/2), which never reaches 2 (the
// effective sample size of a cluster; Kish 1965, Survey Sampling, section 5.4).
func Correlated(k int) float64 {
	if k <= 0 {
		return 0
	}
	return float64(k) / (1 + correlation*float64(k-1))
}
