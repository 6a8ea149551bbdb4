// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// StartUse is what a container takes from a ConfigMap or Secret when it starts, and keeps
// until it starts again.
type StartUse struct {
	// Container that takes it.
	Container string
	SourceUse
}

// TakenAtStart is what the regular containers of a template take from ConfigMaps and Secrets
// when they start: their environment, and files that are mounted by subPath. Other files
// follow the source while the container runs. ConfigMaps that a platform generates are left
// out.
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
		for _, use := range uses.sorted() {
			all = append(all, StartUse{Container: c.Name, SourceUse: use})
		}
	}
	return all
}
