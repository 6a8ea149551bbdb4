// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Unchecked is a rule that was accepted and does not compile any more, for the given
// reason: after an upgrade of the operator, for one. It cannot be evaluated, so that its
// verdicts are unknown. In admission it goes on, if it can be composed at all: API servers
// compile by themselves. It gets policies of its own there, which cannot refuse for an
// error in it, and which take no other rule with them if an API server does not want it
// either.
func (c *Compiler) Unchecked(name string, spec v1alpha1.GuardrailSpec, settings Settings, why error) *Program {
	unknown := &Program{
		name: name, spec: *spec.DeepCopy(), digest: Digest(spec, settings.Parameters),
		exclusions: settings.Exclusions, uncompiled: why,
	}
	arguments, err := argumentsOf(name, spec, settings.Parameters)
	if err != nil {
		return unknown
	}
	k := c.newCheck(spec, arguments, "")
	rule, err := k.rule(spec)
	if err != nil {
		return unknown
	}
	p, _, err := c.compose(name, spec, settings, rule)
	if err != nil {
		return unknown
	}
	p.uncompiled, p.cost = why, maxCost
	if p.partial == "" {
		p.partial = "it does not compile any more"
	}
	return p
}

// Uncompiled is why the rule cannot be evaluated; nil if it can. See Compiler.Unchecked.
func (p *Program) Uncompiled() error { return p.uncompiled }

// Renderable says whether the rule can be written into a native policy. One that compiled
// always can.
func (p *Program) Renderable() bool { return p.source != "" }

// errUncompiled is what evaluating a rule that does not compile leads to.
func (p *Program) errUncompiled() error {
	if p.uncompiled == nil {
		return nil
	}
	return fmt.Errorf("it does not compile any more: %w", p.uncompiled)
}

// apart are the rules of a policy that have to be in one of their own, and the others.
func apart(rules []Placed) (together, single []Placed) {
	for _, rule := range rules {
		if rule.Program.uncompiled == nil {
			together = append(together, rule)
		} else {
			single = append(single, rule)
		}
	}
	return together, single
}
