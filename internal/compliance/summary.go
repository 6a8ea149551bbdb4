// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance

import (
	"fmt"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// maxSummary is the longest summary, in bytes.
const maxSummary = 512

// Summary says in one sentence how an object stands with the guardrails that judge it.
func Summary(verdicts []v1alpha1.GuardrailVerdict) string {
	var worst, failed *v1alpha1.GuardrailVerdict
	findings, failing, excluded := int32(0), 0, 0
	for i := range verdicts {
		v := &verdicts[i]
		findings += v.Total
		switch {
		case v.Error != "":
			failing++
			failed = v
		case v.Excluded != "":
			excluded++
		case v.Total > 0 && (worst == nil || v.Level.Above(worst.Level)):
			worst = v
		}
	}
	text := fmt.Sprintf("complies with all that judges it: %s", count(len(verdicts)-excluded, "guardrail"))
	switch {
	case worst != nil && len(worst.Findings) > 0:
		text = fmt.Sprintf("%s, first [%s, %s] %s", count(int(findings), "finding"), worst.Name, worst.Level, worst.Findings[0].Text)
	case worst != nil:
		text = fmt.Sprintf("%s, first of %s (%s)", count(int(findings), "finding"), worst.Name, worst.Level)
	case failing > 0:
		text = "nothing was found"
	case excluded == len(verdicts):
		text = "it is excluded from every guardrail that would judge it"
	}
	if failing > 0 {
		text = fmt.Sprintf("%s could not judge it, so it is not known to comply: %s; %s", count(failing, "guardrail"), failed.Error, text)
	}
	return message.Cut(text, maxSummary)
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
