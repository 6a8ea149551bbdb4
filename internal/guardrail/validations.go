// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// checked is a validation whose expressions have compiled.
type checked struct {
	v1alpha1.Validation
	// messageTotal says that the messageExpression cannot fail. One that can is replaced
	// by the message: a validating policy would fall back to it, but within a list of
	// findings CEL has no way to catch the error.
	messageTotal bool
}

// findingsOf is the findings expression that says the same as validations. The message
// is the key; title stands in for a message that is missing.
func findingsOf(validations []checked, title string) string {
	seen := map[string]int{}
	terms := make([]string, 0, len(validations))
	for i, v := range validations {
		key := v.Message
		if key == "" {
			key = fmt.Sprintf("validation %d", i+1)
		}
		// Two validations with one message are still two findings to the ratchet.
		if seen[key]++; seen[key] > 1 {
			key = fmt.Sprintf("%s (%d)", key, seen[key])
		}
		text := stringLiteral(cmp.Or(v.Message, title))
		if v.MessageExpression != "" && v.messageTotal {
			text = "(" + v.MessageExpression + "\n)"
		}
		terms = append(terms, fmt.Sprintf("((%s\n) ? [] : [{'key': %s, 'text': %s}])",
			v.Expression, stringLiteral(key), text))
	}
	return strings.Join(terms, " +\n")
}
