// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/progression"
	"github.com/rampart-dev/rampart/internal/remediation"
)

const (
	// maxGuardrails is how many guardrails may stand in an environment.
	maxGuardrails = 256
	// maxHistory is how many steps are remembered.
	maxHistory = 20
	// trippedResolution is how exactly the status says when the breaker last had a reason
	// to be open.
	trippedResolution = time.Minute
)

// progress moves each guardrail of the environment by the one step that it has earned,
// and returns the steps.
func (r *EnvironmentReconciler) progress(policy *v1alpha1.EnvironmentPolicy, seen *environmentLook, now time.Time) []v1alpha1.LevelChange {
	previous := map[string]*v1alpha1.GuardrailState{}
	for i := range policy.Status.Guardrails {
		previous[policy.Status.Guardrails[i].Name] = &policy.Status.Guardrails[i]
	}
	var states []v1alpha1.GuardrailState
	var changes []v1alpha1.LevelChange
	for _, name := range slices.Sorted(maps.Keys(seen.rules)) {
		bounds, stands := progression.Stands(seen.own.Spec, seen.rules[name])
		// Whatever is new begins when the environment is not suspended any more.
		frozenOut := previous[name] == nil && seen.own.Spec.Suspend == v1alpha1.SuspendAll
		if !stands || frozenOut || len(states) == maxGuardrails {
			continue
		}
		rule := guardrail.Digest(seen.rules[name].Status.Accepted.Spec)
		step := progression.Step(progression.Input{
			Guardrail:   name,
			Rule:        rule,
			Bounds:      bounds,
			Previous:    previous[name],
			Record:      progression.Gather(seen.reports, name, rule),
			Predecessor: seen.predecessor(name, rule),
			Progression: *seen.own.Spec.Progression,
			Suspend:     seen.own.Spec.Suspend,
			Now:         now,
		})
		delete(previous, name)
		states = append(states, step.State)
		if step.Change != nil {
			changes = append(changes, *step.Change)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(previous)) {
		changes = append(changes, v1alpha1.LevelChange{
			Time: metav1.NewTime(now), Guardrail: name, From: previous[name].Level, Why: "it does not stand here any more",
		})
	}
	policy.Status.Guardrails = states
	policy.Status.Levels = progression.Summary(states)
	history := slices.Concat(slices.Clone(changes), policy.Status.History)
	policy.Status.History = history[:min(len(history), maxHistory)]
	return changes
}

// predecessor is how a guardrail stands in the environment that this one follows.
func (seen *environmentLook) predecessor(name, rule string) *progression.Predecessor {
	if seen.own.Spec.Follows == nil {
		return nil
	}
	p := &progression.Predecessor{Name: seen.own.Spec.Follows.Name}
	before, exists := seen.environments.Named(p.Name)
	if !exists {
		return p
	}
	p.Exists = true
	p.Record = progression.Gather(seen.predecessorReports, name, rule)
	for i := range before.Policy.Status.Guardrails {
		if before.Policy.Status.Guardrails[i].Name == name {
			p.State = &before.Policy.Status.Guardrails[i]
		}
	}
	return p
}

// count adds up what the reports say.
func (r *EnvironmentReconciler) count(policy *v1alpha1.EnvironmentPolicy, seen *environmentLook, now time.Time) {
	status := &policy.Status
	status.ObservedGeneration = policy.Generation
	status.Namespaces = int32(len(seen.members.Namespaces))
	status.Workloads, status.Unhealthy, status.Findings, status.Drifted = 0, 0, 0, 0
	for i := range seen.reports {
		of := &seen.reports[i].Status
		if of.State == v1alpha1.ReportGone {
			continue
		}
		status.Workloads++
		status.Findings += of.Findings
		if of.State == v1alpha1.ReportFailing {
			status.Unhealthy++
		}
		if of.Drift != nil && of.Drift.Leaves > 0 {
			status.Drifted++
		}
	}
	status.Breaker = breaker(seen, now)
	r.Metrics.Environment(policy.Name, string(policy.Spec.Stage), status)
}

// breaker is whether all remediation stops, for status. Each action asks again for itself.
func breaker(seen *environmentLook, now time.Time) *v1alpha1.Breaker {
	judged := remediation.Break(environmentHealth(seen.own.Policy, seen.reports), *seen.own.Spec.BlastRadius, now)
	if !judged.Open {
		return nil
	}
	before := seen.own.Policy.Status.Breaker
	tripped := metav1.NewTime(judged.Tripped.Truncate(time.Second))
	if before != nil && before.Open && tripped.Sub(before.Tripped.Time) < trippedResolution {
		tripped = before.Tripped // said already; at rest nothing is written
	}
	return &v1alpha1.Breaker{Open: true, Tripped: tripped, Reason: message.Cut(judged.Reason, maxText)}
}
