// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package isolation_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/isolation"
)

const (
	in  = networkingv1.PolicyTypeIngress
	out = networkingv1.PolicyTypeEgress
)

// about is a policy over the pods with a label app.
func about(app string, spec networkingv1.NetworkPolicySpec) networkingv1.NetworkPolicy {
	spec.PodSelector = metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
	return networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}, Spec: spec}
}

func allowsIn(rules ...networkingv1.NetworkPolicyIngressRule) networkingv1.NetworkPolicySpec {
	return networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{in}, Ingress: rules}
}

func allowsOut(rules ...networkingv1.NetworkPolicyEgressRule) networkingv1.NetworkPolicySpec {
	return networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{out}, Egress: rules}
}

func labelled(name, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{name: value}}
}

func TestTheEffectOfAnIsolationIsNeverClaimed(t *testing.T) {
	dns := []networkingv1.NetworkPolicyPort{{Protocol: ptr.To(corev1.ProtocolUDP), Port: ptr.To(intstr.FromInt32(53))}}
	everybody := networkingv1.NetworkPolicyIngressRule{}
	everywhere := networkingv1.NetworkPolicyEgressRule{}
	const nobodyKnows = "whether the cluster's network plugin enforces NetworkPolicies"
	for name, test := range map[string]struct {
		hostNetwork bool
		policies    []networkingv1.NetworkPolicy
		effective   v1alpha1.IsolationEffect
		none        bool
		says        string
	}{
		"alone": {effective: v1alpha1.IsolationUnverified, says: nobodyKnows},
		"beside a policy that denies everything": {
			policies:  []networkingv1.NetworkPolicy{about("shop", networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{in, out}})},
			effective: v1alpha1.IsolationUnverified, says: nobodyKnows,
		},
		"beside a policy about other pods": {
			policies: []networkingv1.NetworkPolicy{about("bank", allowsIn(everybody))}, effective: v1alpha1.IsolationUnverified, says: nobodyKnows,
		},
		"beside one that lets everybody in": {
			policies: []networkingv1.NetworkPolicy{about("shop", allowsIn(everybody))}, effective: v1alpha1.IsolationIneffective,
			says: "not effective: NetworkPolicy theirs lets traffic in from everywhere",
		},
		"beside one that lets everything out": {
			policies: []networkingv1.NetworkPolicy{about("shop", allowsOut(everywhere))}, effective: v1alpha1.IsolationIneffective,
			says: "not effective: NetworkPolicy theirs lets traffic out to everywhere",
		},
		"beside those that let everything through": {
			policies:  []networkingv1.NetworkPolicy{about("shop", allowsIn(everybody)), about("shop", allowsOut(everywhere))},
			effective: v1alpha1.IsolationIneffective, none: true, says: "in from everywhere; NetworkPolicy theirs lets traffic out to everywhere",
		},
		"beside one that lets names be resolved": {
			policies: []networkingv1.NetworkPolicy{about("shop", allowsOut(networkingv1.NetworkPolicyEgressRule{
				To:    []networkingv1.NetworkPolicyPeer{{NamespaceSelector: labelled("kubernetes.io/metadata.name", "kube-system"), PodSelector: labelled("k8s-app", "kube-dns")}},
				Ports: dns,
			}))},
			effective: v1alpha1.IsolationIneffective,
			says:      "out to pods k8s-app=kube-dns of namespaces kubernetes.io/metadata.name=kube-system on port 53/UDP",
		},
		"beside some that let something through each way": {
			policies: []networkingv1.NetworkPolicy{
				about("shop", allowsIn(networkingv1.NetworkPolicyIngressRule{Ports: []networkingv1.NetworkPolicyPort{{Port: ptr.To(intstr.FromInt32(80)), EndPort: ptr.To[int32](90)}, {}}})),
				about("shop", allowsOut(networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{
					{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}}, {PodSelector: labelled("app", "bank")}, {PodSelector: &metav1.LabelSelector{}}, {NamespaceSelector: &metav1.LabelSelector{}},
				}})),
			},
			effective: v1alpha1.IsolationIneffective,
			says:      "in from everywhere on port 80-90, any port; NetworkPolicy theirs lets traffic out to 10.0.0.0/8, all namespaces, all pods of the namespace, pods app=bank of the namespace",
		},
		"beside one that names no types and lets everything through": {
			policies: []networkingv1.NetworkPolicy{about("shop", networkingv1.NetworkPolicySpec{
				Ingress: []networkingv1.NetworkPolicyIngressRule{everybody}, Egress: []networkingv1.NetworkPolicyEgressRule{everywhere},
			})},
			effective: v1alpha1.IsolationIneffective, none: true, says: "in from everywhere; ",
		},
		"beside one whose rules are for a direction that it does not govern": {
			policies: []networkingv1.NetworkPolicy{about("shop", networkingv1.NetworkPolicySpec{
				PolicyTypes: []networkingv1.PolicyType{out}, Ingress: []networkingv1.NetworkPolicyIngressRule{everybody},
			})},
			effective: v1alpha1.IsolationUnverified, says: nobodyKnows,
		},
		"beside one with rules for what goes out, which it does not govern": {
			policies: []networkingv1.NetworkPolicy{about("shop", networkingv1.NetworkPolicySpec{
				PolicyTypes: []networkingv1.PolicyType{in}, Egress: []networkingv1.NetworkPolicyEgressRule{everywhere},
			})},
			effective: v1alpha1.IsolationUnverified, says: nobodyKnows,
		},
		"beside those that let some ports through both ways, which leaves the others": {
			policies: []networkingv1.NetworkPolicy{
				about("shop", allowsIn(networkingv1.NetworkPolicyIngressRule{Ports: dns})), about("shop", allowsOut(networkingv1.NetworkPolicyEgressRule{Ports: dns})),
			},
			effective: v1alpha1.IsolationIneffective, says: "in from everywhere on port 53/UDP",
		},
		"beside those that let some pods through both ways, which leaves the others": {
			policies: []networkingv1.NetworkPolicy{
				about("shop", allowsIn(networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{{PodSelector: labelled("app", "bank")}}})),
				about("shop", allowsOut(networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{{PodSelector: labelled("app", "bank")}}})),
			},
			effective: v1alpha1.IsolationIneffective, says: "in from pods app=bank of the namespace",
		},
		"beside one that is about one of the pods only": {
			policies: []networkingv1.NetworkPolicy{about("shop-canary", allowsIn(everybody))}, effective: v1alpha1.IsolationIneffective,
			says: "in from everywhere",
		},
		"on the network of the node": {
			hostNetwork: true, effective: v1alpha1.IsolationIneffective, none: true, says: "not effective: the pods use the network of their node",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			effect := isolation.EffectOn(isolation.Pods{
				Labels: []map[string]string{{"app": "shop"}, {"app": "shop-canary"}}, HostNetwork: test.hostNetwork,
			}, test.policies)
			g.Expect(effect.Effective()).To(Equal(test.effective))
			g.Expect(effect.None()).To(Equal(test.none))
			g.Expect(effect.Message()).To(ContainSubstring(test.says))
		})
	}
}
