// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Panel judges objects by many rules at once. It says of each what Program.Evaluate says,
// errors included, in a fraction of the time: the rules share one view of the object, and
// those that find nothing cost a few map lookups. It is immutable and safe for concurrent
// use, and holds nothing but its programs.
type Panel struct {
	programs []*Program
}

// Result is what one rule says of an object.
type Result struct {
	// Program whose rule it is.
	Program *Program
	// Verdict is unknown if there is an error.
	Verdict Verdict
	// Err says why the rule could not be evaluated; see Program.Evaluate.
	Err error
}

// NewPanel returns a panel of programs.
func NewPanel(programs []*Program) *Panel {
	return &Panel{programs: slices.Clone(programs)}
}

// Programs of the panel, in the order in which it was made. They must not be changed.
func (p *Panel) Programs() []*Program { return p.programs }

// Evaluate judges an object by every rule, in the order of the programs.
func (p *Panel) Evaluate(ctx context.Context, in Input) []Result {
	hearing := newHearing(in)
	results := make([]Result, len(p.programs))
	for i, program := range p.programs {
		results[i].Program = program
		verdict, ok := hearing.verdict(ctx, program)
		if !ok {
			verdict, results[i].Err = program.Evaluate(ctx, in)
		}
		results[i].Verdict = verdict
	}
	return results
}

// hearing is the evaluation of one object by a panel.
type hearing struct {
	in            Input
	after, before *subject
	// workload says that the object is one.
	workload bool
	// now and then are the object after and before the change, made when a rule first looks.
	now, then *scene
}

// newHearing looks at an object. Where that fails, every rule is left to say so itself.
func newHearing(in Input) *hearing {
	h := &hearing{in: in}
	after, err := subjectOf(in.Object)
	if err != nil || after.gvk.Empty() {
		return h
	}
	if in.OldObject != nil {
		before, err := subjectOf(in.OldObject)
		if err != nil || before.gvk != after.gvk {
			return h
		}
		h.before = before
	}
	h.after, h.workload = after, workloadResource(after.gvk) != ""
	return h
}

// subjectOf is an object as every rule sees it that does not ask by which name requests
// call it.
func subjectOf(object runtime.Object) (*subject, error) {
	gvk, err := kindOfObject(object)
	if err != nil {
		return nil, err
	}
	shown, err := asAdmissionShows(object, gvk)
	if err != nil {
		return nil, err
	}
	return &subject{gvk: gvk, object: shown}, nil
}

// verdict of a rule; ok is false if the rule has to be evaluated by itself.
func (h *hearing) verdict(ctx context.Context, p *Program) (verdict Verdict, ok bool) {
	if h.after == nil || p.plan == nil || ctx.Err() != nil {
		return Verdict{}, false
	}
	if _, err := bound(p.spec.Surroundings, h.in.Surroundings); err != nil {
		return Verdict{}, false
	}
	if !h.judgedBy(p) {
		// Whoever asks a rule about what it can never judge is told so; a workload is
		// something that every rule can be asked about.
		return Verdict{Outcome: OutcomeClean}, h.workload
	}
	if h.now == nil {
		h.now = newScene(p.plan.variables, h.after, h.before, h.in.Namespace, h.in.Surroundings)
	}
	now, ok := h.now.findings(p.plan)
	if !ok || len(now) == 0 {
		return Verdict{Outcome: OutcomeClean}, ok
	}
	if h.before == nil || !p.ratcheted {
		return verdictOf(now, now), true
	}
	if h.then == nil {
		h.then = newScene(p.plan.variables, h.before, nil, h.in.Namespace, h.in.Surroundings)
	}
	then, ok := h.then.findings(p.plan)
	if !ok {
		return Verdict{}, false
	}
	return verdictOf(now, newTo(then, now)), true
}

// findings of a rule; ok is false where its plan gave up.
func (s *scene) findings(p *plan) (found []v1alpha1.Finding, ok bool) {
	value := s.run(p)
	if value == nil {
		return nil, false
	}
	found, err := findingsIn(value)
	return found, err == nil
}

// judgedBy says whether a rule is about the object. It finds nothing in others.
func (h *hearing) judgedBy(p *Program) bool {
	if h.workload {
		return p.Judges(v1alpha1.WorkloadKind(h.after.gvk.Kind))
	}
	return p.JudgesObject(h.after.gvk)
}
