// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"strconv"

	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// A policy's expressions share one budget in each request. A rule may run four times in
// it: on the object and on the old one, for the decision and again for the message, which
// the API server composes for compliant objects too. Half of the budget is left for
// workloads larger than the specimens on which the cost was measured.
const (
	runsPerRequest = 4
	packBudget     = celconfig.RuntimeCELCostBudget / 2
)

// maxPackSize is how long the sources in one policy may be together, in bytes: a third of
// what etcd stores in one object. The API server keeps a policy's sources once; the rest
// is for messages and for whatever an administrator's tools add to the object.
const maxPackSize = 512 * 1024

// The match condition of a policy asks for the claims of all its rules, in one expression.
// A claim costs a little more to ask for than the rule itself, for each element of a list.
const (
	conditionBudget = celconfig.PerCallLimit / 2
	costOfClaim     = 10 * largest
)

// packs divides rules among as few policies as their cost and their size allow, in their
// order. Rules without claims are apart: the policy they are in is evaluated for everything.
func packs(rules []Placed) [][]Placed {
	var narrow, wide []Placed
	for _, rule := range rules {
		if rule.Program.claims != nil {
			narrow = append(narrow, rule)
		} else {
			wide = append(wide, rule)
		}
	}
	return append(fill(narrow), fill(wide)...)
}

func fill(rules []Placed) [][]Placed {
	var all [][]Placed
	var left load
	for _, rule := range rules {
		of := loadOf(rule.Program)
		if len(all) == 0 || !left.holds(of) {
			all = append(all, nil)
			left = load{cost: packBudget, condition: conditionBudget, size: maxPackSize, conditionSize: maxCondition / 2}
		}
		last := len(all) - 1
		all[last] = append(all[last], rule)
		left = load{left.cost - of.cost, left.condition - of.condition, left.size - of.size, left.conditionSize - of.conditionSize}
	}
	return all
}

// load is what a rule adds to a policy, and what a policy can still take.
type load struct {
	// cost of the policy in a request, and of its match condition, in the API server's units.
	cost, condition int64
	// size of the sources, and of the match condition, in bytes.
	size, conditionSize int
}

func loadOf(p *Program) load {
	l := load{cost: p.cost * runsPerRequest, size: len(p.source) + len(p.before)}
	if p.claims != nil {
		l.condition = p.cost + costOfClaim*int64(len(p.claims))
		l.conditionSize = len(anyOf(p.claims))
	}
	return l
}

func (l load) holds(other load) bool {
	return other.cost <= l.cost && other.condition <= l.condition && other.size <= l.size && other.conditionSize <= l.conditionSize
}

// part names the parts of a pack that had to be split; the first keeps the plain name.
func part(i int) string {
	if i == 0 {
		return ""
	}
	return strconv.Itoa(i + 1)
}
