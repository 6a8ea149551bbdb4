// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"slices"
	"strings"
)

// The question of a match condition is put so that the usual answer, that nothing is
// wrong, takes the fewest steps of the API server's interpreter, which counts the cost of
// each. A choice costs several times what && and || cost, and the operator ! even more. So
// negations are gathered, until one choice at the end stands for all of them.

// literal is a CEL condition, or its negation.
type literal struct {
	condition string
	negated   bool
}

func (l literal) not() literal { return literal{l.condition, !l.negated} }

// conjunction holds if all of its literals do; without one it always holds.
type conjunction []literal

// written is the conjunction as CEL, which asks in its order.
func (c conjunction) written() string {
	if len(c) == 0 {
		return "true"
	}
	end := 1
	for end < len(c) && c[end].negated == c[0].negated {
		end++
	}
	positive, negative := c[:end].apart()
	rest := c[end:]
	switch {
	case len(negative) == 0 && len(rest) != 0:
		return joined(append(positive, rest.written()), " && ")
	case len(negative) == 0:
		return joined(positive, " && ")
	}
	return fmt.Sprintf("((%s) ? false : %s)", joined(negative, " || "), rest.written())
}

// apart are the conditions that must be met, and those that must not.
func (c conjunction) apart() (positive, negative []string) {
	for _, l := range c {
		if l.negated {
			negative = append(negative, l.condition)
		} else {
			positive = append(positive, l.condition)
		}
	}
	return positive, negative
}

// negatedLast is the conjunction in an order in which no answer is waited for that others
// make needless.
func (c conjunction) negatedLast() conjunction {
	isNegated := func(l literal) bool { return l.negated }
	isPositive := func(l literal) bool { return !l.negated }
	return slices.Concat(slices.DeleteFunc(slices.Clone(c), isNegated), slices.DeleteFunc(slices.Clone(c), isPositive))
}

// implies says whether the other conjunction holds whenever this one does.
func (c conjunction) implies(other conjunction) bool {
	return !slices.ContainsFunc(other, func(l literal) bool { return !slices.Contains(c, l) })
}

// disjunctionOf is CEL that is true if one of the conjunctions holds. Those that are
// negations throughout are turned around: (well && fine) ? bad || worse : true.
func disjunctionOf(all []conjunction) string {
	var well, bad []string
	for _, same := range byFirst(withoutImplied(all)) {
		c := same[0]
		if len(same) > 1 {
			rest := make([]conjunction, 0, len(same))
			for _, s := range same {
				rest = append(rest, s[1:])
			}
			c = conjunction{c[0], {condition: disjunctionOf(rest)}}
		}
		if positive, negative := c.apart(); len(positive) == 0 && len(negative) != 0 {
			well = append(well, joined(negative, " || "))
		} else {
			bad = append(bad, c.written())
		}
	}
	if len(bad) == 0 {
		bad = []string{"false"}
	}
	if len(well) == 0 {
		return joined(bad, " ||\n")
	}
	return fmt.Sprintf("((%s) ?\n(%s) : true)", joined(well, " &&\n"), joined(bad, " ||\n"))
}

// withoutImplied leaves out what need not be asked, since something else is asked that
// holds whenever it does.
func withoutImplied(all []conjunction) []conjunction {
	var kept []conjunction
	for i, c := range all {
		implied := false
		for j, other := range all {
			implied = implied || i != j && c.implies(other) && (j < i || !other.implies(c))
		}
		if !implied {
			kept = append(kept, c)
		}
	}
	return kept
}

// byFirst groups conjunctions by what they ask first, so that it is asked once for all.
func byFirst(all []conjunction) [][]conjunction {
	var groups [][]conjunction
	at := map[literal]int{}
	for _, c := range all {
		if len(c) > 1 {
			if i, ok := at[c[0]]; ok {
				groups[i] = append(groups[i], c)
				continue
			}
			at[c[0]] = len(groups)
		}
		groups = append(groups, []conjunction{c})
	}
	return groups
}

// joined puts each condition into parentheses where there are several.
func joined(conditions []string, operator string) string {
	if len(conditions) == 1 {
		return conditions[0]
	}
	return "(" + strings.Join(conditions, ")"+operator+"(") + ")"
}
