// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxFindings is how many findings of a guardrail a report lists.
	maxFindings = 10
	// maxVerdictError is the longest reason why a guardrail could not be evaluated.
	maxVerdictError = 512
)

// evaluate judges the workload by every guardrail of its environment, and notes which of
// them the newest revision violates anew: what Enforce would have refused.
func (r *ReportReconciler) evaluate(ctx context.Context, l *look) {
	status := &l.report.Status
	before := map[string]v1alpha1.GuardrailVerdict{}
	for _, verdict := range status.Guardrails {
		before[verdict.Name] = verdict
	}
	fresh := status.Revision.Number != l.judgedRevision
	status.Guardrails, status.Findings = nil, 0
	for _, state := range l.environment.Policy.Status.Guardrails {
		program, err := r.Programs.For(l.rules[state.Name])
		if err != nil || !program.Judges(l.key.Kind) {
			continue // not in force; the environment's condition says why
		}
		previous, known := before[state.Name]
		verdict := r.verdict(ctx, l, program)
		verdict.Level = state.Level
		verdict.FirstRevision = firstRevision(previous, known, verdict.Rule, l)
		if fresh && verdict.Error == "" && verdict.FirstRevision <= status.Revision.Number && hasNew(verdict, previous) {
			status.Outcomes[0].NewFindings = append(status.Outcomes[0].NewFindings, state.Name)
		}
		status.Guardrails = append(status.Guardrails, verdict)
		status.Findings += verdict.Total
	}
}

// verdict is what one guardrail says of the workload. An error is unknown, never clean.
func (r *ReportReconciler) verdict(ctx context.Context, l *look, program *guardrail.Program) v1alpha1.GuardrailVerdict {
	verdict := v1alpha1.GuardrailVerdict{Name: program.Name(), Rule: program.Digest()}
	result, err := program.Evaluate(ctx, guardrail.Input{Object: l.object, Namespace: l.namespace})
	if err != nil {
		verdict.Error = message.Cut(err.Error(), maxVerdictError)
		return verdict
	}
	verdict.Total = int32(len(result.Findings))
	verdict.Findings = result.Findings[:min(len(result.Findings), maxFindings)]
	return verdict
}

// firstRevision is the first revision whose arrival the rule, as it is written now, has
// judged. A rule that is new or was rewritten judges from the next revision on; one that
// was there before the workload came judges its first revision too.
func firstRevision(previous v1alpha1.GuardrailVerdict, known bool, rule string, l *look) int64 {
	number := l.report.Status.Revision.Number
	switch {
	case known && previous.Rule == rule:
		return previous.FirstRevision
	case !known && number == 1 && l.judgedRevision == 0 && !l.adopted():
		return 1
	default:
		return number + 1
	}
}

// hasNew says whether there is a finding whose key was not there before, as the ratchet
// of native admission would.
func hasNew(verdict, previous v1alpha1.GuardrailVerdict) bool {
	for _, finding := range verdict.Findings {
		old := func(f v1alpha1.Finding) bool { return f.Key == finding.Key }
		if !slices.ContainsFunc(previous.Findings, old) {
			return true
		}
	}
	return verdict.Total > previous.Total
}
