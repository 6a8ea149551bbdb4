// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// Programs keeps the accepted rules compiled, each once.
type Programs struct {
	compiler *guardrail.Compiler

	mu     sync.Mutex
	byName map[string]compiled
}

type compiled struct {
	uid        types.UID
	generation int64
	program    *guardrail.Program
}

// NewPrograms compiles with the given compiler.
func NewPrograms(compiler *guardrail.Compiler) *Programs {
	return &Programs{compiler: compiler, byName: map[string]compiled{}}
}

// For is the program of a Guardrail's accepted rule. The Guardrail must have one.
func (p *Programs) For(rule *v1alpha1.Guardrail) (*guardrail.Program, error) {
	if rule == nil || rule.Status.Accepted == nil {
		return nil, fmt.Errorf("no accepted rule")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known, found := p.byName[rule.Name]
	if found && known.uid == rule.UID && known.generation == rule.Status.Accepted.Generation {
		return known.program, nil
	}
	program, err := p.compiler.Compile(rule.Name, rule.Status.Accepted.Spec)
	if err != nil {
		return nil, err
	}
	p.byName[rule.Name] = compiled{uid: rule.UID, generation: rule.Status.Accepted.Generation, program: program}
	return program, nil
}
