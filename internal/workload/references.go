// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Kinds of objects that a pod may refer to.
const (
	RefersToConfigMap      = "ConfigMap"
	RefersToServiceAccount = "ServiceAccount"
	RefersToClaim          = "PersistentVolumeClaim"
)

// Reference is something that a pod needs to start: an object of its namespace, or one key
// of a ConfigMap.
type Reference struct {
	Kind, Name string
	// Key of a ConfigMap; empty when the pod needs none in particular.
	Key string
	// From is where the pod template names it: "container app, env TOKEN".
	From string
}

// ReferencesOf are the ConfigMaps, the ServiceAccount and the PersistentVolumeClaims without
// which a pod does not start, sorted, none twice. What it marks as optional is not among
// them, and Secrets are not either: the operator does not read them.
func ReferencesOf(spec corev1.PodSpec) []Reference {
	var all []Reference
	if spec.ServiceAccountName != "" {
		all = append(all, Reference{Kind: RefersToServiceAccount, Name: spec.ServiceAccountName, From: "the pod"})
	}
	for _, v := range spec.Volumes {
		from := "volume " + v.Name
		if v.ConfigMap != nil && !isTrue(v.ConfigMap.Optional) {
			all = append(all, configMapKeys(v.ConfigMap.Name, v.ConfigMap.Items, from)...)
		}
		if v.PersistentVolumeClaim != nil {
			all = append(all, Reference{Kind: RefersToClaim, Name: v.PersistentVolumeClaim.ClaimName, From: from})
		}
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if source.ConfigMap != nil && !isTrue(source.ConfigMap.Optional) {
				all = append(all, configMapKeys(source.ConfigMap.Name, source.ConfigMap.Items, from)...)
			}
		}
	}
	for _, c := range containersOf(spec) {
		all = append(all, environmentOf(c)...)
	}
	slices.SortFunc(all, func(a, b Reference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key), cmp.Compare(a.From, b.From))
	})
	return slices.Compact(all)
}

// environmentOf are the ConfigMaps that a container's environment comes from.
func environmentOf(c corev1.Container) []Reference {
	var all []Reference
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil && !isTrue(from.ConfigMapRef.Optional) {
			all = append(all, Reference{Kind: RefersToConfigMap, Name: from.ConfigMapRef.Name, From: "container " + c.Name + ", envFrom"})
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil || e.ValueFrom.ConfigMapKeyRef == nil || isTrue(e.ValueFrom.ConfigMapKeyRef.Optional) {
			continue
		}
		all = append(all, Reference{
			Kind: RefersToConfigMap, Name: e.ValueFrom.ConfigMapKeyRef.Name, Key: e.ValueFrom.ConfigMapKeyRef.Key,
			From: "container " + c.Name + ", env " + e.Name,
		})
	}
	return all
}

// configMapKeys are a ConfigMap and those of its keys that a volume shows.
func configMapKeys(name string, items []corev1.KeyToPath, from string) []Reference {
	if len(items) == 0 {
		return []Reference{{Kind: RefersToConfigMap, Name: name, From: from}}
	}
	all := make([]Reference, 0, len(items))
	for _, item := range items {
		all = append(all, Reference{Kind: RefersToConfigMap, Name: name, Key: item.Key, From: from})
	}
	return all
}

func isTrue(b *bool) bool { return b != nil && *b }
