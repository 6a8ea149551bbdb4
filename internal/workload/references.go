// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// ConfigMapsOf are the names of the ConfigMaps that a pod refers to: in volumes, in
// projected volumes and in the environment of its containers. Sorted, none twice.
func ConfigMapsOf(spec corev1.PodSpec) []string {
	names := map[string]bool{}
	for _, v := range spec.Volumes {
		if v.ConfigMap != nil {
			names[v.ConfigMap.Name] = true
		}
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if source.ConfigMap != nil {
				names[source.ConfigMap.Name] = true
			}
		}
	}
	for _, c := range containersOf(spec) {
		for _, from := range c.EnvFrom {
			if from.ConfigMapRef != nil {
				names[from.ConfigMapRef.Name] = true
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
				names[e.ValueFrom.ConfigMapKeyRef.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
