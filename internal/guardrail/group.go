// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// group are rules that are enforced in the same namespaces, and so can share a policy.
type group struct {
	namespaces []string
	rules      []Placed
	// digest tells the group apart in names. The group with the most namespaces has none,
	// so that where all rules stand alike, policies have their plain names.
	digest string
}

// label is the group's part in a name; empty for the largest group.
func (g group) label(prefix string) string {
	if g.digest == "" {
		return ""
	}
	return prefix + "-" + g.digest
}

// groupsOf groups the rules at Enforce by where they are enforced, the largest first.
func groupsOf(env Environment, rules []Placed) []group {
	byNamespaces := map[string]*group{}
	for _, rule := range rules {
		namespaces := env.enforcing(rule)
		if len(namespaces) == 0 {
			continue
		}
		key := strings.Join(namespaces, "/")
		if byNamespaces[key] == nil {
			byNamespaces[key] = &group{namespaces: namespaces}
		}
		byNamespaces[key].rules = append(byNamespaces[key].rules, rule)
	}
	all := make([]group, 0, len(byNamespaces))
	for _, g := range byNamespaces {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b group) int {
		return cmp.Or(cmp.Compare(len(b.namespaces), len(a.namespaces)), slices.Compare(a.namespaces, b.namespaces))
	})
	for i := 1; i < len(all); i++ {
		all[i].digest = digestOf(all[i].namespaces, env.Namespaces)
	}
	return all
}

// digestOf identifies namespaces by whichever is shorter: their own names, or those that
// they leave out. It is the list that stays as it is when a namespace joins: rings begin
// with few namespaces, and end with all but a few.
func digestOf(namespaces, of []string) string {
	leftOut := slices.DeleteFunc(slices.Clone(of), func(n string) bool { return slices.Contains(namespaces, n) })
	if len(leftOut) < len(namespaces) {
		slices.Sort(leftOut)
		return shortDigest(append([]string{"all but"}, leftOut...)...)
	}
	return shortDigest(namespaces...)
}

// shortDigest tells a few texts apart in names, in 8 hexadecimal digits.
func shortDigest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\n")))
	return hex.EncodeToString(sum[:4])
}
