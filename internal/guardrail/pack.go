// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import celconfig "k8s.io/apiserver/pkg/apis/cel"

// A policy's expressions share one budget in each request. A rule may run four times in
// it: on the object and on the old one, for the decision and again for the message, which
// the API server composes for compliant objects too. Half of the budget is left for
// workloads larger than the specimens on which the cost was measured.
const (
	runsPerRequest = 4
	packBudget     = celconfig.RuntimeCELCostBudget / 2
)

// packs divides rules among as few policies as their cost allows, in their order.
func packs(programs []*Program) [][]*Program {
	var all [][]*Program
	var left int64
	for _, p := range programs {
		cost := p.cost * runsPerRequest
		if len(all) == 0 || cost > left {
			all = append(all, nil)
			left = packBudget
		}
		last := len(all) - 1
		all[last] = append(all[last], p)
		left -= cost
	}
	return all
}
