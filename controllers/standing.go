// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// standing is a guardrail that stands in an environment, compiled as it is set there.
type standing struct {
	*guardrail.Program
	// rule identifies what is judged: the rule and its settings.
	rule  string
	state v1alpha1.GuardrailState
	reads
}

// reads is what a rule's verdict depends on besides what people write into the object.
type reads struct {
	status, namespace bool
	around            []v1alpha1.Surrounding
}

// readsOf a rule. A word that merely occurs in it costs an evaluation, and no more.
func readsOf(rule v1alpha1.GuardrailSpec) reads {
	return reads{status: mentions(rule, "status"), namespace: mentions(rule, "namespaceObject"), around: rule.Surroundings}
}

// mentions says whether a word occurs in what a rule evaluates.
func mentions(rule v1alpha1.GuardrailSpec, word string) bool {
	if strings.Contains(rule.Findings, word) {
		return true
	}
	for _, v := range rule.Validations {
		if strings.Contains(v.Expression, word) || strings.Contains(v.MessageExpression, word) {
			return true
		}
	}
	return false
}

// standings remembers what stands in each environment, because every look asks for it.
type standings struct {
	mu            sync.Mutex
	byEnvironment map[string]stood
}

// stood is what stands in an environment as long as neither it nor any rule changes.
type stood struct {
	version    string
	guardrails []standing
}

// standingIn are the guardrails that stand in an environment, in the order of its status.
// One that is not in force is left out; the environment's condition says why. The result is
// shared, and must not be written to.
func (p *Programs) standingIn(ctx context.Context, c client.Reader, e environment.Environment) ([]standing, error) {
	var list v1alpha1.GuardrailList
	if err := c.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list guardrails: %w", err)
	}
	version := versionOf(e, list.Items)
	p.standings.mu.Lock()
	defer p.standings.mu.Unlock()
	if known := p.standings.byEnvironment[e.Name()]; known.version == version {
		return known.guardrails, nil
	}
	if p.standings.byEnvironment == nil {
		p.standings.byEnvironment = map[string]stood{}
	}
	stand := p.compileStanding(e, acceptedRules(list.Items))
	p.standings.byEnvironment[e.Name()] = stood{version, stand}
	return stand, nil
}

func (p *Programs) compileStanding(e environment.Environment, rules map[string]*v1alpha1.Guardrail) []standing {
	states := e.Policy.Status.Guardrails
	stand := make([]standing, 0, len(states))
	for i := range states {
		rule := rules[states[i].Name]
		program, err := p.For(rule, settingsOf(e.Spec, rule, states[i]))
		if err != nil {
			continue
		}
		stand = append(stand, standing{
			Program: program, rule: program.Digest(), state: states[i], reads: readsOf(rule.Status.Accepted.Spec),
		})
	}
	return stand
}

// versionOf changes with everything that decides what stands in an environment.
func versionOf(e environment.Environment, rules []v1alpha1.Guardrail) string {
	var version strings.Builder
	version.WriteString(string(e.Policy.UID) + "/" + e.Policy.ResourceVersion)
	for i := range rules {
		version.WriteString(" " + string(rules[i].UID) + "/" + rules[i].ResourceVersion)
	}
	return version.String()
}
