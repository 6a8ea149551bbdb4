// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package offline judges manifests by guardrails before they reach a cluster: what a
// developer, or a pipeline, asks before a merge. It compiles and evaluates as the operator
// does; what a rule reads of the cluster itself cannot be judged here, and is named.
package offline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/progression"
)

// Rules are guardrails that manifests can be judged by.
type Rules struct {
	programs []*guardrail.Program
	// Skipped are the guardrails that read more of a cluster than manifests tell, by name.
	Skipped []string
}

// Compile makes guardrails executable. With a policy, only those that stand in its
// environment count, with the parameters and exclusions that it sets; without one, all do,
// with their defaults. Its error joins what is wrong with each guardrail.
func Compile(compiler *guardrail.Compiler, guardrails []v1alpha1.Guardrail, policy *v1alpha1.EnvironmentPolicy) (Rules, error) {
	var rules Rules
	errs := missing(guardrails, policy)
	for i := range guardrails {
		rule := accepted(guardrails[i])
		settings, stands := settingsOf(rule, policy)
		if !stands {
			continue
		}
		program, err := compiler.CompileFor(rule.Name, rule.Spec, settings)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("guardrail %s: %w", rule.Name, err))
		case program.BackgroundOnly():
			rules.Skipped = append(rules.Skipped, rule.Name)
		default:
			rules.programs = append(rules.programs, program)
		}
	}
	slices.Sort(rules.Skipped)
	slices.SortFunc(rules.programs, func(a, b *guardrail.Program) int { return cmp.Compare(a.Name(), b.Name()) })
	return rules, errors.Join(errs...)
}

// missing says which guardrails a policy names that are not among the given ones: a typo
// must not read as compliance.
func missing(guardrails []v1alpha1.Guardrail, policy *v1alpha1.EnvironmentPolicy) []error {
	if policy == nil {
		return nil
	}
	var errs []error
	for _, entry := range policy.Spec.Guardrails {
		named := func(g v1alpha1.Guardrail) bool { return g.Name == entry.Name }
		if entry.Name != "" && !slices.ContainsFunc(guardrails, named) {
			errs = append(errs, fmt.Errorf("environment %s names guardrail %s, which is not among those given", policy.Name, entry.Name))
		}
	}
	return errs
}

// Len is how many guardrails judge.
func (r Rules) Len() int { return len(r.programs) }

// accepted is the guardrail as if the operator had just accepted it.
func accepted(rule v1alpha1.Guardrail) *v1alpha1.Guardrail {
	rule.Status.Accepted = &v1alpha1.AcceptedRule{Generation: rule.Generation, Spec: rule.Spec}
	return &rule
}

func settingsOf(rule *v1alpha1.Guardrail, policy *v1alpha1.EnvironmentPolicy) (guardrail.Settings, bool) {
	if policy == nil {
		return guardrail.Settings{}, true
	}
	standing, stands := progression.Stands(policy.Spec.Effective(), rule)
	return guardrail.Settings{Parameters: standing.Parameters, Exclusions: standing.Exclusions}, stands
}
