// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// Programs keeps the accepted rules compiled, each once for all environments that set it
// alike.
type Programs struct {
	compiler *guardrail.Compiler

	mu     sync.Mutex
	byName map[string]compiled

	standings standings
}

// compiled is a rule in one version, for each of its settings.
type compiled struct {
	uid        types.UID
	generation int64
	bySettings map[string]outcome
}

// outcome of compiling: the same at each attempt.
type outcome struct {
	program *guardrail.Program
	err     error
}

// maxSettings is for how many settings a rule is kept compiled. Each edit of an
// environment may bring new ones.
const maxSettings = 64

// NewPrograms compiles with the given compiler.
func NewPrograms(compiler *guardrail.Compiler) *Programs {
	return &Programs{compiler: compiler, byName: map[string]compiled{}}
}

// For is the program of a Guardrail's accepted rule as an environment has set it. The
// Guardrail must have an accepted rule. If the rule does not compile any more, the program
// says so by Uncompiled: what was accepted goes on as far as it can. An error is one of the
// settings.
func (p *Programs) For(rule *v1alpha1.Guardrail, settings guardrail.Settings) (*guardrail.Program, error) {
	if rule == nil || rule.Status.Accepted == nil {
		return nil, fmt.Errorf("no accepted rule")
	}
	accepted := rule.Status.Accepted
	key := fmt.Sprintf("%s %q", guardrail.Digest(accepted.Spec, settings.Parameters), settings.Exclusions)
	p.mu.Lock()
	defer p.mu.Unlock()
	known, found := p.byName[rule.Name]
	if !found || known.uid != rule.UID || known.generation != accepted.Generation {
		known = compiled{uid: rule.UID, generation: accepted.Generation, bySettings: map[string]outcome{}}
		p.byName[rule.Name] = known
	}
	made, found := known.bySettings[key]
	if !found {
		if len(known.bySettings) == maxSettings {
			clear(known.bySettings)
		}
		made = p.compile(rule.Name, accepted.Spec, settings)
		known.bySettings[key] = made
	}
	return made.program, made.err
}

func (p *Programs) compile(name string, spec v1alpha1.GuardrailSpec, settings guardrail.Settings) outcome {
	program, err := p.compiler.CompileAccepted(name, spec, settings)
	var setting *guardrail.SettingError
	if err == nil || errors.As(err, &setting) {
		return outcome{program, err}
	}
	return outcome{program: p.compiler.Unchecked(name, spec, settings, err)}
}
