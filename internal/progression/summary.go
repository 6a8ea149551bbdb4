// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Summary counts guardrails by level, for tables: "3 Observe, 2 Warn, 4 Enforce".
func Summary(states []v1alpha1.GuardrailState) string {
	counts := map[v1alpha1.Level]int{}
	for _, s := range states {
		counts[s.Level]++
	}
	var parts []string
	for _, level := range v1alpha1.Levels {
		if counts[level] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[level], level))
		}
	}
	return strings.Join(parts, ", ")
}
