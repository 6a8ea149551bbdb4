// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/progression"
)

// settled is what a guardrail is set to in an environment.
type settled struct {
	progression.Standing
	// wrong says what the policy sets wrongly; nil when nothing is wrong. The parameters
	// are then those that were in force before.
	wrong error
	// uncompiled says why the rule does not compile any more; empty when it does.
	uncompiled string
	// runs is false when the guardrail cannot stand: what the policy sets is wrong, or the
	// rule does not compile, and nothing was in force before that could go on.
	runs bool
}

// settle says how a guardrail runs that an environment brings. A wrong parameter changes
// nothing: what was in force stays, as far as the rule still has such parameters. So a
// typing error neither lowers what is enforced nor enforces what nobody asked for. A rule
// that does not compile any more goes on where it stands, and begins nowhere. previous is
// the guardrail's state in the environment; nil when it is new there.
func (p *Programs) settle(rule *v1alpha1.Guardrail, brought progression.Standing, previous *v1alpha1.GuardrailState) settled {
	program, wrong := p.For(rule, settingsIn(brought))
	if wrong == nil {
		uncompiled := whyUncompiled(program)
		return settled{Standing: brought, uncompiled: uncompiled, runs: uncompiled == "" || previous != nil}
	}
	if previous == nil {
		return settled{Standing: brought, wrong: wrong}
	}
	before := brought
	before.Parameters = progression.DeclaredBy(rule, previous.Parameters)
	program, err := p.For(rule, settingsIn(before))
	if err != nil {
		return settled{Standing: before, wrong: wrong}
	}
	return settled{Standing: before, wrong: wrong, uncompiled: whyUncompiled(program), runs: true}
}

// whyUncompiled says why a rule does not compile any more; empty when it does.
func whyUncompiled(program *guardrail.Program) string {
	if program.Uncompiled() == nil {
		return ""
	}
	return oneLine(program.Uncompiled())
}

func settingsIn(s progression.Standing) guardrail.Settings {
	return guardrail.Settings{Parameters: s.Parameters, Exclusions: s.Exclusions}
}

// settingsOf are what a guardrail runs with in an environment where it stands: the
// parameters that its state says are in force, and the policy's exclusions.
func settingsOf(policy v1alpha1.EnvironmentPolicySpec, rule *v1alpha1.Guardrail, state v1alpha1.GuardrailState) guardrail.Settings {
	if rule == nil {
		return guardrail.Settings{}
	}
	standing, stands := progression.Stands(policy, rule)
	if !stands {
		standing, _ = progression.AsItStood(policy, state)
	}
	standing.Parameters = state.Parameters
	return settingsIn(standing)
}

// wrongSettings are what the policy sets wrongly and what that means, by guardrail. What
// an entry sets for no guardrail at all stands under the entry.
func (seen *environmentLook) wrongSettings(previous map[string]*v1alpha1.GuardrailState) map[string]string {
	wrong := map[string]string{}
	for name, rule := range seen.rules {
		brought, stands := progression.Stands(seen.own.Spec, rule)
		if !stands {
			continue
		}
		switch settled := seen.programs.settle(rule, brought, previous[name]); {
		case settled.wrong == nil:
		case settled.runs:
			wrong[name] = fmt.Sprintf("%v; what was set before stays in force until spec.guardrails is corrected", oneLine(settled.wrong))
		default:
			wrong[name] = fmt.Sprintf("%v; the guardrail does not stand here until spec.guardrails is corrected", oneLine(settled.wrong))
		}
	}
	for i, entry := range seen.own.Spec.Guardrails {
		for _, setting := range entry.Parameters {
			if entry.Selector != nil && seen.nobodyHas(entry.Selector, setting.Name) {
				field := fmt.Sprintf("spec.guardrails[%d].parameters", i)
				wrong[field] = fmt.Sprintf("%s: no guardrail that the selector selects has a parameter %s, so nothing is set; correct its name or remove it", field, setting.Name)
			}
		}
	}
	return wrong
}

// oneLine joins the errors that an error has joined.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// nobodyHas says whether the selector selects guardrails none of which has the parameter.
func (seen *environmentLook) nobodyHas(selector *metav1.LabelSelector, parameter string) bool {
	matching, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return false // reported by itself
	}
	selected := false
	for _, rule := range seen.rules {
		if !matching.Matches(labels.Set(rule.Labels)) {
			continue
		}
		selected = true
		if len(progression.DeclaredBy(rule, []v1alpha1.ParameterSetting{{Name: parameter}})) != 0 {
			return false
		}
	}
	return selected
}

// whyGone is why a guardrail does not stand in an environment any more.
func (seen *environmentLook) whyGone(name string) string {
	if seen.rules[name] == nil {
		return "it does not stand here any more: there is no such guardrail"
	}
	return cmp.Or(seen.wrong[name], "it does not stand here any more: spec.guardrails does not bring it, and an entry with selector: {} brings all that no other entry does")
}

// sentences are texts in the order of what they are about.
func sentences(about map[string]string) []string {
	texts := make([]string, 0, len(about))
	for _, key := range slices.Sorted(maps.Keys(about)) {
		texts = append(texts, about[key])
	}
	return texts
}
