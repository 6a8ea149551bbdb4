// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/validation"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

var shop = Key{Kind: v1alpha1.KindDeployment, Name: "shop"}

// entryOf decides about the reports and reads back what the ledger says about shop.
func entryOf(reports ...v1alpha1.ReadinessReport) Entry {
	out := Ledger(LedgerInput{Decisions: []Decision{Decide(input(reports...))}, Now: now})
	return ParseEntry(out.Annotations[shop.Annotation()])
}

func TestLedgerEntryOfAWorkload(t *testing.T) {
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	for _, c := range []struct {
		name    string
		report  v1alpha1.ReadinessReport
		message string
		proven  []string
	}{
		{"a pending revision is not admissible", report("shop"),
			"staging shop runs shop:1, which still lacks evidence of recoverability", nil},
		{"what does not apply is not missed", report("shop", allAt(60), func(s *v1alpha1.ReadinessReportStatus) { s.Qualities[1].Applicable = false }),
			"which still lacks evidence of predictability and safe failure (kubectl -n production get promotiongates says how much)", nil},
		{"an open one is, in tag and in digest form", report("shop", state(v1alpha1.ReportProven)),
			"staging shop runs shop:1, which is proven: run the new image there first", []string{"shop:1", "shop@sha256:r1"}},
		{"proven revisions stay admissible while a new one is pending", report("shop", provenAs("r0", asked)),
			"staging shop runs shop:1, which still lacks evidence of recoverability", []string{"shop:r0", "shop@sha256:r0"}},
		{"a proven revision that fails now is taken out, older ones stay", report("shop", provenAs("r1", asked), provenAs("r0", asked), state(v1alpha1.ReportFailing)),
			"staging shop runs shop:1, which is failing there", []string{"shop:r0", "shop@sha256:r0"}},
		{"a workload that is gone keeps what it proved", report("shop", provenAs("r1", asked), provenAs("r0", asked), state(v1alpha1.ReportGone)),
			"shop no longer runs in staging", []string{"shop:r1", "shop@sha256:r1", "shop:r0", "shop@sha256:r0"}},
		{"a tag that has moved since counts by its digest only", report("shop", provenAs("r0", asked), func(s *v1alpha1.ReadinessReportStatus) {
			s.Revision = revision("r2", "shop:r0")
		}), "recoverability", []string{"shop@sha256:r0"}},
		{"a tag that moved under the current revision closes the gate and leaves the proven digest", report("shop", state(v1alpha1.ReportProven), func(s *v1alpha1.ReadinessReportStatus) {
			s.Revision = revision("r1", "shop:1")
			s.Proven = []v1alpha1.ProvenRevision{{Hash: "r1", Targets: asked, Containers: revision("old", "shop:1").Containers}}
		}), "the tag of shop:1 has moved since", []string{"shop@sha256:old"}},
		{"a tag of which no digest is known counts", report("shop", provenAs("r0", asked), func(s *v1alpha1.ReadinessReportStatus) {
			s.Proven[0].Containers[0].Digest = ""
		}), "recoverability", []string{"shop:r0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			entry := entryOf(c.report)
			g.Expect(entry.Message).To(ContainSubstring(c.message))
			g.Expect(entry.Proven).To(Equal(c.proven))
			g.Expect(entry.TakenOver).To(BeEmpty())
		})
	}
}

func TestWhatRanBeforeTheGateIsTakenOverOnce(t *testing.T) {
	g := NewWithT(t)
	decisions := []Decision{Decide(input(report("shop")))}
	legacy := Key{Kind: v1alpha1.KindStatefulSet, Name: "legacy"}
	first := Ledger(LedgerInput{Decisions: decisions, Now: now, Running: map[Key][]string{shop: {"shop:0"}, legacy: {"old:1"}}})
	g.Expect(ParseEntry(first.Annotations[shop.Annotation()]).TakenOver).To(Equal([]string{"shop:0"}))
	g.Expect(ParseEntry(first.Annotations[legacy.Annotation()])).To(Equal(Entry{Message: unknownHere, TakenOver: []string{"old:1"}}))
	g.Expect(Opened(first.Annotations)).To(BeTrue())

	later := Ledger(LedgerInput{
		Decisions: decisions, Now: now.Add(time.Hour), Annotations: first.Annotations,
		Running: map[Key][]string{shop: {"sneaked:in"}, {Kind: v1alpha1.KindDeployment, Name: "late"}: {"sneaked:in"}},
	})
	g.Expect(later.Annotations).To(Equal(first.Annotations), "what came later is not taken over, and the rest survives")
}

