// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"
	"slices"
)

// Levels are all levels, weakest first.
var Levels = []Level{Observe, Warn, Enforce}

// rank orders levels; an unknown or empty level is the weakest.
func (l Level) rank() int {
	switch l {
	case Enforce:
		return 2
	case Warn:
		return 1
	default:
		return 0
	}
}

// Above says whether l is a graver consequence than other.
func (l Level) Above(other Level) bool { return l.rank() > other.rank() }

// Next is the level one step up; Enforce has none above it.
func (l Level) Next() Level { return Levels[min(l.rank()+1, len(Levels)-1)] }

// Previous is the level one step down; Observe has none below it.
func (l Level) Previous() Level { return Levels[max(l.rank()-1, 0)] }

// Min is the weaker of two levels.
func Min(a, b Level) Level {
	if a.Above(b) {
		return b
	}
	return a
}

// Ceiling is the gravest level of a guardrail in a stage unless a policy says otherwise.
func (s Stage) Ceiling() Level {
	switch s {
	case Production:
		return Enforce
	case Staging:
		return Warn
	default:
		return Observe
	}
}

// Graver says whether consequences of s grow further than those of other.
func (s Stage) Graver(other Stage) bool { return s.Ceiling().Above(other.Ceiling()) }

// Severities are all severities, least first.
var Severities = []Severity{Low, Medium, High, Critical}

// Gravity orders severities, from 0; one that is left out has its default, Medium.
func (s Severity) Gravity() int { return slices.Index(Severities, cmp.Or(s, Medium)) }
