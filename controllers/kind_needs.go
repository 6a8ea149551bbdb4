// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
)

// purpose is what a kind is needed for: that guardrails judge its objects, or read them as
// surroundings, or that they tell which fields of workloads are delegated, or by what pods run.
type purpose string

// toJudge is the purpose of what resource rules name, and toDelegate that of autoscalers;
// every other purpose is the name of the surroundings.
const (
	toJudge    purpose = "judge"
	toDelegate purpose = "delegate"
)

// need is a kind that a rule reads besides workloads.
type need struct {
	kind    watchedKind
	purpose purpose
}

// needsOf a rule.
func needsOf(rule v1alpha1.GuardrailSpec) []need {
	var needs []need
	for _, resource := range rule.Resources {
		needs = append(needs, need{judgedKind(resource), toJudge})
	}
	for _, s := range rule.Surroundings {
		for _, kind := range kindsAround(s) {
			needs = append(needs, need{kind, purpose(s)})
		}
	}
	return needs
}

// kindsAround are the kinds of some surroundings. Services are watched in any case.
func kindsAround(s v1alpha1.Surrounding) []watchedKind {
	switch s {
	case v1alpha1.SurroundingReferences:
		return []watchedKind{configMapKeys, serviceAccountNames, claimNames}
	case v1alpha1.SurroundingDisruptionBudgets:
		return []watchedKind{disruptionBudgets}
	case v1alpha1.SurroundingIngressHosts:
		return []watchedKind{ingresses}
	default:
		return nil
	}
}

// kindsNeeded are the kinds that the guardrails of all environments need, and what for, and
// those that drift is told by. A guardrail that stands nowhere needs none.
func kindsNeeded(environments environment.Map, rules map[string]*v1alpha1.Guardrail) map[watchedKind]map[purpose]bool {
	needed := map[watchedKind]map[purpose]bool{}
	need := func(kind watchedKind, what purpose) {
		if needed[kind] == nil {
			needed[kind] = map[purpose]bool{}
		}
		needed[kind][what] = true
	}
	for _, e := range environments.Environments() {
		if looksForDrift(e.Spec.Drift) {
			for _, kind := range autoscalerKinds {
				need(kind, toDelegate)
			}
		}
		if watchesSecrets(e.Spec.Drift) {
			need(secretWrites, toDateSecrets)
		}
		for _, state := range e.Policy.Status.Guardrails {
			rule := rules[state.Name]
			if rule == nil {
				continue
			}
			for _, n := range needsOf(rule.Status.Accepted.Spec) {
				need(n.kind, n.purpose)
			}
		}
	}
	return needed
}
