// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/rampart-dev/rampart/internal/offline"
)

// answer is what a check has to say.
type answer struct {
	// Verdicts of the manifests that a guardrail is about.
	Verdicts []offline.Verdict `json:"verdicts"`
	// Manifests were read, and Guardrails judged them.
	Manifests  int `json:"manifests"`
	Guardrails int `json:"guardrails"`
	// Skipped are the guardrails that read more of a cluster than manifests tell.
	Skipped []string `json:"skipped,omitempty"`
}

func (a answer) totals() (findings, unknown int) {
	for _, v := range a.Verdicts {
		findings += len(v.Findings)
		unknown += len(v.Unknown)
	}
	return findings, unknown
}

// writers are the forms of an answer, by the name that --output gives them.
var writers = map[string]func(io.Writer, answer) error{"text": writeText, "json": writeJSON}

func writeJSON(w io.Writer, a answer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(a)
}

// writeText names every finding, and once for each guardrail how to mend it.
func writeText(w io.Writer, a answer) error {
	table := printers.GetNewTabWriter(w)
	var remedies remedies
	for _, v := range a.Verdicts {
		if len(v.Findings)+len(v.Unknown)+len(v.Excluded) == 0 {
			continue
		}
		fmt.Fprintf(table, "%s: %s\n", v.Source, subject(v))
		for _, f := range v.Findings {
			fmt.Fprintf(table, "  %s\t%s\t%s\n", f.Severity, f.Guardrail, f.Text)
			remedies.add(f)
		}
		for _, u := range v.Unknown {
			fmt.Fprintf(table, "  Unknown\t%s\t%s\n", u.Guardrail, u.Error)
		}
		for _, e := range v.Excluded {
			fmt.Fprintf(table, "  Excluded\t%s\t%s\n", e.Guardrail, e.Reason)
		}
	}
	remedies.write(table)
	a.writeSummary(table)
	return table.Flush()
}

func subject(v offline.Verdict) string {
	if v.Namespace == "" {
		return fmt.Sprintf("%s %s", v.Kind, v.Name)
	}
	return fmt.Sprintf("%s %s/%s", v.Kind, v.Namespace, v.Name)
}

func (a answer) writeSummary(w io.Writer) {
	findings, unknown := a.totals()
	fmt.Fprintf(w, "%d of %d manifests judged by %d guardrails: %s", len(a.Verdicts), a.Manifests, a.Guardrails, counted(findings, "finding"))
	if unknown > 0 {
		fmt.Fprintf(w, ", %s unknown", counted(unknown, "verdict"))
	}
	fmt.Fprintln(w)
	if len(a.Skipped) > 0 {
		fmt.Fprintf(w, "Judged in a cluster only, because they read what else is there: %s\n", strings.Join(a.Skipped, ", "))
	}
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// remedies are what the guardrails advise, each once, in the order of the findings.
type remedies []offline.Finding

func (r *remedies) add(f offline.Finding) {
	for _, known := range *r {
		if known.Guardrail == f.Guardrail {
			return
		}
	}
	if f.HowToFix != "" {
		*r = append(*r, f)
	}
}

func (r remedies) write(w io.Writer) {
	if len(r) == 0 {
		return
	}
	fmt.Fprintln(w, "\nHow to fix:")
	for _, f := range r {
		fmt.Fprintf(w, "  %s\t%s\n", f.Guardrail, strings.ReplaceAll(strings.TrimSpace(f.HowToFix), "\n", " "))
	}
	fmt.Fprintln(w)
}
