// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// filling is what admission fills in where a container says nothing, before a quota asks.
type filling struct{ requests, limits corev1.ResourceList }

// filling is what the LimitRanges fill in that are there now and will stay. Where several say
// something of the same, nobody knows whose word counts: the largest is taken.
func (n Namespace) filling() filling {
	f := filling{requests: corev1.ResourceList{}, limits: corev1.ResourceList{}}
	for _, theirs := range others(n.LimitRanges) {
		for _, item := range theirs.Spec.Limits {
			if item.Type == corev1.LimitTypeContainer {
				most(f.requests, item.DefaultRequest)
				most(f.limits, item.Default)
			}
		}
	}
	if len(others(n.LimitRanges)) == 0 {
		most(f.requests, n.ownRequests())
	}
	return f
}

// ownRequests are those that the operator's LimitRange fills in, and will go on to.
func (n Namespace) ownRequests() corev1.ResourceList {
	requests, standing := corev1.ResourceList{}, own(n.LimitRanges, Name)
	if policy := n.Policy.DefaultRequests; standing != nil && policy != nil && policy.Mode == v1alpha1.BaselineApply {
		for _, item := range standing.Spec.Limits {
			for name := range item.DefaultRequest {
				if wanted, stays := policy.Requests[name]; stays {
					requests[name] = wanted
				}
			}
		}
	}
	return requests
}

// into is a pod as admission makes it: a limit is the request where there is none, and then
// LimitRanges fill in what is still missing.
func (f filling) into(spec corev1.PodSpec) corev1.PodSpec {
	filled := *spec.DeepCopy()
	for _, containers := range [][]corev1.Container{filled.InitContainers, filled.Containers} {
		for i := range containers {
			resources := &containers[i].Resources
			resources.Requests = supplemented(resources.Requests, resources.Limits)
			resources.Limits = supplemented(resources.Limits, f.limits)
			resources.Requests = supplemented(resources.Requests, f.requests)
		}
	}
	return filled
}

// supplemented is a list with what another one has besides.
func supplemented(list, by corev1.ResourceList) corev1.ResourceList {
	for name, quantity := range by {
		if _, said := list[name]; said {
			continue
		}
		if list == nil {
			list = corev1.ResourceList{}
		}
		list[name] = quantity
	}
	return list
}
