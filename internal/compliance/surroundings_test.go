// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/workload"
)

var pods = map[string]string{"app": "shop", "tier": "web"}

func TestAReferenceIsMissingWhenItsObjectOrItsKeyIs(t *testing.T) {
	g := NewWithT(t)
	present := func(r workload.Reference) compliance.Present {
		return compliance.Present{Exists: r.Name != "gone", Keys: map[string]bool{"level": true}}
	}
	missing := compliance.Missing([]workload.Reference{
		{Kind: "ConfigMap", Name: "settings", From: "volume a"},
		{Kind: "ConfigMap", Name: "settings", Key: "level", From: "volume a"},
		{Kind: "ConfigMap", Name: "settings", Key: "size", From: "volume a"},
		{Kind: "ConfigMap", Name: "gone", Key: "level", From: "volume b"},
		{Kind: "ConfigMap", Name: "gone", Key: "size", From: "volume b"},
		{Kind: "ServiceAccount", Name: "gone", From: "the pod"},
	}, present)
	g.Expect(missing).To(Equal([]guardrail.MissingReference{
		{Kind: "ConfigMap", Name: "settings", Key: "size", From: "volume a"},
		{Kind: "ConfigMap", Name: "gone", From: "volume b"},
		{Kind: "ServiceAccount", Name: "gone", From: "the pod"},
	}))
	g.Expect(compliance.Missing(nil, present)).To(And(Not(BeNil()), BeEmpty()), "it was looked for")
}

func TestADisruptionBudgetIsOverThePodsThatItSelects(t *testing.T) {
	g := NewWithT(t)
	budget := func(name string, selector *metav1.LabelSelector) policyv1.PodDisruptionBudget {
		return policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       policyv1.PodDisruptionBudgetSpec{Selector: selector, MaxUnavailable: ptr.To(intstr.FromString("25%"))},
			Status:     policyv1.PodDisruptionBudgetStatus{ExpectedPods: 4, DisruptionsAllowed: 1},
		}
	}
	over := compliance.BudgetsOver(pods, []policyv1.PodDisruptionBudget{
		budget("shop", &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}),
		budget("other", &metav1.LabelSelector{MatchLabels: map[string]string{"app": "other"}}),
		budget("everything", &metav1.LabelSelector{}),
		budget("nothing", nil),
		budget("unreadable", &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Maybe"}}}),
	})
	g.Expect(over).To(HaveExactElements(
		And(HaveField("Name", "everything"), HaveField("MatchesAll", true)),
		And(HaveField("Name", "shop"), HaveField("MatchesAll", false), HaveField("ExpectedPods", BeEquivalentTo(4)),
			HaveField("DisruptionsAllowed", BeEquivalentTo(1)), HaveField("MaxUnavailable", Equal(ptr.To(intstr.FromString("25%")))), HaveField("MinAvailable", BeNil())),
	))
	g.Expect(compliance.BudgetsOver(pods, nil)).To(And(Not(BeNil()), BeEmpty()))
}

func TestAServiceIsBeforeThePodsThatItSelects(t *testing.T) {
	g := NewWithT(t)
	service := func(name string, selector map[string]string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{
			Selector: selector, Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("web"), Protocol: corev1.ProtocolTCP}},
		}}
	}
	before := compliance.ServicesBefore(pods, []*corev1.Service{
		service("web", map[string]string{"tier": "web"}), service("shop", pods), service("other", map[string]string{"app": "other"}), service("without-selector", nil),
	})
	ports := []guardrail.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("web"), Protocol: "TCP"}}
	g.Expect(before).To(Equal([]guardrail.Service{{Name: "shop", Ports: ports}, {Name: "web", Ports: ports}}))
	g.Expect(compliance.ServicesBefore(pods, nil)).To(And(Not(BeNil()), BeEmpty()))
}

func TestAHostIsClaimedByTheOtherIngressesThatHaveIt(t *testing.T) {
	g := NewWithT(t)
	ingress := func(namespace, name string, hosts ...string) networkingv1.Ingress {
		i := networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		for _, host := range hosts {
			i.Spec.Rules = append(i.Spec.Rules, networkingv1.IngressRule{Host: host})
		}
		return i
	}
	own := ingress("shop", "web", "shop.example", "www.shop.example", "shop.example", "")
	claimed := compliance.ClaimedHosts(&own, []networkingv1.Ingress{
		own, ingress("thief", "web", "www.shop.example", "www.shop.example"), ingress("shop", "other", "shop.example", "elsewhere.example"), ingress("any", "any", ""),
	})
	g.Expect(claimed).To(Equal([]guardrail.ClaimedHost{
		{Host: "shop.example", Namespace: "shop", Name: "other"}, {Host: "www.shop.example", Namespace: "thief", Name: "web"},
	}))
	g.Expect(compliance.ClaimedHosts(&own, nil)).To(And(Not(BeNil()), BeEmpty()))
}
