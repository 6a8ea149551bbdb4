// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"fmt"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// evictable is the share of a workload's pods that may be evicted at one time. Rounded up
// it is at least one, so that a node can always be drained.
const evictable = "25%"

// leastReplicas of a workload that a budget can protect without blocking drains.
const leastReplicas = 2

// disruptionBudgets gives one to each workload of several replicas that none covers. Two
// budgets over one pod make every eviction of it fail, so where the selectors of workloads
// overlap there is none, and the operator's makes way for the team's.
func (p *Plan) disruptionBudgets(n Namespace) {
	const item = v1alpha1.DisruptionBudgets
	mode := n.Policy.DisruptionBudgets
	if mode == v1alpha1.BaselineOff {
		return
	}
	theirs := others(n.DisruptionBudgets)
	var missing, withheld []string
	made := 0
	for _, w := range n.Workloads {
		if !budgetable(w) || covered(theirs, w) {
			continue
		}
		name := budgetName(w)
		switch {
		case mode != v1alpha1.BaselineApply:
			missing = append(missing, w.Name)
		case occupied(n.DisruptionBudgets, name):
			withheld = append(withheld, fmt.Sprintf(inTheWay, name))
		case n.overlapped(w):
			withheld = append(withheld, fmt.Sprintf("the selector of %s %s matches pods of another workload too", w.Kind, w.Name))
		case n.Suspended && own(n.DisruptionBudgets, name) == nil:
			withheld = append(withheld, suspended)
		default:
			made++
			p.Objects = append(p.Objects, n.budget(w, name))
		}
	}
	switch {
	case len(withheld) > 0:
		p.stands(item, Withheld, message.Cut(strings.Join(withheld, "; "), maxWhy))
	case len(missing) > 0:
		p.stands(item, Missing, message.Cut(fmt.Sprintf("no budget covers %s", strings.Join(missing, ", ")), maxWhy))
	case made > 0:
		p.stands(item, Applied, "")
	default:
		p.stands(item, Provided, "")
	}
}

// budgetName is the name of the operator's budget for a workload.
func budgetName(w Workload) string {
	return budgetPrefix + strings.ToLower(string(w.Kind)) + "-" + w.Name
}

const budgetPrefix = "rampart-"

// budgetable says whether a budget would protect the workload. A budget counts a share of
// the replicas that it finds by the scale of the workload, which these kinds have.
func budgetable(w Workload) bool {
	scaled := w.Kind == v1alpha1.KindDeployment || w.Kind == v1alpha1.KindStatefulSet
	return scaled && w.Selector != nil && w.Replicas >= leastReplicas && !w.Deleting && len(w.Name) <= 253-len("rampart-statefulset-")
}

// covered says whether a budget of the team's is about the workload's pods.
func covered(budgets []*policyv1.PodDisruptionBudget, w Workload) bool {
	for _, b := range budgets {
		if matches(b.Spec.Selector, w.Template.Labels) {
			return true
		}
	}
	return false
}

// overlapped says whether the workload's selector matches pods of another one.
func (n Namespace) overlapped(w Workload) bool {
	for _, other := range n.Workloads {
		if (other.Kind != w.Kind || other.Name != w.Name) && matches(w.Selector, other.Template.Labels) {
			return true
		}
	}
	return false
}

// matches says whether a selector takes pods with the labels. One that cannot be read may.
func matches(selector *metav1.LabelSelector, pod map[string]string) bool {
	if selector == nil {
		return false
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err != nil || s.Matches(labels.Set(pod))
}

func (n Namespace) budget(w Workload, name string) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: n.meta(name, fmt.Sprintf("A quarter of the pods of %s %s may be evicted at one time. A PodDisruptionBudget of yours replaces this one.", w.Kind, w.Name)),
		Spec: policyv1.PodDisruptionBudgetSpec{
			Selector:                   w.Selector.DeepCopy(),
			MaxUnavailable:             ptr.To(intstr.FromString(evictable)),
			UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow),
		},
	}
}
