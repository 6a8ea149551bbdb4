// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestTheNameHereFollowsFromTheNameInTheSource(t *testing.T) {
	deployment := func(name string) Key { return Key{Kind: v1alpha1.KindDeployment, Name: name} }
	for _, c := range []struct {
		name       string
		mapping    v1alpha1.GateMapping
		from, here string
	}{
		{"nothing is mapped", v1alpha1.GateMapping{}, "shop", "shop"},
		{"a suffix is stripped", names(v1alpha1.NameMapping{StripSuffix: "-staging"}), "shop-staging", "shop"},
		{"a name without it stays", names(v1alpha1.NameMapping{StripSuffix: "-staging"}), "shop", "shop"},
		{"a name that is nothing else stays", names(v1alpha1.NameMapping{StripSuffix: "staging", AddSuffix: "prod"}), "staging", "staging"},
		{"a name that would become none stays", names(v1alpha1.NameMapping{StripSuffix: "staging"}), "shop-staging", "shop-staging"},
		{"a suffix takes the place of another", names(v1alpha1.NameMapping{StripSuffix: "-staging", AddSuffix: "-prod"}), "shop-staging", "shop-prod"},
		{"nothing is added to a name without what is stripped", names(v1alpha1.NameMapping{StripSuffix: "-staging", AddSuffix: "-prod"}), "shop", "shop"},
		{"a prefix is stripped", names(v1alpha1.NameMapping{StripPrefix: "stg-"}), "stg-shop", "shop"},
		{"both must be there", names(v1alpha1.NameMapping{StripPrefix: "stg-", StripSuffix: "-v2"}), "stg-shop", "stg-shop"},
		{"a prefix is added to every name", names(v1alpha1.NameMapping{AddPrefix: "prod-"}), "shop", "prod-shop"},
		{"a pair counts", pairsOf("", "shop-next", "shop"), "shop-next", "shop"},
		{"a pair of another kind does not", pairsOf(v1alpha1.KindStatefulSet, "shop-next", "shop"), "shop-next", "shop-next"},
		{"a pair wins over names", v1alpha1.GateMapping{
			Workloads: pairsOf("", "shop-staging", "store").Workloads, Names: &v1alpha1.NameMapping{StripSuffix: "-staging"},
		}, "shop-staging", "store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMapping(v1alpha1.PromotionGateSpec{Mapping: &c.mapping})
			NewWithT(t).Expect(m.here(deployment(c.from))).To(Equal(deployment(c.here)))
		})
	}
}

func names(n v1alpha1.NameMapping) v1alpha1.GateMapping { return v1alpha1.GateMapping{Names: &n} }

func pairsOf(kind v1alpha1.WorkloadKind, from, to string) v1alpha1.GateMapping {
	return v1alpha1.GateMapping{Workloads: []v1alpha1.WorkloadMapping{{Kind: kind, From: from, To: to}}}
}

// mapped is the input of a gate with a mapping.
func mapped(m v1alpha1.GateMapping, reports ...v1alpha1.ReadinessReport) Input {
	in := input(reports...)
	in.Gate.Spec.Mapping = &m
	return in
}

func TestAMappedWorkloadIsDecidedUnderItsNameHere(t *testing.T) {
	g := NewWithT(t)
	d := Decide(mapped(names(v1alpha1.NameMapping{StripSuffix: "-staging"}), report("shop-staging", state(v1alpha1.ReportProven))))
	g.Expect(d.State).To(Equal(v1alpha1.GateOpen))
	g.Expect(d.Workloads[0].Name).To(Equal("shop"))
	g.Expect(d.Workloads[0].SourceName).To(Equal("shop-staging"))
	entry := ParseEntry(Ledger(LedgerInput{Decisions: []Decision{d}, Now: now}).Annotations[shop.Annotation()])
	g.Expect(entry.Proven).To(Equal([]string{"shop-staging:1", "shop-staging@sha256:r1"}))
	g.Expect(entry.Message).To(HavePrefix("staging shop-staging runs"))
}

