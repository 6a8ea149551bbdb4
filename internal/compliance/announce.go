// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance

import (
	"fmt"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// maxAnnouncement is the longest announcement, in bytes: the API server refuses events
// whose note is longer than 1,024.
const maxAnnouncement = 1000

// Announce names the findings that the owner of an object has not been told of yet, of
// guardrails above Observe: those that came with this look, and all of a guardrail that
// has just left Observe. It is empty when there are none. enforceNext says whether a
// guardrail's next level is Enforce.
//
// GitOps tools swallow the warnings of admission, so this is what their users see.
func Announce(was, is []v1alpha1.GuardrailVerdict, enforceNext func(guardrail string) bool) string {
	told := make(map[string]*v1alpha1.GuardrailVerdict, len(was))
	for i := range was {
		if was[i].Level.Above(v1alpha1.Observe) {
			told[was[i].Name] = &was[i]
		}
	}
	var text strings.Builder
	named, total := 0, 0
	for i := range is {
		verdict := &is[i]
		if !verdict.Level.Above(v1alpha1.Observe) || verdict.Total == 0 {
			continue
		}
		known := keysIn(told[verdict.Name])
		total += keysIn(verdict).without(known)
		for _, f := range verdict.Findings {
			if known.complete && known.has(f.Key) || listedIn(told[verdict.Name], f.Key) {
				continue
			}
			line := fmt.Sprintf("[%s] %s (%s)", verdict.Name, f.Text, consequence(verdict.Level, enforceNext(verdict.Name)))
			if text.Len()+len(line) > maxAnnouncement-len("; +4294967296 more") {
				continue
			}
			if named > 0 {
				text.WriteString("; ")
			}
			text.WriteString(line)
			named++
		}
	}
	switch {
	case total == 0:
		return ""
	case named == 0:
		return fmt.Sprintf("%d new findings", total)
	}
	if more := total - named; more > 0 {
		fmt.Fprintf(&text, "; +%d more", more)
	}
	return text.String()
}

func listedIn(verdict *v1alpha1.GuardrailVerdict, key string) bool {
	if verdict == nil {
		return false
	}
	for _, f := range verdict.Findings {
		if f.Key == key {
			return true
		}
	}
	return false
}

// consequence is what a violation leads to, in words.
func consequence(level v1alpha1.Level, enforceNext bool) string {
	if level != v1alpha1.Enforce && enforceNext {
		return string(level) + "; Enforce is next"
	}
	return string(level)
}
