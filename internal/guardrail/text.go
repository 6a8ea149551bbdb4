// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import "strings"

// maxText is how many characters of a finding's text are shown.
const maxText = 150

// cutText makes a text one line of at most maxText characters. celText does the same in CEL.
func cutText(text string) string {
	return cut(strings.ReplaceAll(text, "\n", " "), maxText)
}

// cut keeps the first characters of s, whole ones.
func cut(s string, characters int) string {
	seen := 0
	for i := range s {
		if seen == characters {
			return s[:i]
		}
		seen++
	}
	return s
}
