// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package isolation

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Pods are those that are cut off, or would be.
type Pods struct {
	// Labels are the sets of labels that they have.
	Labels []map[string]string
	// HostNetwork is true when they use their node's network, where no NetworkPolicy holds.
	HostNetwork bool
}

// Effect is what is known of the effect of an isolation: never that it has one.
type Effect struct {
	hostNetwork bool
	in, out     holes
}

// holes are what lets traffic through in one direction.
type holes struct {
	// through says what does, rule by rule.
	through []string
	// wide is true when one of them lets everything through.
	wide bool
}

// EffectOn is what the NetworkPolicies of a namespace leave of the isolation of these pods.
// They add up: whatever one of them allows is allowed. Those of the operator's that isolate
// allow nothing and are passed over by that.
func EffectOn(pods Pods, policies []networkingv1.NetworkPolicy) Effect {
	effect := Effect{hostNetwork: pods.HostNetwork}
	for i := range policies {
		policy := &policies[i]
		if !selects(policy, pods.Labels) {
			continue
		}
		if isAbout(policy, networkingv1.PolicyTypeIngress) {
			for _, rule := range policy.Spec.Ingress {
				effect.in.add(policy.Name, "lets traffic in from", rule.From, rule.Ports)
			}
		}
		if isAbout(policy, networkingv1.PolicyTypeEgress) {
			for _, rule := range policy.Spec.Egress {
				effect.out.add(policy.Name, "lets traffic out to", rule.To, rule.Ports)
			}
		}
	}
	return effect
}

// None says whether an isolation would keep nothing away at all.
func (e Effect) None() bool { return e.hostNetwork || (e.in.wide && e.out.wide) }

// Effective is the effect in one word.
func (e Effect) Effective() v1alpha1.IsolationEffect {
	if e.hostNetwork || len(e.in.through)+len(e.out.through) > 0 {
		return v1alpha1.IsolationIneffective
	}
	return v1alpha1.IsolationUnverified
}

// unverified is all that can be said where nothing speaks against an isolation.
const unverified = "whether the cluster's network plugin enforces NetworkPolicies, and whether policies of its own API allow more, is not known: try to reach one of the pods from another one"

// Message says what lets traffic through, or how to find out.
func (e Effect) Message() string {
	through := slices.Concat(e.in.through, e.out.through)
	switch {
	case e.hostNetwork:
		return "not effective: the pods use the network of their node, where no NetworkPolicy holds"
	case len(through) > 0:
		slices.Sort(through)
		return "not effective: " + strings.Join(slices.Compact(through), "; ")
	default:
		return unverified
	}
}

// add what one rule of a policy lets through.
func (h *holes) add(policy, verb string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
	whom := "everywhere"
	if len(peers) > 0 {
		names := make([]string, 0, len(peers))
		for _, peer := range peers {
			names = append(names, describe(peer))
		}
		slices.Sort(names)
		whom = strings.Join(slices.Compact(names), ", ")
	}
	if len(ports) > 0 {
		whom += fmt.Sprintf(" on %s", describePorts(ports))
	}
	h.through = append(h.through, fmt.Sprintf("NetworkPolicy %s %s %s", policy, verb, whom))
	h.wide = h.wide || (len(peers) == 0 && len(ports) == 0)
}

// describe a peer in words.
func describe(peer networkingv1.NetworkPolicyPeer) string {
	switch {
	case peer.IPBlock != nil:
		return peer.IPBlock.CIDR
	case peer.NamespaceSelector == nil:
		return selected("pods", peer.PodSelector) + " of the namespace"
	case peer.PodSelector == nil:
		return selected("namespaces", peer.NamespaceSelector)
	default:
		return selected("pods", peer.PodSelector) + " of " + selected("namespaces", peer.NamespaceSelector)
	}
}

func selected(what string, selector *metav1.LabelSelector) string {
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return "all " + what
	}
	return what + " " + metav1.FormatLabelSelector(selector)
}

func describePorts(ports []networkingv1.NetworkPolicyPort) string {
	var names []string
	for _, port := range ports {
		name := "any port"
		if port.Port != nil {
			name = "port " + port.Port.String()
		}
		if port.EndPort != nil {
			name += fmt.Sprintf("-%d", *port.EndPort)
		}
		if port.Protocol != nil {
			name += "/" + string(*port.Protocol)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// selects says whether a policy is about one of the pods. One whose selector cannot be read
// is about none: the API server accepts no such policy.
func selects(policy *networkingv1.NetworkPolicy, pods []map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(pods, func(of map[string]string) bool { return selector.Matches(labels.Set(of)) })
}

// isAbout says whether a policy governs a direction. One that names no types governs what
// comes in, and what goes out if it has rules for that.
func isAbout(policy *networkingv1.NetworkPolicy, direction networkingv1.PolicyType) bool {
	if len(policy.Spec.PolicyTypes) > 0 {
		return slices.Contains(policy.Spec.PolicyTypes, direction)
	}
	return direction == networkingv1.PolicyTypeIngress || len(policy.Spec.Egress) > 0
}
