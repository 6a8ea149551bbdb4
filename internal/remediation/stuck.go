// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/workload"
)

// Stuck are the pods that keep a StatefulSet from going back, the lowest ordinal first. Its
// controller waits for each pod to be ready before it touches another one, and goes on to
// wait for one of a revision that was rolled back (kubernetes#67250): the pod must be deleted
// before another is made from the restored template.
//
// None is stuck before the controller has acted on the restored template: what it replaces
// itself, as it does where pods are managed in parallel, it has deleted then. None is while
// one is on its way out, and none that is ready, that is on a node in trouble, or that would
// not be made from the restored template, because its ordinal is below the partition.
//
// quarantined are the names of the revisions that were rolled back, as their pods bear them;
// troubled nodes have an entry.
func Stuck(set *appsv1.StatefulSet, pods []workload.Pod, quarantined []string, troubled map[string]string) []workload.Pod {
	rolls := set.Spec.UpdateStrategy.Type == "" || set.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType
	restored := set.Status.ObservedGeneration >= set.Generation && !slices.Contains(quarantined, set.Status.UpdateRevision)
	if !rolls || !restored {
		return nil
	}
	var stuck []workload.Pod
	for _, pod := range pods {
		switch {
		case !slices.Contains(quarantined, pod.TemplateHash):
		case pod.Departing():
			return nil
		case pod.Ready, pod.Phase == corev1.PodFailed, pod.Phase == corev1.PodSucceeded:
			// its controller replaces it
		case troubled[pod.Node] == "" && remade(set, pod.Name):
			stuck = append(stuck, pod)
		}
	}
	slices.SortFunc(stuck, func(a, b workload.Pod) int { return cmp.Compare(ordinal(a.Name), ordinal(b.Name)) })
	return stuck
}

// remade says whether a pod of this name is made from the newest template when it is gone.
func remade(set *appsv1.StatefulSet, name string) bool {
	first := 0
	if set.Spec.Ordinals != nil {
		first = int(set.Spec.Ordinals.Start)
	}
	beyond := first + int(ptr.Deref(set.Spec.Replicas, 1))
	if rolling := set.Spec.UpdateStrategy.RollingUpdate; rolling != nil {
		first += int(ptr.Deref(rolling.Partition, 0))
	}
	n := ordinal(name)
	return n >= first && n < beyond
}

// ordinal of a StatefulSet's pod, by its name; -1 for no such name.
func ordinal(name string) int {
	n, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	if err != nil {
		return -1
	}
	return n
}

// ReplacementID identifies the deletion of a stuck pod after a rollback: each happens once,
// whatever pod bears the name later.
func ReplacementID(rollback, pod string) string {
	sum := sha256.Sum256([]byte(rollback + "/" + pod))
	return "replace-" + hex.EncodeToString(sum[:])[:12]
}
