// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package environment

import "slices"

// Circle is the way from an environment along what each follows back to itself, the name at
// both ends; nil when there is none. In a circle each waits for the one before it, and no
// guardrail rises anywhere. Environments of other clusters end the way: what they follow is
// not known here.
func (m Map) Circle(name string) []string {
	way := []string{name}
	for {
		at, found := m.Named(way[len(way)-1])
		if !found || at.Spec.Follows == nil || at.Spec.Follows.Cluster != "" {
			return nil
		}
		next := at.Spec.Follows.Name
		if next == name {
			return append(way, next)
		}
		if slices.Contains(way, next) {
			return nil // it leads into a circle of others, who say so themselves
		}
		way = append(way, next)
	}
}
