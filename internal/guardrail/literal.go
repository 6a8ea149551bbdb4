// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"strconv"
	"strings"
)

// stringLiteral is a CEL literal of a string, on one line. Go's escapes are all known to
// CEL, where \x.. is a character and not a byte: only what is no valid UTF-8, which no
// API object can hold, would read differently, and is replaced.
func stringLiteral(s string) string {
	return strconv.Quote(strings.ToValidUTF8(s, "\uFFFD"))
}

// listLiteral is a CEL literal of a list of strings.
func listLiteral(items []string) string {
	literals := make([]string, 0, len(items))
	for _, item := range items {
		literals = append(literals, stringLiteral(item))
	}
	return "[" + strings.Join(literals, ", ") + "]"
}

// typedList is CEL of a list of strings. The items of the literal [] could be of any type,
// and a rule that uses them would compile in another way than with a list that has some.
func typedList(items []string) string {
	if len(items) == 0 {
		return `"".split("", 0)`
	}
	return listLiteral(items)
}

// intLiteral is a CEL literal of an integer that keeps its value wherever it stands.
func intLiteral(n int64) string {
	if n < 0 {
		return "(" + strconv.FormatInt(n, 10) + ")"
	}
	return strconv.FormatInt(n, 10)
}
