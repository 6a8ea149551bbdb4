// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance

import (
	"errors"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// errNotJudged is why a verdict is unknown that was said to hold and is not there.
var errNotJudged = errors.New("the object was not judged yet")

// Record writes what the guardrails say of an object into its report, of which the newest
// outcome is the revision that stands. Verdicts of guardrails that judge it no more go.
//
// A revision that could not be judged when it came is judged as soon as it can be: until
// then it is no trial.
func Record(status *v1alpha1.ReadinessReportStatus, judgements []Judgement, look Look) {
	before := make(map[string]*v1alpha1.GuardrailVerdict, len(status.Guardrails))
	for i := range status.Guardrails {
		before[status.Guardrails[i].Name] = &status.Guardrails[i]
	}
	outcome := &status.Outcomes[0]
	status.Guardrails, status.Findings = make([]v1alpha1.GuardrailVerdict, 0, len(judgements)), 0
	for _, now := range judgements {
		previous := before[now.Guardrail]
		if now.Unchanged && holds(previous, now.Rule) {
			kept := *previous
			kept.Level = now.Level
			status.Guardrails = append(status.Guardrails, kept)
			status.Findings += kept.Total
			continue
		}
		if now.Unchanged {
			now.Err = errNotJudged // no data is never clean
		}
		occasion := look
		if slices.Contains(outcome.Unjudged, now.Guardrail) && !occasion.Change.arrives() {
			occasion.Change = Revised
		}
		verdict, anew := Judge(previous, now, occasion)
		outcome.NewFindings = including(outcome.NewFindings, now.Guardrail, anew)
		outcome.Unjudged = without(outcome.Unjudged, now.Guardrail)
		unjudged := verdict.Error != "" && occasion.Change.arrives() && verdict.FirstRevision <= look.Revision
		outcome.Unjudged = including(outcome.Unjudged, now.Guardrail, unjudged)
		status.Guardrails = append(status.Guardrails, verdict)
		status.Findings += verdict.Total
	}
	if len(status.Guardrails) == 0 {
		status.Guardrails = nil
	}
}

// holds says whether a recorded verdict is that of the rule, and known.
func holds(verdict *v1alpha1.GuardrailVerdict, rule string) bool {
	return verdict != nil && verdict.Rule == rule && verdict.Error == "" && verdict.Excluded == ""
}

// Holds says whether a report has a verdict of the rule that is known: where neither the
// object nor what else the rule reads has changed, it need not be evaluated again.
func Holds(status *v1alpha1.ReadinessReportStatus, guardrail, rule string) bool {
	i := slices.IndexFunc(status.Guardrails, func(v v1alpha1.GuardrailVerdict) bool { return v.Name == guardrail })
	return i >= 0 && holds(&status.Guardrails[i], rule)
}

func including(names []string, name string, yes bool) []string {
	if !yes || slices.Contains(names, name) {
		return names
	}
	return append(slices.Clone(names), name)
}

func without(names []string, name string) []string {
	if !slices.Contains(names, name) {
		return names
	}
	rest := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
	if len(rest) == 0 {
		return nil
	}
	return rest
}

// Depart keeps, of the verdicts on an object that was deleted, what its trials are read
// from. An object that comes back under the name brings all its findings anew.
func Depart(status *v1alpha1.ReadinessReportStatus) {
	status.Findings = 0
	for i := range status.Guardrails {
		verdict := &status.Guardrails[i]
		verdict.Findings, verdict.Keys = nil, ""
	}
}
