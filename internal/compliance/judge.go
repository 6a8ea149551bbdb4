// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance

import (
	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxListed is how many findings of a guardrail a report lists.
	maxListed = 10
	// maxError is the longest reason why a guardrail could not be evaluated, in bytes.
	maxError = 512
	// maxExcluded is the longest reason of an exclusion, in bytes.
	maxExcluded = 256
)

// Judgement is what a guardrail says of an object now. With Err nothing is known; with
// Excluded nothing was asked.
type Judgement struct {
	// Guardrail that judged, and a digest of the rule as it is written now.
	Guardrail, Rule string
	Level           v1alpha1.Level
	// Findings are all of them, each key once.
	Findings []v1alpha1.Finding
	// Err is why the rule could not be evaluated.
	Err error
	// Excluded is the reason why the environment leaves the object out.
	Excluded string
	// Unchanged is true when nothing that the rule reads has changed since it judged last,
	// so that it was not evaluated: the verdict in the report holds.
	Unchanged bool
	// Arrived is true when the object came while the rule stood: a rule that has not judged
	// it before then judges this revision as one that it could have refused.
	Arrived bool
}

// Change is what happened to the object since the rule judged it last.
type Change int

const (
	// Unknown is what nobody saw, as after a restart of the operator.
	Unknown Change = iota
	// Unchanged is an object that nobody wrote to: what comes or goes does so by itself.
	Unchanged
	// Edited is a change that brings no new revision, as scaling does.
	Edited
	// Revised is a new revision: admission would compare it with the one before.
	Revised
	// Created is a new object, or one that came back after its deletion: admission would
	// forgive nothing of what it brings.
	Created
)

// arrives says whether the change is a trial of the guardrails.
func (c Change) arrives() bool { return c == Revised || c == Created }

// Look is the occasion on which an object is judged.
type Look struct {
	// Revision is the number of the revision that stands.
	Revision int64
	Change   Change
}

// Judge says what a report keeps of a judgement, given what it kept before (nil: nothing),
// and whether the revision brings a finding anew: what Enforce would have refused, because
// the object did not have a finding of that key before.
//
// What was found by another rule says nothing. A rule that was rewritten, or that judges an
// object which was left out before, judges from the next revision on. Where the rule fails, the verdict is unknown, and what was known
// before is kept for the next time that it does not.
func Judge(previous *v1alpha1.GuardrailVerdict, now Judgement, look Look) (verdict v1alpha1.GuardrailVerdict, anew bool) {
	verdict = v1alpha1.GuardrailVerdict{Name: now.Guardrail, Level: now.Level, Rule: now.Rule, FirstRevision: firstRevision(previous, now, look.Revision)}
	if previous != nil && !continues(*previous, now) {
		previous = nil
	}
	if previous != nil {
		verdict.Fixed, verdict.Flapped = previous.Fixed, previous.Flapped
	}
	switch {
	case now.Excluded != "":
		verdict.Excluded = message.Cut(now.Excluded, maxExcluded)
		return verdict, false
	case now.Err != nil:
		verdict.Error = message.Cut(now.Err.Error(), maxError)
		if previous != nil && look.Change != Created {
			verdict.Keys = keptThroughFailure(previous)
		}
		return verdict, false
	}
	if look.Change == Created {
		previous = nil
	}

	was, is := keysIn(previous), keysOf(now.Findings)
	verdict.Total = int32(is.total)
	verdict.Keys = encode(now.Findings)
	verdict.Findings = listed(now.Findings, previous, was, look.Revision)
	came, went := is.without(was), was.without(is)
	if !was.complete && previous.Error != "" {
		came, went = 0, 0 // not even their number is known
	}
	if previous != nil {
		switch look.Change {
		case Edited, Revised:
			verdict.Fixed += int32(went)
		case Unchanged:
			verdict.Flapped += int32(came + went)
		}
	}
	return verdict, look.Change.arrives() && verdict.FirstRevision <= look.Revision && came > 0
}

// continues says whether a judgement goes on from an earlier one: of the same rule, and of
// an object that was not left out until now.
func continues(previous v1alpha1.GuardrailVerdict, now Judgement) bool {
	return previous.Rule == now.Rule && (previous.Excluded == "" || now.Excluded != "")
}

// firstRevision is the first revision whose arrival the rule, as it is written now, has
// judged. A rule that is new or was rewritten judges from the next revision on; one that
// was there before the object came judges this one too.
func firstRevision(previous *v1alpha1.GuardrailVerdict, now Judgement, revision int64) int64 {
	switch {
	case previous != nil && continues(*previous, now):
		return previous.FirstRevision
	case previous == nil && now.Arrived:
		return revision
	default:
		return revision + 1
	}
}

// keptThroughFailure are the keys of the last verdict that was known.
func keptThroughFailure(previous *v1alpha1.GuardrailVerdict) string {
	if previous.Keys == "" && previous.Total > 0 {
		if int(previous.Total) == len(previous.Findings) {
			return encode(previous.Findings)
		}
		return v1alpha1.UncountableKeys
	}
	return previous.Keys
}

// listed are the first findings, each with the first revision that was seen with it: 0
// where it was there before and nobody remembers since when.
func listed(findings []v1alpha1.Finding, previous *v1alpha1.GuardrailVerdict, was keySet, revision int64) []v1alpha1.Finding {
	if len(findings) == 0 {
		return nil
	}
	since := map[string]int64{}
	if previous != nil {
		for _, f := range previous.Findings {
			since[f.Key] = f.SinceRevision
		}
	}
	list := make([]v1alpha1.Finding, 0, min(len(findings), maxListed))
	for _, f := range findings[:min(len(findings), maxListed)] {
		before, known := since[f.Key]
		switch {
		case known:
			f.SinceRevision = before
		case was.complete && !was.has(f.Key):
			f.SinceRevision = revision
		default:
			f.SinceRevision = 0
		}
		list = append(list, f)
	}
	return list
}
