// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package confidence

import "sort"

// searchLimit is more clean trials than any target that the API accepts can need.
const searchLimit = 1 << 20

// Needed is how many further clean trials lift the bound to the target, if none fails;
// 0 when it is there. Target and confidence lie between 0 and 1, both exclusive.
func Needed(e Evidence, target, confidence float64) int {
	reachedAfter := func(clean int) bool {
		return Reached(e.Add(Evidence{Successes: float64(clean)}), target, confidence)
	}
	// The answer is usually small: find a power of two beyond it before halving.
	limit := 1
	for limit < searchLimit && !reachedAfter(limit) {
		limit *= 2
	}
	return sort.Search(limit, reachedAfter)
}
