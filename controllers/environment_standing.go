// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/progression"
)

// labelOwner is the label of a Namespace that says whose it is.
const labelOwner = "owner"

// rulesInForce are the guardrails that stand in an environment, by name.
type rulesInForce map[string]standingRule

// standingRule is an accepted rule as an environment has set it.
type standingRule struct {
	progression.Standing
	name   string
	spec   v1alpha1.GuardrailSpec
	digest string
	// uncompiled says why the rule does not compile any more; empty when it does.
	uncompiled string
	// held is the mistake in the policy that may be why it does not bring it; empty when it does.
	held string
}

// standing are the guardrails that stand in an environment, and those for which there is
// no room. Whatever is new begins when the environment is not suspended any more, and when
// it compiles; it takes the place of none that stands. While an entry of the policy brings
// nothing, which may be a typing error, no guardrail loses its place because of it.
func (seen *environmentLook) standing(in environment.Environment, previous map[string]*v1alpha1.GuardrailState) (all rulesInForce, leftOut []string) {
	all = rulesInForce{}
	mistake, _ := progression.BringsNothing(in.Spec, seen.rules)
	for _, name := range seen.inTurn(previous) {
		stands, found := progression.Stands(in.Spec, seen.rules[name])
		held := ""
		if !found && mistake != "" && previous[name] != nil {
			held = mistake
			stands, found = progression.AsItStood(in.Spec, *previous[name])
		}
		frozenOut := previous[name] == nil && in.Spec.Suspend == v1alpha1.SuspendAll
		if !found || frozenOut {
			continue
		}
		settled := seen.programs.settle(seen.rules[name], stands, previous[name])
		if !settled.runs {
			continue
		}
		if len(all) == maxGuardrails {
			leftOut = append(leftOut, name)
			continue
		}
		rule := standingRule{
			Standing: settled.Standing, name: name, spec: seen.rules[name].Status.Accepted.Spec, uncompiled: settled.uncompiled, held: held,
		}
		rule.digest = guardrail.Digest(rule.spec, rule.Parameters)
		all[name] = rule
	}
	return all, leftOut
}

// inTurn are the names of all rules: of those that stood first, then of the others.
func (seen *environmentLook) inTurn(previous map[string]*v1alpha1.GuardrailState) []string {
	names := slices.Sorted(maps.Keys(seen.rules))
	slices.SortStableFunc(names, func(a, b string) int {
		switch stoodA, stoodB := previous[a] != nil, previous[b] != nil; {
		case stoodA == stoodB:
			return 0
		case stoodA:
			return -1
		default:
			return 1
		}
	})
	return names
}

// rules are what to gather.
func (s rulesInForce) rules() map[string]progression.Rule {
	rules := make(map[string]progression.Rule, len(s))
	for name, rule := range s {
		rules[name] = progression.Rule{
			Digest: rule.digest, Kinds: rule.spec.Kinds, Resources: rule.spec.Resources, Predicts: rule.spec.Predicts,
			Exclusions: rule.Exclusions,
		}
	}
	return rules
}

// backgroundOnly says whether admission cannot evaluate the rule.
func (r standingRule) backgroundOnly() bool { return len(r.spec.Surroundings) > 0 }

// predecessor is the environment that this one follows, as its guardrails stand there.
type predecessor struct {
	name string
	// unknown says why nobody knows how it stands; empty when somebody does.
	unknown  string
	exists   bool
	states   map[string]*v1alpha1.GuardrailState
	standing rulesInForce
	records  map[string]progression.Record
}

// predecessor is nil when the environment follows none.
func (seen *environmentLook) predecessor() *predecessor {
	if seen.own.Spec.Follows == nil {
		return nil
	}
	p := &predecessor{
		name: environmentName(*seen.own.Spec.Follows), unknown: seen.before.fault.Message, exists: seen.before.exists,
		states: map[string]*v1alpha1.GuardrailState{},
	}
	if !p.exists {
		return p
	}
	before := seen.before.environment
	for i := range before.Policy.Status.Guardrails {
		p.states[before.Policy.Status.Guardrails[i].Name] = &before.Policy.Status.Guardrails[i]
	}
	p.standing, _ = seen.standing(before, p.states)
	p.records = progression.GatherAll(seen.before.reports, p.standing.rules())
	for name, rule := range seen.rules {
		// What has not begun there yet is waited for too.
		if stands, found := progression.Stands(before.Spec, rule); found && p.states[name] == nil {
			p.states[name] = &v1alpha1.GuardrailState{Name: name, Level: v1alpha1.Observe, MaxLevel: stands.Max}
		}
	}
	return p
}

// of is how a guardrail of this environment stands in the one before.
func (p *predecessor) of(rule standingRule) *progression.Predecessor {
	if p == nil {
		return nil
	}
	return &progression.Predecessor{
		Name: p.name, Unknown: p.unknown, Exists: p.exists, State: p.states[rule.name], Record: p.records[rule.name],
		Differs: p.standing[rule.name].digest != rule.digest,
	}
}

// progressing are the namespaces of the environment as progression sees them.
func (seen *environmentLook) progressing() []progression.Member {
	observed := map[string]bool{}
	for i := range seen.reports {
		if status := &seen.reports[i].Status; status.Object == nil && status.State != v1alpha1.ReportGone {
			observed[seen.reports[i].Namespace] = true
		}
	}
	members := make([]progression.Member, 0, len(seen.namespaces))
	for i := range seen.namespaces {
		members = append(members, memberOf(&seen.namespaces[i], seen.own.Name(), observed[seen.namespaces[i].Name]))
	}
	return members
}

func memberOf(namespace *corev1.Namespace, in string, observed bool) progression.Member {
	member := progression.Member{Name: namespace.Name, Owner: namespace.Labels[labelOwner], Observed: observed}
	if joined, found := environment.ParseJoined(namespace.Annotations); found && joined.Environment == in {
		member.Joined, member.Busy = joined.Since, joined.Busy
	}
	return member
}
