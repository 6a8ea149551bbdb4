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
	// Unknown says why nobody knows how it stands, where it is in another cluster; empty
	// when it is known. Nothing is raised meanwhile.
	Unknown string
	// Exists is false when there is no such policy. Nothing is raised then.
	Exists bool
	// State of the guardrail there; nil when it does not stand there, and so has nothing
	// to wait for.
	State *v1alpha1.GuardrailState
	// Record of the guardrail there, as it is set there.
	Record Record
	// Differs is true when its parameters are set otherwise there: what it has judged
	// there says nothing about what it asks for here.
	Differs bool
}

// evidence is what the trials there are worth there. Namespaces that would be set apart
// here are set apart there: else one would delay every environment behind it.
func (p *Predecessor) evidence(c climb) confidence.Evidence {
	return weigh(judge(p.Record.Trials, c.target, c.sureness, c.now).counted)
}

// carry is what the trials there are worth here.
func (p *Predecessor) carry(c climb) confidence.Evidence {
	if p == nil || p.Differs {
		return confidence.Evidence{}
	}
	there := p.evidence(c)
	factor := carriedFactor
	if total := (there.Successes + there.Failures) * factor; total > maxCarried {
		factor *= maxCarried / total
	}
	return confidence.Evidence{Successes: there.Successes * factor, Failures: there.Failures * factor}
}

// absent says that the environment that is to go first does not exist; empty when it does.
func (p *Predecessor) absent(goal string) string {
	switch {
	case p == nil, p.Exists:
		return ""
	case p.Unknown != "":
		return fmt.Sprintf("%s once %s can be read: %s", goal, p.Name, p.Unknown)
	}
	return fmt.Sprintf("%s once EnvironmentPolicy %s exists: this environment follows it", goal, p.Name)
}

// missing says what the preceding environment still has to show; empty when the
// guardrail is at its ceiling there, and its own trials there reach the target.
func (p *Predecessor) missing(goal string, c climb) string {
	switch {
	case p == nil, p.Exists && p.State == nil:
		return ""
	case !p.Exists:
		return p.absent(goal)
	case p.State.MaxLevel.Above(p.State.Level):
		return fmt.Sprintf("%s once %s has it at its ceiling: there it is at %s of %s", goal, p.Name, p.State.Level, p.State.MaxLevel)
	}
	if e := p.evidence(c); !confidence.Reached(e, c.target, c.sureness) {
		return fmt.Sprintf("%s after %s in %s (%d%% of %d%% there)", goal,
			count(confidence.Needed(e, c.target, c.sureness), "more ", cleanRevision), p.Name,
			confidence.Percent(confidence.Bound(e, c.sureness)), confidence.Percent(c.target))
	}
	return ""
}
