// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/progression"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// maxHistory is how many steps are remembered.
const maxHistory = 20

// happening is a step of a guardrail, and how it is told.
type happening struct {
	change v1alpha1.LevelChange
	// step is true when a level or a ring was left for another, so that the next step has
	// to wait for what this one leads to.
	step bool
	// reason of the event; empty when none is told, because nothing follows for anybody.
	reason string
	kind   string
}

// happenings are what one look at a guardrail led to.
func happenings(out progression.Output, now time.Time) []happening {
	var all []happening
	if out.Change != nil {
		h := happening{change: *out.Change, step: true}
		switch {
		case out.Change.From == "":
		case out.Down:
			h.kind, h.reason = telemetry.Warning, telemetry.ReasonGuardrailLowered
		default:
			h.kind, h.reason = telemetry.Normal, telemetry.ReasonGuardrailRaised
		}
		all = append(all, h)
	}
	change := v1alpha1.LevelChange{
		Time: metav1.NewTime(now.UTC().Truncate(time.Second)), Guardrail: out.State.Name,
		From: out.State.Level, To: out.State.Level, Ring: out.State.Ring,
	}
	if len(out.Held) > 0 {
		change.Why = message.Cut("held back: "+heldBack(out.Held), maxText)
		all = append(all, happening{change: change, kind: telemetry.Warning, reason: telemetry.ReasonGuardrailHeldBack})
	}
	if len(out.Released) > 0 {
		change.Why = message.Cut("no longer held back: "+strings.Join(out.Released, ", "), maxText)
		all = append(all, happening{change: change, kind: telemetry.Normal, reason: telemetry.ReasonGuardrailReleased})
	}
	return all
}

// heldBack names namespaces, their owners and the reasons.
func heldBack(held []v1alpha1.HeldBack) string {
	texts := make([]string, 0, len(held))
	for _, h := range held {
		name := h.Namespace
		if h.Owner != "" {
			name += " of " + h.Owner
		}
		texts = append(texts, fmt.Sprintf("%s (%s)", name, h.Why))
	}
	return strings.Join(texts, "; ")
}

// remember puts what happened before what happened earlier.
func remember(history []v1alpha1.LevelChange, happened []happening) []v1alpha1.LevelChange {
	changes := make([]v1alpha1.LevelChange, 0, len(happened)+len(history))
	for _, h := range happened {
		changes = append(changes, h.change)
	}
	changes = slices.Concat(changes, history)
	return changes[:min(len(changes), maxHistory)]
}

const (
	// toldApart is how many guardrails that take the same step are told one by one.
	toldApart = 3
	// maxNames is how many bytes of their names an event has room for.
	maxNames = 640
)

// announce tells, after it was recorded, what somebody may have to follow up. What many
// guardrails did alike is told once: status.history says why of each.
func (r *EnvironmentReconciler) announce(policy *v1alpha1.EnvironmentPolicy, happened []happening) {
	for _, alike := range alike(happened) {
		if first := alike[0]; len(alike) > toldApart {
			r.Events.Eventf(policy, nil, first.kind, first.reason, telemetry.ActionProgress, "%s", inOne(alike))
			continue
		}
		for _, h := range alike {
			r.Events.Eventf(policy, nil, h.kind, h.reason, telemetry.ActionProgress, "%s: %s: %s", h.change.Guardrail, way(h.change), h.change.Why)
		}
	}
}

// alike groups what is told by what it is, in the order in which it happened.
func alike(happened []happening) [][]happening {
	type step struct{ kind, reason, way string }
	var groups [][]happening
	at := map[step]int{}
	for _, h := range happened {
		if h.reason == "" {
			continue
		}
		key := step{h.kind, h.reason, way(h.change)}
		if _, known := at[key]; !known {
			at[key] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[key]] = append(groups[at[key]], h)
	}
	return groups
}

// inOne is what guardrails did alike, with the reason where that is the same for all.
func inOne(alike []happening) string {
	why := alike[0].change.Why
	names := make([]string, 0, len(alike))
	for _, h := range alike {
		names = append(names, h.change.Guardrail)
		if h.change.Why != why {
			why = "for reasons of their own: see status.history"
		}
	}
	return fmt.Sprintf("%d guardrails: %s: %s: %s", len(alike), way(alike[0].change), listed(names, maxNames), why)
}

// listed are as many names as there is room for, and how many more there are.
func listed(names []string, limit int) string {
	text := ""
	for i, name := range names {
		if len(text)+len(name) > limit {
			return fmt.Sprintf("%s and %d more", text, len(names)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += name
	}
	return text
}

// way is where a guardrail went: "Warn → Enforce in ring First".
func way(change v1alpha1.LevelChange) string {
	text := string(change.To)
	switch change.To {
	case change.From:
	case "":
		text = "withdrawn from " + string(change.From)
	default:
		text = fmt.Sprintf("%s → %s", change.From, change.To)
	}
	if change.Ring != "" && change.Ring != v1alpha1.RingAll {
		text += " in ring " + string(change.Ring)
	}
	return text
}

// stepped says whether any guardrail left its level or its ring.
func stepped(happened []happening) bool {
	return slices.ContainsFunc(happened, func(h happening) bool { return h.step })
}
