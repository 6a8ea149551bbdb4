// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/progression"
)

// climb moves the level of the gate by the revisions that arrived in its namespace. In a
// namespace without an environment the gate is not in force, and has no level; it begins
// anew when there is one again.
func climb(g *v1alpha1.PromotionGate, in gate.Input, now time.Time) {
	if in.Held || in.Source.Held {
		return
	}
	if in.Policy == nil {
		g.Status.Level, g.Status.LevelSince = "", nil
		g.Status.Next = "refuses nothing while its namespace belongs to no environment"
		return
	}
	bounds, capped := progression.GateBounds(g.Spec, *in.Policy)
	step := progression.StepGate(progression.GateInput{
		Bounds:      bounds,
		Capped:      capped,
		Level:       g.Status.Level,
		Since:       ptr.Deref(g.Status.LevelSince, metav1.Time{}).Time,
		Arrivals:    progression.GatherArrivals(in.Here),
		Progression: *in.Policy.Progression,
		Suspend:     in.Policy.Suspend,
		Now:         now,
	})
	g.Status.Level, g.Status.Next = step.Level, step.Next
	g.Status.LevelSince = nil
	if !step.Since.IsZero() {
		g.Status.LevelSince = &metav1.Time{Time: step.Since}
	}
}
