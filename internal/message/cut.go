// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package message fits sentences into the bounded fields of the API.
package message

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ellipsis ends a sentence that was cut.
const ellipsis = "…"

// Cut returns text if it has at most limit bytes, else as many whole runes of it as
// fit with an ellipsis behind them.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := max(limit-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}

// First names the first n of names, and says how many more there are: "a, b and 3 more".
func First(n int, names []string) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}
