// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/progression"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

const (
	// maxGuardrails is how many guardrails may stand in an environment.
	maxGuardrails = 256
	// trippedResolution is how exactly the status says when the breaker last had a reason
	// to be open.
	trippedResolution = time.Minute
	// standstillRetry is how long what the API server refused is not offered to it again.
	standstillRetry = time.Minute
)

// progress moves each guardrail of the environment by the one step that it has earned,
// and returns what happened.
func (r *EnvironmentReconciler) progress(policy *v1alpha1.EnvironmentPolicy, seen *environmentLook, now time.Time) []happening {
	previous := map[string]*v1alpha1.GuardrailState{}
	for i := range policy.Status.Guardrails {
		previous[policy.Status.Guardrails[i].Name] = &policy.Status.Guardrails[i]
	}
	standing, leftOut := seen.standing(seen.own, previous)
	seen.leftOut, seen.enforcedIn = leftOut, map[string][]string{}
	seen.wrong = seen.wrongSettings(previous)
	records := progression.GatherAll(seen.reports, standing.rules())
	predecessor := seen.predecessor()
	members := seen.progressing()
	var states []v1alpha1.GuardrailState
	var happened []happening
	for _, name := range slices.Sorted(maps.Keys(standing)) {
		own := standing[name]
		step := progression.Step(progression.Input{
			Guardrail:      name,
			Rule:           own.digest,
			Bounds:         own.Bounds,
			BackgroundOnly: own.backgroundOnly(),
			Exclusions:     own.Exclusions,
			Held:           own.held,
			Uncompiled:     own.uncompiled,
			Previous:       previous[name],
			Record:         records[name],
			Members:        members,
			Predecessor:    predecessor.of(own),
			Unseen:         cmp.Or(standstillOf(previous[name]), seen.native.unseen(policy.Status)),
			Progression:    *seen.own.Spec.Progression,
			Suspend:        seen.own.Spec.Suspend,
			Now:            now,
		})
		step.State.Parameters = own.Parameters
		step.State.Standstill = standstillOf(previous[name]) // until admission is brought up to date
		seen.enforcedIn[name] = step.EnforcedIn
		if own.held != "" {
			seen.held = append(seen.held, name)
		}
		delete(previous, name)
		states = append(states, step.State)
		happened = append(happened, happenings(step, now)...)
	}
	for _, name := range slices.Sorted(maps.Keys(previous)) {
		happened = append(happened, happening{kind: telemetry.Warning, reason: telemetry.ReasonGuardrailWithdrawn, change: v1alpha1.LevelChange{
			Time: metav1.NewTime(now), Guardrail: name, From: previous[name].Level, Why: message.Cut(seen.whyGone(name), maxText),
		}})
	}
	policy.Status.Guardrails = states
	policy.Status.Levels = progression.Summary(states)
	policy.Status.History = remember(policy.Status.History, happened)
	return happened
}

// standstillOf says why a guardrail cannot be moved in admission; empty when it can.
func standstillOf(previous *v1alpha1.GuardrailState) string {
	if previous == nil {
		return ""
	}
	return previous.Standstill
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
		status.Findings += of.Findings
		if of.Object != nil {
			continue // what runs nothing is no workload
		}
		status.Workloads++
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
