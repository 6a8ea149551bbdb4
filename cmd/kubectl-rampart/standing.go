// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// writeEnvironments writes one table with the guardrails of all the environments.
func writeEnvironments(w io.Writer, policies []v1alpha1.EnvironmentPolicy) error {
	table := printers.GetNewTabWriter(w)
	fmt.Fprintln(table, "ENVIRONMENT\tGUARDRAIL\tLEVEL\tUP TO\tSCORE\tREVISIONS\tWOULD REFUSE\tVIOLATING\tNOISY\tNEXT")
	for _, policy := range policies {
		for _, s := range policy.Status.Guardrails {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", policy.Name, s.Name, levelOf(s), s.MaxLevel,
				scoreOf(s), s.Revisions, s.WouldRefuse, s.Violating, s.Noisy, s.Next)
		}
	}
	return table.Flush()
}

// levelOf is the level, and how far it has spread where that is not everywhere.
func levelOf(s v1alpha1.GuardrailState) string {
	switch {
	case s.Level != v1alpha1.Enforce:
		return string(s.Level)
	case s.Ring != "" && s.Ring != v1alpha1.RingAll:
		return fmt.Sprintf("%s (%s)", s.Level, s.Ring)
	case s.HeldBackTotal > 0:
		return fmt.Sprintf("%s (but %d)", s.Level, s.HeldBackTotal)
	default:
		return string(s.Level)
	}
}

func scoreOf(s v1alpha1.GuardrailState) string {
	if s.Score == nil {
		return "-"
	}
	return fmt.Sprintf("%d%%", *s.Score)
}

// standing is one guardrail in one environment.
type standing struct {
	rule   v1alpha1.Guardrail
	policy v1alpha1.EnvironmentPolicy
	state  v1alpha1.GuardrailState
	now    time.Time
}

// writeStanding writes everything that is known of it, for people.
func writeStanding(w io.Writer, s standing) error {
	table := printers.GetNewTabWriter(w)
	row := func(name, format string, args ...any) { fmt.Fprintf(table, name+"\t"+format+"\n", args...) }
	list := func(name string, items []string) {
		for i, item := range items {
			if i > 0 {
				name = ""
			}
			row(name, "%s", item)
		}
	}
	row("Guardrail", "%s: %s", s.state.Name, s.rule.Spec.Title)
	row("", "%s, %s", s.rule.Spec.Category, cmp.Or(s.rule.Spec.Severity, v1alpha1.Medium))
	row("Environment", "%s (%s)", s.policy.Name, s.policy.Spec.Stage)
	row("Level", "%s for %s, up to %s", levelOf(s.state), s.age(s.state.Since.Time), s.state.MaxLevel)
	list("Enforced in", s.state.RingNamespaces)
	list("Held back", heldBack(s.state))
	row("Next", "%s", s.state.Next)
	row("Score", "%s (%d of %d revisions would have been refused)", scoreOf(s.state), s.state.WouldRefuse, s.state.Revisions)
	row("Violating now", "%d", s.state.Violating)
	list("Would be refused", s.state.WouldBeRefused)
	row("Excluded", "%d", s.state.Excluded)
	row("Not evaluated", "%d", s.state.Failing)
	if s.state.Uncountable > 0 {
		row("Not told apart", "%d: they have too many findings, and only the number is compared", s.state.Uncountable)
	}
	if s.state.Uncompiled != "" {
		row("Does not compile", "%s", s.state.Uncompiled)
	}
	if s.state.Standstill != "" {
		row("Stands still", "%s", s.state.Standstill)
	}
	row("Noisy findings", "%d", s.state.Noisy)
	row("Fixed findings", "%d", s.state.Fixed)
	if s.rule.Spec.Predicts != "" {
		row("False positives", "%d suspected: revisions that violate it and proved ready", s.state.SuspectedFalsePositives)
	}
	list("History", s.history())
	row("How to fix", "%s", s.rule.Spec.HowToFix)
	return table.Flush()
}

func heldBack(state v1alpha1.GuardrailState) []string {
	var all []string
	for _, h := range state.HeldBack {
		owner := ""
		if h.Owner != "" {
			owner = " (" + h.Owner + ")"
		}
		all = append(all, fmt.Sprintf("%s%s: %s", h.Namespace, owner, h.Why))
	}
	if more := int(state.HeldBackTotal) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return all
}

// history are the remembered steps of the guardrail, newest first.
func (s standing) history() []string {
	var all []string
	for _, change := range s.policy.Status.History {
		if change.Guardrail != s.state.Name {
			continue
		}
		to := string(cmp.Or(change.To, "gone"))
		if change.Ring != "" {
			to += " (" + string(change.Ring) + ")"
		}
		all = append(all, fmt.Sprintf("%s ago: %s → %s: %s", s.age(change.Time.Time), cmp.Or(change.From, "new"), to, change.Why))
	}
	return all
}

func (s standing) age(since time.Time) string { return duration.HumanDuration(s.now.Sub(since)) }