func TestALedgerSurvivesWhatCannotBeJudged(t *testing.T) {
	g := NewWithT(t)
	open := Decide(input(report("shop", state(v1alpha1.ReportProven))))
	annotations := Ledger(LedgerInput{Decisions: []Decision{open}, Now: now, Running: map[Key][]string{shop: {"shop:0"}}}).Annotations

	for name, d := range map[string]Decision{
		"unknown": Unknown(v1alpha1.ReasonSourceUnknown, "the source is not reachable"),
		"frozen":  {Frozen: true},
	} {
		kept := Ledger(LedgerInput{Decisions: []Decision{d}, Annotations: annotations, Now: now})
		g.Expect(kept.Annotations).To(Equal(annotations), name)
	}
	gone := Ledger(LedgerInput{Decisions: []Decision{Decide(input(report("other")))}, Annotations: annotations, Now: now})
	g.Expect(ParseEntry(gone.Annotations[shop.Annotation()])).To(Equal(Entry{Message: unknownHere, TakenOver: []string{"shop:0"}}),
		"a report that is there no more proves nothing, but what ran here before still may")
}

func TestTwoGatesAdmitWhatBothAdmit(t *testing.T) {
	g := NewWithT(t)
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	one := Decide(input(report("shop", provenAs("a", asked), provenAs("b", asked))))
	other := Decide(input(report("shop", provenAs("b", asked), provenAs("c", asked))))
	for _, decisions := range [][]Decision{{one, other}, {other, one}} {
		entry := ParseEntry(Ledger(LedgerInput{Decisions: decisions, Now: now}).Annotations[shop.Annotation()])
		g.Expect(entry.Proven).To(Equal([]string{"shop:b", "shop@sha256:b"}))
	}
}

func TestWhileOneGateCannotBeJudgedTheOthersAddNothing(t *testing.T) {
	unknown := Unknown(v1alpha1.ReasonSourceUnknown, "the source is not reachable")
	says := func(images ...string) Decision {
		a := Admission{Key: shop, Message: "what the other gate says"}
		for _, image := range images {
			a.Revisions = append(a.Revisions, []string{image})
		}
		return Decision{Admissions: []Admission{a}}
	}
	before := Ledger(LedgerInput{Decisions: []Decision{says("shop:2", "shop:1")}, Now: now, Running: map[Key][]string{shop: {"shop:0"}}}).Annotations
	for name, c := range map[string]struct {
		ledger  map[string]string
		other   Decision
		want    []string
		message string
	}{
		"what both admitted stays":                 {before, says("shop:2", "shop:1"), []string{"shop:2", "shop:1"}, "what the other gate says"},
		"what the other one proves does not enter": {before, says("shop:3", "shop:2", "shop:1"), []string{"shop:2", "shop:1"}, unasked},
		"what the other one closes goes":           {before, says("shop:1"), []string{"shop:1"}, "what the other gate says"},
		"a workload without an entry stays out":    {map[string]string{AnnotationSince: before[AnnotationSince]}, says("shop:1"), nil, unasked},
	} {
		for _, decisions := range [][]Decision{{unknown, c.other}, {c.other, unknown}} {
			g := NewWithT(t)
			after := Ledger(LedgerInput{Decisions: decisions, Annotations: c.ledger, Now: now})
			entry := ParseEntry(after.Annotations[shop.Annotation()])
			g.Expect(entry.Proven).To(Equal(c.want), name)
			g.Expect(entry.Message).To(Equal(c.message), name)
			g.Expect(Ledger(LedgerInput{Decisions: decisions, Annotations: after.Annotations, Now: now}).Annotations).To(Equal(after.Annotations), name)
		}
	}
}

func TestTheLedgerFitsIntoANamespace(t *testing.T) {
	g := NewWithT(t)
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	var reports []v1alpha1.ReadinessReport
	for i := range 120 {
		r := report(fmt.Sprintf("w%03d", i))
		for n := range 15 {
			provenAs(fmt.Sprintf("%02d%s", n, strings.Repeat("x", 120)), asked)(&r.Status)
		}
		reports = append(reports, r)
	}
	reports = append(reports, report(strings.Repeat("n", 64)))
	foreign := map[string]string{"example.com/big": strings.Repeat("y", 100<<10)}
	out := Ledger(LedgerInput{Decisions: []Decision{Decide(input(reports...))}, Annotations: foreign, Now: now})

	all := maps.Clone(out.Annotations)
	maps.Copy(all, foreign)
	g.Expect(validation.ValidateAnnotationsSize(all)).To(Succeed())
	g.Expect(out.Left).To(Equal([]Key{{Kind: v1alpha1.KindDeployment, Name: strings.Repeat("n", 64)}}), "everything else has an entry")
	entry := ParseEntry(out.Annotations["deployment.ledger.rampart.dev/w000"])
	g.Expect(entry.Proven).NotTo(BeEmpty())
	g.Expect(entry.Proven[0]).To(HavePrefix("w000:00"), "the newest stays")
	g.Expect(len(entry.Proven)).To(BeNumerically("<", 20), "the oldest went")

	full := map[string]string{"example.com/big": strings.Repeat("y", 230<<10)}
	out = Ledger(LedgerInput{Decisions: []Decision{Decide(input(reports...))}, Annotations: full, Now: now})
	all = maps.Clone(out.Annotations)
	maps.Copy(all, full)
	g.Expect(validation.ValidateAnnotationsSize(all)).To(Succeed())
	g.Expect(len(out.Left)+len(out.Annotations)-1).To(Equal(121), "what has no room is named")
}

