// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Effective returns a copy of the spec in which every field that was left out has the
// default of the stage: what the operator acts on. No pointer in it is nil but follows.
func (s EnvironmentPolicySpec) Effective() EnvironmentPolicySpec {
	out := *s.DeepCopy()

	out.Guardrails = effectiveEntries(out.Guardrails, out.Stage)
	setDefault(&out.Defaults, inStage(out.Stage, DefaultsApply, DefaultsOff, DefaultsOff))
	setDefault(&out.Suspend, SuspendNone)

	progression := allocate(&out.Progression)
	setDefault(&progression.Mode, ProgressionAutomatic)
	setDefault(&progression.Target, 80)
	setDefault(&progression.Confidence, 90)
	setDefault(&progression.Rings, RingsAutomatic)

	drift := allocate(&out.Drift)
	setDefault(&drift.Mode, inStage(out.Stage, DriftIgnore, DriftReport, DriftReport))
	setDefault(&drift.CorrectAfter, &metav1.Duration{Duration: 15 * time.Second})
	setDefault(&drift.StartLevel, ActReport)
	setDefault(&drift.Secrets, SecretsIgnore)

	rollout := allocate(&out.Rollout)
	setDefault(&rollout.OnFailure, OnFailureReport)
	setDefault(&rollout.StartLevel, ActReport)

	isolation := allocate(&out.Isolation)
	setDefault(&isolation.Mode, IsolationOff)
	setDefault(&isolation.After, &metav1.Duration{Duration: 5 * time.Minute})
	setDefault(&isolation.StartLevel, ActReport)

	promotion := allocate(&out.Promotion)
	promotion.ReadinessTargets = promotion.Effective(out.Stage)

	drills := allocate(&out.Drills)
	setDefault(&drills.Mode, inStage(out.Stage, DrillsOff, DrillsWhenNeeded, DrillsOff))
	setDefault(&drills.Pause, &metav1.Duration{Duration: 20 * time.Second})
	setDefault(&drills.Singletons, SingletonsRestart)

	baseline := allocate(&out.Baseline)
	setDefault(&baseline.NetworkIsolation, BaselineReport)
	setDefault(&baseline.DisruptionBudgets, BaselineReport)
	setDefault(&baseline.DefaultToken, BaselineReport)
	setDefault(&baseline.StartLevel, ActReport)
	podSecurity := allocate(&baseline.PodSecurity)
	setDefault(&podSecurity.Mode, BaselineReport)
	setDefault(&podSecurity.Level, "baseline")
	if baseline.ResourceQuota != nil {
		setDefault(&baseline.ResourceQuota.Mode, BaselineReport)
	}
	if baseline.DefaultRequests != nil {
		setDefault(&baseline.DefaultRequests.Mode, BaselineReport)
	}

	radius := allocate(&out.BlastRadius)
	setDefault(&radius.ActionsPerHour, 2)
	setDefault(&radius.MaxConcurrent, 3)
	setDefault(&radius.MaxUnhealthy, 20)
	return out
}

// Effective returns the targets with the defaults for entering the given stage. The
// receiver may be nil.
func (t *ReadinessTargets) Effective(into Stage) ReadinessTargets {
	var out ReadinessTargets
	if t != nil {
		out = *t.DeepCopy()
	}
	setDefault(&out.Target, inStage[int32](into, 80, 80, 90))
	setDefault(&out.Confidence, 90)
	if len(out.Qualities) == 0 {
		out.Qualities = inStage(into,
			[]Quality{Predictability}, []Quality{Predictability},
			[]Quality{Predictability, Recoverability, SafeFailure})
	}
	return out
}

// effectiveEntries gives each entry its levels; without entries every Guardrail stands.
func effectiveEntries(entries []GuardrailEntry, stage Stage) []GuardrailEntry {
	if len(entries) == 0 {
		entries = []GuardrailEntry{{Selector: &metav1.LabelSelector{}}}
	}
	for i := range entries {
		setDefault(&entries[i].StartLevel, Observe)
		setDefault(&entries[i].MaxLevel, stage.Ceiling())
	}
	return entries
}

func inStage[T any](s Stage, development, staging, production T) T {
	switch s {
	case Production:
		return production
	case Staging:
		return staging
	default:
		return development
	}
}

func setDefault[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

func allocate[T any](field **T) *T {
	if *field == nil {
		*field = new(T)
	}
	return *field
}
