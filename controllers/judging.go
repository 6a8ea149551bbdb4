// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/progression"
)

// surroundings are what a look has gathered besides the object.
type surroundings struct {
	guardrail.Surroundings
	// unread says of what could not be read why; with an empty reason, that its cache is
	// about to be filled.
	unread map[v1alpha1.Surrounding]string
}

// errNotReadYet is why a rule cannot be judged whose surroundings are being read for the
// first time.
var errNotReadYet = errors.New("what the rule reads besides the object is not known yet")

// lacks says why a rule cannot read what it declares; nil when it can.
func (s *surroundings) lacks(around []v1alpha1.Surrounding) error {
	for _, declared := range around {
		why, unread := s.unread[declared]
		switch {
		case unread && why != "":
			return errors.New(why)
		case unread:
			return errNotReadYet
		}
	}
	return nil
}

// subject is an object as guardrails judge it in one look.
type subject struct {
	// in is the object as a rule reads it.
	in           func(*guardrail.Program) runtime.Object
	namespace    *corev1.Namespace
	surroundings *surroundings
	// was and is are the impressions of the last look and of this one.
	was, is impression
}

// judge asks every guardrail, but for those whose verdict in the report still holds.
// arrived says whether the object came while a guardrail stood.
func (s subject) judge(ctx context.Context, guardrails []standing, report *v1alpha1.ReadinessReportStatus, arrived func(standing) bool) []compliance.Judgement {
	judgements := make([]compliance.Judgement, len(guardrails))
	// asked are the guardrails to evaluate, by the form in which they read the object.
	asked := map[runtime.Object][]*compliance.Judgement{}
	panels := map[runtime.Object][]*guardrail.Program{}
	for i, g := range guardrails {
		judgement := &judgements[i]
		*judgement = compliance.Judgement{Guardrail: g.Name(), Rule: g.rule, Level: g.state.Level, Arrived: arrived(g)}
		object := s.in(g.Program)
		if s.known(g, object, report, judgement) {
			continue
		}
		asked[object], panels[object] = append(asked[object], judgement), append(panels[object], g.Program)
	}
	for object, programs := range panels {
		results := guardrail.NewPanel(programs).Evaluate(ctx, guardrail.Input{
			Object: object, Namespace: s.namespace, Surroundings: &s.surroundings.Surroundings,
		})
		for i, result := range results {
			asked[object][i].Findings, asked[object][i].Err = result.Verdict.Findings, result.Err
		}
	}
	return judgements
}

// known completes a judgement for which nothing needs to be evaluated; false when it does.
func (s subject) known(g standing, object runtime.Object, report *v1alpha1.ReadinessReportStatus, judgement *compliance.Judgement) bool {
	lacking := s.surroundings.lacks(g.around)
	judgement.Excluded = g.Excluded(object)
	switch {
	case judgement.Excluded != "":
	case compliance.Holds(report, g.Name(), g.rule) && (errors.Is(lacking, errNotReadYet) || s.was.stands(g.reads, s.is)):
		judgement.Unchanged = true
	case lacking != nil:
		judgement.Err = fmt.Errorf("guardrail %s: %w", g.Name(), lacking)
	default:
		return false
	}
	return true
}

// enforceNext says which guardrails of an environment refuse violations next.
func enforceNext(e environment.Environment) func(string) bool {
	next := map[string]bool{}
	for _, state := range e.Policy.Status.Guardrails {
		next[state.Name] = progression.Announced(state, *e.Spec.Progression, e.Spec.Suspend)
	}
	return func(name string) bool { return next[name] }
}
