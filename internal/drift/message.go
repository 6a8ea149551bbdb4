// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	maxMessage = 512
	maxPath    = 512
	maxValue   = 256
	maxFields  = 10
)

// Report is the judgement as a ReadinessReport shows it; nil when nothing differs.
// baseline names the object that holds the baseline.
func (j Judgement) Report(baseline string) *v1alpha1.Drift {
	if len(j.Differences) == 0 {
		return nil
	}
	out := &v1alpha1.Drift{
		Leaves:   int32(len(j.Differences)), //nolint:gosec // an object has at most 1.5 MiB
		Since:    timeOf(j.Since),
		By:       message.Cut(plain(j.By), maxValue),
		Baseline: baseline,
		Decision: j.Message,
	}
	for _, d := range j.Differences[:min(len(j.Differences), maxFields)] {
		out.Fields = append(out.Fields, v1alpha1.DriftedField{
			Path: message.Cut(d.Path.String(), maxPath), Was: message.Cut(show(d.Was), maxValue), Is: message.Cut(show(d.Is), maxValue),
		})
	}
	return out
}

// describe is one sentence about what differs, and one about what follows.
func describe(j Judgement, follows string) string {
	first := j.Differences[0]
	what := fmt.Sprintf("%s changed %s from %s to %s",
		orUnknown(plain(first.By)), first.Path, message.Cut(showOrNothing(first.Was), 64), message.Cut(showOrNothing(first.Is), 64))
	if more := len(j.Differences) - 1; more > 0 {
		what += fmt.Sprintf(" (and %d more)", more)
	}
	return message.Cut(message.Cut(what, maxMessage-len(follows)-2)+": "+follows, maxMessage)
}

func unobserved(mode v1alpha1.DriftMode) string {
	if mode == v1alpha1.DriftIgnore {
		return "drift is ignored here"
	}
	return "no trusted writers are declared, so that every change counts as intended"
}

func adopted(baseline *Baseline) string {
	if baseline.Verified {
		return "only trusted writers have written this workload: its spec is the baseline"
	}
	return "first seen: the live spec is the baseline, unverified until a trusted writer changes it"
}

// undrifted says that nothing differs, and what does not count.
func undrifted(in Input, scaled bool) string {
	var apart []string
	if left := delegated(in.Autoscalers); left != "" {
		apart = append(apart, "delegated fields ("+left+")")
	} else if scaled {
		apart = append(apart, "spec.replicas, which somebody scaled")
	}
	if len(ignoredFields(in.Policy)) > 0 {
		apart = append(apart, "ignored fields")
	}
	if len(apart) == 0 {
		return "the spec is what trusted writers wrote"
	}
	return message.Cut("nothing differs from what trusted writers wrote, apart from "+strings.Join(apart, " and "), maxMessage)
}

// show is a JSON value as people read it: plain text without quotes, nothing for what is not there.
func show(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return plain(v)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return plain(string(text))
}

// plain is a text with escapes for what no terminal shows, or what would make it show something else.
func plain(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return text
	}
	quoted := strconv.QuoteToGraphic(text)
	return quoted[1 : len(quoted)-1]
}

func showOrNothing(value any) string {
	if text := show(value); text != "" {
		return text
	}
	return "nothing"
}

func orUnknown(name string) string {
	if name == "" {
		return "somebody"
	}
	return name
}

func minutes(d time.Duration) string { return fmt.Sprintf("%d minutes", int(d.Minutes())) }

// timeOf is a time as the API keeps it: what is read back must be equal.
func timeOf(t time.Time) *metav1.Time { return &metav1.Time{Time: t.Truncate(time.Second)} }
