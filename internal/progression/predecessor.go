// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
)

const (
	// carriedFactor is what a trial of the preceding environment is worth here.
	carriedFactor = 0.5
	// maxCarried is how many trials all of its trials are worth together, at most.
	maxCarried = 8
)

// Predecessor is the environment that changes come from, as one guardrail stands there.
type Predecessor struct {
	// Name of its EnvironmentPolicy.
	Name string
	// Exists is false when there is no such policy. Nothing is raised then.
	Exists bool
	// State of the guardrail there; nil when it does not stand there, and so has nothing
	// to wait for.
	State *v1alpha1.GuardrailState
	// Record of the guardrail there.
	Record Record
}

// carry is what the trials there are worth here.
func (p *Predecessor) carry() confidence.Evidence {
	if p == nil {
		return confidence.Evidence{}
	}
	there := p.Record.Evidence()
	factor := carriedFactor
	if total := (there.Successes + there.Failures) * factor; total > maxCarried {
		factor *= maxCarried / total
	}
	return confidence.Evidence{Successes: there.Successes * factor, Failures: there.Failures * factor}
}

// missing says what the preceding environment still has to show; empty when the
// guardrail is at its ceiling there, and its own trials there reach the target.
func (p *Predecessor) missing(next v1alpha1.Level, target, sureness float64) string {
	switch {
	case p == nil:
		return ""
	case !p.Exists:
		return fmt.Sprintf("%s once EnvironmentPolicy %s exists: this environment follows it", next, p.Name)
	case p.State == nil:
		return ""
	case p.State.MaxLevel.Above(p.State.Level):
		return fmt.Sprintf("%s once %s has it at its ceiling: there it is at %s of %s", next, p.Name, p.State.Level, p.State.MaxLevel)
	}
	if e := p.Record.Evidence(); !confidence.Reached(e, target, sureness) {
		return fmt.Sprintf("%s after %s in %s (%d%% of %d%% there)", next,
			count(confidence.Needed(e, target, sureness), "more ", cleanRevision), p.Name,
			confidence.Percent(confidence.Bound(e, sureness)), confidence.Percent(target))
	}
	return ""
}
