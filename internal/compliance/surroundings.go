// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Present is what is known of an object that a pod refers to.
type Present struct {
	// Exists is false when there is no such object.
	Exists bool
	// Keys are those of a ConfigMap.
	Keys map[string]bool
}

// Missing are the references that lead nowhere, in their order. The result is never nil.
func Missing(references []workload.Reference, present func(workload.Reference) Present) []guardrail.MissingReference {
	missing := []guardrail.MissingReference{}
	for _, r := range references {
		switch found := present(r); {
		case !found.Exists:
			missing = append(missing, guardrail.MissingReference{Kind: r.Kind, Name: r.Name, From: r.From})
		case r.Key != "" && !found.Keys[r.Key]:
			missing = append(missing, guardrail.MissingReference{Kind: r.Kind, Name: r.Name, Key: r.Key, From: r.From})
		}
	}
	return slices.Compact(missing)
}

// BudgetSelects says whether a disruption budget is over pods with these labels.
func BudgetSelects(budget *policyv1.PodDisruptionBudget, pod map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector) // nil selects nothing
	return err == nil && selector.Matches(labels.Set(pod))
}

// BudgetsOver are the disruption budgets over pods with these labels, by name. The result
// is never nil.
func BudgetsOver(pod map[string]string, budgets []policyv1.PodDisruptionBudget) []guardrail.DisruptionBudget {
	over := []guardrail.DisruptionBudget{}
	for i := range budgets {
		b := &budgets[i]
		if !BudgetSelects(b, pod) {
			continue
		}
		over = append(over, guardrail.DisruptionBudget{
			Name: b.Name, MaxUnavailable: b.Spec.MaxUnavailable, MinAvailable: b.Spec.MinAvailable,
			ExpectedPods: b.Status.ExpectedPods, DisruptionsAllowed: b.Status.DisruptionsAllowed,
			MatchesAll: len(b.Spec.Selector.MatchLabels)+len(b.Spec.Selector.MatchExpressions) == 0,
		})
	}
	slices.SortFunc(over, func(a, b guardrail.DisruptionBudget) int { return cmp.Compare(a.Name, b.Name) })
	return over
}

// ServicesBefore are the Services that send traffic to pods with these labels, by name. The
// result is never nil.
func ServicesBefore(pod map[string]string, services []*corev1.Service) []guardrail.Service {
	before := []guardrail.Service{}
	for _, s := range services {
		if len(s.Spec.Selector) == 0 || !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(pod)) {
			continue
		}
		service := guardrail.Service{Name: s.Name, Ports: []guardrail.ServicePort{}}
		for _, p := range s.Spec.Ports {
			service.Ports = append(service.Ports, guardrail.ServicePort{Name: p.Name, Port: p.Port, TargetPort: p.TargetPort, Protocol: string(p.Protocol)})
		}
		before = append(before, service)
	}
	slices.SortFunc(before, func(a, b guardrail.Service) int { return cmp.Compare(a.Name, b.Name) })
	return before
}

// HostsOf are the hosts that an Ingress claims by its rules, sorted, none twice. A rule
// without a host claims none of its own.
func HostsOf(ingress *networkingv1.Ingress) []string {
	var hosts []string
	for _, rule := range ingress.Spec.Rules {
		if rule.Host != "" {
			hosts = append(hosts, rule.Host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// ClaimedHosts are the hosts of an Ingress that others claim too, by host, namespace and
// name. The Ingress itself may be among the others. The result is never nil.
func ClaimedHosts(ingress *networkingv1.Ingress, others []networkingv1.Ingress) []guardrail.ClaimedHost {
	own, claimed := HostsOf(ingress), []guardrail.ClaimedHost{}
	for i := range others {
		other := &others[i]
		if other.Namespace == ingress.Namespace && other.Name == ingress.Name {
			continue
		}
		for _, host := range HostsOf(other) {
			if slices.Contains(own, host) {
				claimed = append(claimed, guardrail.ClaimedHost{Host: host, Namespace: other.Namespace, Name: other.Name})
			}
		}
	}
	slices.SortFunc(claimed, func(a, b guardrail.ClaimedHost) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(claimed)
}