func TestAtMostTenRevisionsAreAdmissible(t *testing.T) {
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	r := report("shop", state(v1alpha1.ReportProven))
	for n := range 12 {
		provenAs(fmt.Sprintf("p%02d", n), asked)(&r.Status)
	}
	NewWithT(t).Expect(entryOf(r).Proven).To(HaveLen(20), "ten revisions, each in two forms")
}

func TestArrival(t *testing.T) {
	ledger := map[string]string{
		AnnotationSince:   "2026-01-01T00:00:00Z",
		shop.Annotation(): Entry{Message: "m", Proven: []string{"shop:1", "shop@sha256:d1"}, TakenOver: []string{"shop:0"}}.String(),
	}
	container := func(image, digest string) v1alpha1.RevisionContainer {
		return v1alpha1.RevisionContainer{Name: "c", Image: image, Digest: digest}
	}
	for _, c := range []struct {
		name       string
		ledger     map[string]string
		key        Key
		containers []v1alpha1.RevisionContainer
		want       v1alpha1.Arrival
	}{
		{"a listed image was proven", ledger, shop, []v1alpha1.RevisionContainer{container("shop:1", "")}, v1alpha1.ArrivalProven},
		{"another tag of a listed digest was proven", ledger, shop, []v1alpha1.RevisionContainer{container("shop:stable", "sha256:d1")}, v1alpha1.ArrivalProven},
		{"one image that is not listed makes it unproven", ledger, shop, []v1alpha1.RevisionContainer{container("shop:1", ""), container("sidecar:1", "")}, v1alpha1.ArrivalUnproven},
		{"going back to what ran before the gate is no trial", ledger, shop, []v1alpha1.RevisionContainer{container("shop:0", "")}, ""},
		{"a workload without an entry is unproven", ledger, Key{Kind: v1alpha1.KindDeployment, Name: "new"}, []v1alpha1.RevisionContainer{container("shop:1", "")}, v1alpha1.ArrivalUnproven},
		{"a bare pod may use what any workload has proven", ledger, Key{Kind: v1alpha1.KindPod, Name: "x"}, []v1alpha1.RevisionContainer{container("shop:1", "")}, v1alpha1.ArrivalProven},
		{"without a ledger there is no trial", nil, shop, []v1alpha1.RevisionContainer{container("shop:1", "")}, ""},
		{"without containers there is no trial", ledger, shop, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(Arrived(c.ledger, c.key, c.containers)).To(Equal(c.want))
		})
	}
}

func TestPoliciesStandOnlyWhereGatesDo(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Policies(PolicyInput{Namespaces: map[v1alpha1.Level][]string{v1alpha1.Observe: {"a"}}})).To(BeEmpty(), "Observe is not in the request path")
	in := PolicyInput{
		Namespaces: map[v1alpha1.Level][]string{v1alpha1.Enforce: {"b", "kube-system", "a", "b"}, v1alpha1.Warn: {"kube-system"}},
		Excluded:   []string{"kube-system"},
	}
	policies := Policies(in)
	g.Expect(policies).To(HaveLen(1), "only an excluded namespace is at Warn")
	g.Expect(policies[0].Binding.Spec.MatchResources.NamespaceSelector.MatchExpressions[0].Values).To(Equal([]string{"a", "b"}))
	g.Expect(Policies(in)).To(Equal(policies), "the same input renders the same objects")
}

func TestANamespaceHasTheWeakestLevelOfItsGates(t *testing.T) {
	g := NewWithT(t)
	at := func(l v1alpha1.Level) v1alpha1.PromotionGate {
		return v1alpha1.PromotionGate{Status: v1alpha1.PromotionGateStatus{Level: l}}
	}
	g.Expect(Level(nil)).To(Equal(v1alpha1.Observe))
	g.Expect(Level([]v1alpha1.PromotionGate{at(v1alpha1.Enforce)})).To(Equal(v1alpha1.Enforce))
	g.Expect(Level([]v1alpha1.PromotionGate{at(v1alpha1.Enforce), at(v1alpha1.Warn)})).To(Equal(v1alpha1.Enforce), "a second gate loosens nothing")
	g.Expect(Level([]v1alpha1.PromotionGate{at("")})).To(Equal(v1alpha1.Observe), "a gate that has no level yet refuses nothing")
	g.Expect(Deciding([]v1alpha1.PromotionGate{at(v1alpha1.Enforce), at(v1alpha1.Warn), at("")})).To(ConsistOf(at(v1alpha1.Enforce)),
		"a gate that has not climbed yet refuses nothing through another one's level")
	g.Expect(Deciding([]v1alpha1.PromotionGate{at(v1alpha1.Warn), at(v1alpha1.Warn)})).To(HaveLen(2))
}
