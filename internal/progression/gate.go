// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
	"github.com/rampart-dev/rampart/internal/message"
)

// GateInput is everything that the level of a gate depends on.
type GateInput struct {
	// Bounds of the climb; see GateBounds.
	Bounds Bounds
	// Level and Since are where the gate stood; empty when it is new, or was restored
	// without its status: it begins at its startLevel then.
	Level v1alpha1.Level
	Since time.Time
	// Capped says that the policy sets Bounds.Max, and not the gate.
	Capped bool
	// Arrivals are the revisions that came to the gate's namespace; see GatherArrivals.
	Arrivals []Trial
	// Progression and Suspend of the effective policy of the gate's namespace.
	Progression v1alpha1.Progression
	Suspend     v1alpha1.SuspendMode
	Now         time.Time
}

// GateOutput is where the gate stands now.
type GateOutput struct {
	Level v1alpha1.Level
	Since time.Time
	// Next says what raises the level.
	Next string
	// Change is the step that was taken; nil when there was none.
	Change *GateChange
}

// GateChange is one step of a gate. From is empty when the gate was new.
type GateChange struct {
	From, To v1alpha1.Level
	Why      string
}

// StepGate takes the one step that the arrivals call for, if any. A gate has nothing
// that can misbehave, so only a lower maxLevel lowers it.
func StepGate(in GateInput) GateOutput {
	c := newClimb(in.Progression, in.Now.UTC().Truncate(time.Second))
	c.clean = "proven arrival"
	c.level, c.since, c.max = in.Level, in.Since, in.Bounds.Max
	if in.Capped {
		c.ceiling = "promotion.maxLevel of the EnvironmentPolicy"
	}
	c.judgeBy(in.Arrivals, confidence.Evidence{})

	from, m := in.Level, in.move(c)
	if m.to != from {
		c.level, c.since = m.to, c.now
	}
	out := GateOutput{Level: c.level, Since: c.since, Next: message.Cut(in.next(c), maxNext)}
	if m.to != from {
		out.Change = &GateChange{From: from, To: m.to, Why: m.why}
	}
	return out
}

func (in GateInput) move(c climb) move {
	switch {
	case in.Level == "" && in.Suspend == v1alpha1.SuspendAll:
		return move{} // it begins when the environment is not suspended any more
	case in.Level == "":
		return move{to: in.Bounds.Start, why: fmt.Sprintf("new here: startLevel is %s", in.Bounds.Start)}
	case in.Suspend == v1alpha1.SuspendAll:
		return move{to: c.level}
	case c.level.Above(c.max):
		return move{to: c.max, why: fmt.Sprintf("%s is %s", c.ceiling, c.max)}
	case c.atRest() != "" || c.missing() != "":
		return move{to: c.level}
	default:
		return move{to: c.level.Next(), why: c.sofar()}
	}
}

func (in GateInput) next(c climb) string {
	if in.Suspend == v1alpha1.SuspendAll && c.level == "" {
		return "begins when the environment is not suspended any more"
	}
	if in.Suspend == v1alpha1.SuspendAll {
		return fmt.Sprintf("stays at %s: the environment is suspended", c.level)
	}
	if rest := c.atRest(); rest != "" {
		return rest
	}
	return c.missing()
}
