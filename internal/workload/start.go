// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// StartUse is what a container takes from a ConfigMap when it starts, and keeps until it
// starts again.
type StartUse struct {
	// Container that takes it.
	Container string
	ConfigMapUse
}

// TakenAtStart is what the regular containers of a template take from ConfigMaps when they
// start: their environment, and files that are mounted by subPath. Other files follow the
// ConfigMap while the container runs. ConfigMaps that a platform generates are left out.
func TakenAtStart(spec corev1.PodSpec) []StartUse {
	var all []StartUse
	for _, c := range spec.Containers {
		uses := usage{}
		uses.environment(c)
		for _, v := range spec.Volumes {
			if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
				return m.Name == v.Name && (m.SubPath != "" || m.SubPathExpr != "")
			}) {
				uses.volume(v)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(uses)) {
			if !slices.Contains(generated, name) {
				all = append(all, StartUse{Container: c.Name, ConfigMapUse: uses.of(name)})
			}
		}
	}
	return all
}

// environment of a container.
func (u usage) environment(c corev1.Container) {
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil {
			u.all(from.ConfigMapRef.Name)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
			u.key(e.ValueFrom.ConfigMapKeyRef.Name, e.ValueFrom.ConfigMapKeyRef.Key)
		}
	}
}

// volume of a pod.
func (u usage) volume(v corev1.Volume) {
	if v.ConfigMap != nil {
		u.items(v.ConfigMap.Name, v.ConfigMap.Items)
	}
	if v.Projected == nil {
		return
	}
	for _, source := range v.Projected.Sources {
		if source.ConfigMap != nil {
			u.items(source.ConfigMap.Name, source.ConfigMap.Items)
		}
	}
}

// of a ConfigMap.
func (u usage) of(name string) ConfigMapUse {
	use := ConfigMapUse{Name: name}
	if keys := u[name]; keys != nil {
		use.Keys = slices.Sorted(maps.Keys(keys))
	}
	return use
}
