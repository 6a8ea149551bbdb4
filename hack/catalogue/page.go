// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// labelProfile groups guardrails across categories, so that a policy can select them.
const labelProfile = v1alpha1.Group + "/profile"

const introduction = `<!-- Generated from config/guardrails by make docs. -->

# The catalogue of guardrails

` + "`kubectl apply --server-side -k config/guardrails`" + ` installs all of them. What a violation leads
to is not said there: each EnvironmentPolicy does. It selects guardrails by name or by label; the
label ` + "`" + labelProfile + "`" + ` names the profile of a guardrail, and ` + "`baseline`" + ` and ` + "`restricted`" + ` together
are the restricted level of the Pod Security Standards, one guardrail a control.
` + "`recommended`" + ` suits almost every workload; ` + "`strict`" + ` asks for what a platform has to want.
[Guardrails](../guides/guardrails.md) explains the rest.
`

// page is the reference: for each category a table, and below it each guardrail in full.
func page(guardrails []v1alpha1.Guardrail) string {
	byCategory := map[v1alpha1.GuardrailCategory][]v1alpha1.Guardrail{}
	for _, g := range guardrails {
		byCategory[g.Spec.Category] = append(byCategory[g.Spec.Category], g)
	}
	var b strings.Builder
	b.WriteString(introduction)
	for _, category := range inOrder(byCategory) {
		members := byCategory[category]
		slices.SortFunc(members, func(a, b v1alpha1.Guardrail) int { return cmp.Compare(a.Name, b.Name) })
		fmt.Fprintf(&b, "\n## %s\n\n| Name | Asks for | Severity | Profile | Judges |\n|---|---|---|---|---|\n", spaced(string(category)))
		for _, g := range members {
			fmt.Fprintf(&b, "| [`%[1]s`](#%[1]s) | %s | %s | %s | %s |\n", g.Name, cell(g.Spec.Title),
				cmp.Or(g.Spec.Severity, v1alpha1.Medium), cell(g.Labels[labelProfile]), cell(judged(g.Spec)))
		}
		for _, g := range members {
			section(&b, g)
		}
	}
	return b.String()
}

// inOrder are the categories, those with most guardrails first.
func inOrder(byCategory map[v1alpha1.GuardrailCategory][]v1alpha1.Guardrail) []v1alpha1.GuardrailCategory {
	var all []v1alpha1.GuardrailCategory
	for category := range byCategory {
		all = append(all, category)
	}
	slices.SortFunc(all, func(a, b v1alpha1.GuardrailCategory) int {
		return cmp.Or(cmp.Compare(len(byCategory[b]), len(byCategory[a])), cmp.Compare(a, b))
	})
	return all
}

func section(b *strings.Builder, g v1alpha1.Guardrail) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n", g.Name, strings.TrimSpace(g.Spec.Description))
	if g.Spec.Rationale != "" {
		fmt.Fprintf(b, "\n**Why.** %s\n", strings.TrimSpace(g.Spec.Rationale))
	}
	fmt.Fprintf(b, "\n**How to fix.** %s\n", strings.TrimSpace(g.Spec.HowToFix))
	for _, note := range notes(g.Spec) {
		fmt.Fprintf(b, "\n%s\n", note)
	}
	if len(g.Spec.Parameters) != 0 {
		b.WriteString("\n| Parameter | Type | Default | |\n|---|---|---|---|\n")
		for _, p := range g.Spec.Parameters {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Name, p.Type, cell(preset(p)), cell(p.Description))
		}
	}
}

// notes say what sets a rule apart from most others.
func notes(spec v1alpha1.GuardrailSpec) []string {
	var all []string
	if len(spec.Surroundings) != 0 {
		all = append(all, "It reads more than the object, which admission cannot: it is evaluated in the background only, and stays at Observe.")
	}
	if spec.Default != "" {
		all = append(all, "It has a safe default for new Pods, where a policy says `defaults: Apply`.")
	}
	if spec.Predicts != "" {
		all = append(all, fmt.Sprintf("It predicts a lack of %s: a workload that violates it and proves ready nevertheless is shown as a suspected false positive.",
			strings.ToLower(spaced(string(spec.Predicts)))))
	}
	return all
}

// judged are the kinds that a rule is about.
func judged(spec v1alpha1.GuardrailSpec) string {
	var kinds []string
	for _, r := range spec.Resources {
		kinds = append(kinds, r.Kind)
	}
	for _, kind := range spec.Kinds {
		kinds = append(kinds, string(kind))
	}
	if len(kinds) == 0 {
		return "all workloads"
	}
	return strings.Join(kinds, ", ")
}

// preset is the value of a parameter where no policy sets one.
func preset(p v1alpha1.Parameter) string {
	switch {
	case p.Type == v1alpha1.ParameterStringList && len(p.Defaults) == 0:
		return "none"
	case p.Type == v1alpha1.ParameterStringList:
		return "`" + strings.Join(p.Defaults, "`, `") + "`"
	case p.Default == nil:
		return "a policy must set it"
	default:
		return "`" + *p.Default + "`"
	}
}

// cell keeps a text within its cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// spaced writes a name in words: PodSecurity is Pod security.
func spaced(name string) string {
	var b strings.Builder
	for i, c := range name {
		if i > 0 && 'A' <= c && c <= 'Z' {
			b.WriteByte(' ')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}
