// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// defaultRequests sets requests where a container says nothing. It limits nothing. A limit
// that a container states is its request before this is looked at; only a pod that states
// resources for all its containers together could become invalid by it.
func (p *Plan) defaultRequests(n Namespace) {
	const item = v1alpha1.DefaultRequests
	policy := n.Policy.DefaultRequests
	if policy == nil || policy.Mode == v1alpha1.BaselineOff {
		return
	}
	if len(others(n.LimitRanges)) > 0 {
		p.stands(item, Provided, "")
		return
	}
	together, standing := n.podLevelResources(), own(n.LimitRanges, Name) != nil
	switch {
	case policy.Mode != v1alpha1.BaselineApply:
		p.stands(item, Missing, notYet)
	case together != "" && !standing:
		p.stands(item, Withheld, together+" states resources for its containers together, and default requests could exceed them")
	case n.Suspended && !standing:
		p.stands(item, Withheld, suspended)
	default:
		p.Objects = append(p.Objects, &corev1.LimitRange{
			ObjectMeta: n.meta(Name, "Containers that say nothing get these requests. A LimitRange of another name replaces this one."),
			Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type: corev1.LimitTypeContainer, DefaultRequest: policy.Requests.DeepCopy(),
			}}},
		})
		p.stands(item, Applied, "")
	}
}

// podLevelResources names the first workload or pod that states resources of a pod as a whole.
func (n Namespace) podLevelResources() string {
	for _, w := range n.Workloads {
		if w.Template.Spec.Resources != nil {
			return fmt.Sprintf("%s %s", w.Kind, w.Name)
		}
	}
	for i := range n.Pods {
		if n.Pods[i].Spec.Resources != nil {
			return "Pod " + n.Pods[i].Name
		}
	}
	return ""
}
