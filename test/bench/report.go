// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// page holds the figures, each table between two comments that name it.
const page = "docs/benchmarks.md"

// show prints tables under their names.
func show(tables map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		fmt.Printf("\n%s:\n%s", name, tables[name])
	}
}

// write puts tables, by their names, where the page has their comments.
func write(tables map[string]string) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	text := string(content)
	for name, table := range tables {
		begin, end := fmt.Sprintf("<!-- begin %s -->\n", name), fmt.Sprintf("<!-- end %s -->", name)
		before, rest, ok := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return fmt.Errorf("%s has no place for %s: %s... %s", page, name, strings.TrimSpace(begin), end)
		}
		text = before + begin + table + end + after
	}
	return os.WriteFile(page, []byte(text), 0o600)
}

func (m machine) table(p plan) string {
	return fmt.Sprintf("%s, %d cores; Kubernetes %s, Go %s; `make bench`: %d starts, %d rounds of %d requests each. "+
		"When it began, %.1f other programs wanted a core.\n",
		m.cpu, m.cores, m.kubernetes, m.goVersion, p.starts, p.rounds, p.requests, m.load)
}

func admissionTable(compared []candidate, samples measured) string {
	var b strings.Builder
	b.WriteString("| Request | Guardrails | Policies | Median | p99 | API server CPU | Median elsewhere |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for r, request := range requests {
		for i, c := range compared {
			f := sumUp(samples[r][i], samples[r][0])
			fmt.Fprintf(&b, "| %s | %d | %d | %s | %s | %s | %s |\n", request.title, c.guardrails, len(c.policies),
				inRelation(f.median, f.medianRatio), inRelation(f.p99, f.p99Ratio), inRelation(f.cpu, f.cpuRatio), f.elsewhereRatio)
		}
	}
	return b.String()
}

// inRelation is a time with its ratio, as in "1.75 ms (+5% ±1)".
func inRelation(d time.Duration, ratio estimate) string {
	return fmt.Sprintf("%.2f ms (%s)", float64(d)/float64(time.Millisecond), ratio)
}

// String is a ratio as what it adds, with its standard error, as in "+5% ±1".
func (e estimate) String() string {
	return fmt.Sprintf("%+.0f%% ±%.0f", 100*(e.value-1), 100*e.standardError)
}

func (f backgroundFigures) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d guardrails, %d of which judge Deployments; Deployments of three containers; one core. A compiled guardrail holds %d KiB.\n\n",
		f.rules, f.judging, f.program/1024)
	b.WriteString("| | Workloads for a second of CPU | Allocations each | Bytes each |\n|---|---:|---:|---:|\n")
	for _, run := range f.runs {
		fmt.Fprintf(&b, "| %s | %.0f | %d | %d |\n", run.title, run.perSecond, run.allocations, run.bytes)
	}
	return b.String()
}

func cacheTable(figures []cacheFigures) string {
	var b strings.Builder
	b.WriteString("| Object | As the API server sends it | As the operator keeps it |\n|---|---:|---:|\n")
	for _, f := range figures {
		fmt.Fprintf(&b, "| %s | %d bytes | %d bytes (%+.0f%%) |\n", f.kind, f.whole, f.lean, 100*(float64(f.lean)/float64(f.whole)-1))
	}
	return b.String()
}
