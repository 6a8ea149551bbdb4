// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package isolation_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/isolation"
	"github.com/rampart-dev/rampart/internal/workload"
)

// shop is the pods of a failing revision of a workload.
func shop(kind v1alpha1.WorkloadKind) isolation.Cell {
	return isolation.Cell{
		Workload: workload.Workload{Kind: kind, Namespace: "town", Name: "shop", UID: "u-1"},
		Selector: labelled("app", "shop"), PodTemplateHash: "bad",
	}
}

func TestAnIsolationIsOfThePodsOfOneRevision(t *testing.T) {
	for kind, label := range map[v1alpha1.WorkloadKind]string{
		v1alpha1.KindDeployment: "pod-template-hash", v1alpha1.KindStatefulSet: "controller-revision-hash", v1alpha1.KindDaemonSet: "controller-revision-hash",
	} {
		t.Run(string(kind), func(t *testing.T) {
			g := NewWithT(t)
			policy := isolation.Policy(shop(kind))
			selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
			g.Expect(err).NotTo(HaveOccurred())

			g.Expect(selector.Matches(labels.Set{"app": "shop", label: "bad", "zone": "a"})).To(BeTrue())
			g.Expect(selector.Matches(labels.Set{"app": "shop", label: "good"})).To(BeFalse(), "another revision")
			g.Expect(selector.Matches(labels.Set{"app": "bank", label: "bad"})).To(BeFalse(), "another workload")
			has, hash := isolation.PodsOf(policy)
			g.Expect([]string{has, hash}).To(Equal([]string{label, "bad"}))
		})
	}
}

func TestAnIsolationAllowsNothingAndGoesWithItsWorkload(t *testing.T) {
	g := NewWithT(t)
	cell := shop(v1alpha1.KindDeployment)
	policy := isolation.Policy(cell)

	g.Expect(policy.Spec.PolicyTypes).To(ConsistOf(in, out))
	g.Expect(policy.Spec.Ingress).To(BeEmpty())
	g.Expect(policy.Spec.Egress).To(BeEmpty(), "names are not resolved either")
	g.Expect(policy.OwnerReferences).To(ConsistOf(metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "shop", UID: "u-1"}),
		"the workload owns it, and does not control it")
	g.Expect(policy.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationDescription, ContainSubstring("delete this object")))
	g.Expect(cell.Selector.MatchLabels).To(HaveLen(1), "the workload's selector is left alone")
}

func TestASelectorWithoutLabelsIsNarrowedToo(t *testing.T) {
	g := NewWithT(t)
	cell := shop(v1alpha1.KindDeployment)
	cell.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpExists}}}
	policy := isolation.Policy(cell)
	g.Expect(policy.Spec.PodSelector.MatchExpressions).To(Equal(cell.Selector.MatchExpressions))
	g.Expect(policy.Spec.PodSelector.MatchLabels).To(Equal(map[string]string{"pod-template-hash": "bad"}))
}

func TestOnlyWhatTheOperatorMadeIsItsOwn(t *testing.T) {
	own := func() *networkingv1.NetworkPolicy { return isolation.Policy(shop(v1alpha1.KindDeployment)) }
	g := NewWithT(t)
	g.Expect(isolation.IsOwn(own())).To(BeTrue())

	for name, change := range map[string]func(*networkingv1.NetworkPolicy){
		"a copy under another name":          func(p *networkingv1.NetworkPolicy) { p.Name = "ours" },
		"one whose labels were taken off":    func(p *networkingv1.NetworkPolicy) { p.Labels = nil },
		"one that does not isolate":          func(p *networkingv1.NetworkPolicy) { delete(p.Labels, v1alpha1.LabelIsolates) },
		"one that somebody else looks after": func(p *networkingv1.NetworkPolicy) { p.Labels[v1alpha1.LabelManagedBy] = "Helm" },
	} {
		t.Run(name, func(t *testing.T) {
			policy := own()
			change(policy)
			NewWithT(t).Expect(isolation.IsOwn(policy)).To(BeFalse())
		})
	}
}

func TestNamesOfIsolationsAreValidAndApart(t *testing.T) {
	g := NewWithT(t)
	long := strings.Repeat("a", 253)
	seen := map[string]bool{}
	for _, name := range []string{"shop", "shop.one", long, long[:252] + "b", strings.Repeat("a", 223) + "." + strings.Repeat("b", 29)} {
		for _, kind := range []v1alpha1.WorkloadKind{v1alpha1.KindDeployment, v1alpha1.KindStatefulSet} {
			policy := isolation.Name(kind, name)
			g.Expect(validation.IsDNS1123Subdomain(policy)).To(BeEmpty(), policy)
			g.Expect(seen[policy]).To(BeFalse(), "%s is the name of two", policy)
			seen[policy] = true
		}
	}
	g.Expect(isolation.Name(v1alpha1.KindDeployment, "shop")).To(Equal("rampart-isolation-deployment-shop"))
}