func TestAMappingThatIsWrongOpensNothingAndIsSaid(t *testing.T) {
	proven := func(name string) v1alpha1.ReadinessReport { return report(name, state(v1alpha1.ReportProven)) }
	gone := func(name string) v1alpha1.ReadinessReport { return report(name, state(v1alpha1.ReportGone)) }
	registry := mapped(v1alpha1.GateMapping{}, proven("shop"))
	registry.Gate.Spec.RegistryMappings = []v1alpha1.RegistryMapping{{From: "registry.example/team", To: "b"}}
	for _, c := range []struct {
		name string
		in   Input
		says string
	}{
		{"a pair whose workload is not there", mapped(pairsOf(v1alpha1.KindDeployment, "shpo", "shop"), proven("shop")),
			"spec.mapping.workloads[0] maps Deployment shpo, which is not observed in staging"},
		{"names that fit nothing", mapped(names(v1alpha1.NameMapping{StripSuffix: "-stagign"}), proven("shop")),
			"spec.mapping.names fits no name of a workload in staging"},
		{"a registry that no image comes from", registry, "spec.registryMappings from registry.example/team fits no image"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			d := Decide(c.in)
			g.Expect(d.State).To(Equal(v1alpha1.GatePending))
			g.Expect(d.Ready.Status).To(Equal(metav1.ConditionFalse))
			g.Expect(d.Ready.Reason).To(Equal(v1alpha1.ReasonInvalidMapping))
			g.Expect(d.Ready.Message).To(ContainSubstring(c.says))
			g.Expect(d.Promotable.Status).To(Equal(metav1.ConditionUnknown))
			g.Expect(d.WaitingFor).To(ContainSubstring(c.says))
		})
	}

	strip := names(v1alpha1.NameMapping{StripSuffix: "-staging"})
	t.Run("two workloads for one", func(t *testing.T) {
		g := NewWithT(t)
		d := Decide(mapped(strip, proven("shop"), proven("shop-staging"), proven("cart-staging")))
		g.Expect(d.State).To(Equal(v1alpha1.GateBlocked))
		g.Expect(d.Workloads).To(HaveLen(2), "a workload is listed once")
		g.Expect(d.Workloads[0].Reason).To(Equal(v1alpha1.GateAmbiguous))
		g.Expect(d.Workloads[0].Message).To(ContainSubstring("shop and shop-staging of staging all stand for it"))
		g.Expect(d.Workloads[1].State).To(Equal(v1alpha1.GateOpen), "the others go on")
		entry := ParseEntry(Ledger(LedgerInput{Decisions: []Decision{d}, Now: now}).Annotations[shop.Annotation()])
		g.Expect(entry.Proven).To(BeEmpty())
	})
	t.Run("one that is gone steps back behind one that runs", func(t *testing.T) {
		g := NewWithT(t)
		d := Decide(mapped(strip, gone("shop"), proven("shop-staging")))
		g.Expect(d.State).To(Equal(v1alpha1.GateOpen))
		g.Expect(d.Workloads[0].SourceName).To(Equal("shop-staging"))
	})
	t.Run("two that are gone say nothing", func(t *testing.T) {
		g := NewWithT(t)
		asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
		one := report("shop", provenAs("a", asked), state(v1alpha1.ReportGone))
		other := report("shop-staging", provenAs("b", asked), state(v1alpha1.ReportGone))
		d := Decide(mapped(strip, one, other))
		g.Expect(d.Admissions).To(HaveLen(1))
		g.Expect(d.Admissions[0].Revisions).To(BeEmpty())
	})
}

func TestAnImageIsAdmittedWherePromotionCopiesItTo(t *testing.T) {
	for _, c := range []struct {
		name, image, want string
	}{
		{"by its path", "registry.staging.example/team/shop:1", "registry.example/team/shop:1"},
		{"the longest prefix counts", "registry.staging.example/team/base/go:1", "registry.example/base/go:1"},
		{"a part of a component is no prefix", "registry.staging.example/teams/shop:1", ""},
		{"a whole repository", "registry.staging.example/tool:2", "registry.example/tool:2"},
		{"another registry", "elsewhere.example/team/shop:1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(registries{
				{From: "registry.staging.example/team/base", To: "registry.example/base"},
				{From: "registry.staging.example/team", To: "registry.example/team"},
				{From: "registry.staging.example/tool", To: "registry.example/tool"},
			}.here(c.image)).To(Equal(c.want))
		})
	}

	g := NewWithT(t)
	in := input(report("shop", state(v1alpha1.ReportProven), func(s *v1alpha1.ReadinessReportStatus) {
		s.Revision.Containers = []v1alpha1.RevisionContainer{{Name: "c", Image: "a.example/shop:1", Digest: "sha256:d", Command: []string{"run"}}}
	}))
	in.Gate.Spec.RegistryMappings = []v1alpha1.RegistryMapping{{From: "a.example", To: "b.example"}}
	entry := ParseEntry(Ledger(LedgerInput{Decisions: []Decision{Decide(in)}, Now: now}).Annotations[shop.Annotation()])
	g.Expect(entry.Proven).To(Equal([]string{
		"b.example/shop:1 run", "b.example/shop@sha256:d run", "a.example/shop:1 run", "a.example/shop@sha256:d run",
	}))
}
