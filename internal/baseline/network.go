// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// networkIsolation lets pods be reached from their own namespace only. Network policies
// are additive: for pods that a policy of the team's is about it could only widen what the
// team allows, so it leaves those out.
func (p *Plan) networkIsolation(n Namespace) {
	const item = v1alpha1.NetworkIsolation
	rest, some := leftOut(others(n.NetworkPolicies))
	standing := own(n.NetworkPolicies, Name) != nil
	switch mode := n.Policy.NetworkIsolation; {
	case mode == v1alpha1.BaselineOff:
	case !some:
		p.stands(item, Provided, "")
	case mode != v1alpha1.BaselineApply:
		p.stands(item, Missing, notYet)
	case occupied(n.NetworkPolicies, Name):
		p.stands(item, Withheld, fmt.Sprintf(inTheWay, Name))
	case n.Suspended && !standing:
		p.stands(item, Withheld, suspended)
	case n.Level != v1alpha1.ActAct:
		p.stands(item, Missing, "workloads ran here before the policy came, and nobody can show who reaches them from other namespaces: bring a NetworkPolicy that allows it, or set baseline.startLevel: Act")
	default:
		p.Objects = append(p.Objects, &networkingv1.NetworkPolicy{
			ObjectMeta: n.meta(Name, "Pods are reached from their own namespace only. Those that a NetworkPolicy of yours for incoming traffic selects are left out."),
			Spec: networkingv1.NetworkPolicySpec{
				PodSelector: rest,
				PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
				Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}}},
			},
		})
		p.stands(item, Applied, "")
	}
}

// leftOut selects the pods that none of the policies is about; some is false when one is
// about all pods. A selector cannot say "not both of these labels": of a policy with several
// requirements the first is negated, which leaves out more pods than it is about, never fewer.
func leftOut(policies []*networkingv1.NetworkPolicy) (rest metav1.LabelSelector, some bool) {
	for _, policy := range policies {
		if !isolatesIngress(policy) {
			continue
		}
		selector := policy.Spec.PodSelector
		switch {
		case len(selector.MatchLabels) > 0:
			key := narrowest(selector.MatchLabels)
			rest.MatchExpressions = append(rest.MatchExpressions, metav1.LabelSelectorRequirement{
				Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: []string{selector.MatchLabels[key]},
			})
		case len(selector.MatchExpressions) > 0:
			rest.MatchExpressions = append(rest.MatchExpressions, negated(selector.MatchExpressions[0]))
		default:
			return metav1.LabelSelector{}, false
		}
	}
	return rest, true
}

// narrowest is the label to negate: the name of a revision's pods, if it is there, so that
// the isolation of one revision leaves out its pods only and is not widened; else the first.
func narrowest(of map[string]string) string {
	for _, key := range []string{appsv1.DefaultDeploymentUniqueLabelKey, appsv1.ControllerRevisionHashLabelKey} {
		if of[key] != "" {
			return key
		}
	}
	return slices.Min(slices.Collect(maps.Keys(of)))
}

// negated is the requirement that matches what the other does not.
func negated(r metav1.LabelSelectorRequirement) metav1.LabelSelectorRequirement {
	opposite := map[metav1.LabelSelectorOperator]metav1.LabelSelectorOperator{
		metav1.LabelSelectorOpIn: metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpNotIn: metav1.LabelSelectorOpIn,
		metav1.LabelSelectorOpExists: metav1.LabelSelectorOpDoesNotExist, metav1.LabelSelectorOpDoesNotExist: metav1.LabelSelectorOpExists,
	}
	return metav1.LabelSelectorRequirement{Key: r.Key, Operator: opposite[r.Operator], Values: slices.Clone(r.Values)}
}

// isolatesIngress says whether a network policy is about incoming traffic. One that names
// no types is.
func isolatesIngress(policy *networkingv1.NetworkPolicy) bool {
	return len(policy.Spec.PolicyTypes) == 0 || slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
}
