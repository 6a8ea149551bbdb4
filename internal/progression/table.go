// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Table is where the guardrails of an environment stand, one a line under a heading, in
// columns that are aligned with spaces.
func Table(states []v1alpha1.GuardrailState) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	// A strings.Builder takes everything that is written to it.
	_, _ = fmt.Fprintln(w, "GUARDRAIL\tLEVEL\tMAX\tSCORE\tREVISIONS\tWOULD REFUSE\tVIOLATING\tNOISY\tNEXT")
	for _, s := range states {
		score := "-"
		if s.Score != nil {
			score = fmt.Sprintf("%d%%", *s.Score)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n",
			s.Name, LevelText(s), s.MaxLevel, score, s.Revisions, s.WouldRefuse, s.Violating, s.Noisy, s.Next)
	}
	_ = w.Flush()
	return text.String()
}

// LevelText is the level of a guardrail, with the ring while Enforce spreads: "Enforce 1/3".
func LevelText(s v1alpha1.GuardrailState) string {
	if s.Level != v1alpha1.Enforce || s.Ring == "" || s.Ring == v1alpha1.RingAll {
		return string(s.Level)
	}
	return fmt.Sprintf("%s %d/%d", s.Level, slices.Index(rings, s.Ring)+1, len(rings))
}
