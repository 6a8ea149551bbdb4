// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// runsHere is the report of the gated namespace: shop runs a revision there.
func runsHere(hash, image, digest string, options ...option) v1alpha1.ReadinessReport {
	r := report("shop", options...)
	r.Status.Revision = v1alpha1.Revision{Hash: hash, Containers: []v1alpha1.RevisionContainer{{Name: "c", Image: image, Digest: digest}}}
	return r
}

// next is the ledger after another look: what the source and the gated namespace report.
func next(annotations map[string]string, here v1alpha1.ReadinessReport, source ...v1alpha1.ReadinessReport) map[string]string {
	in := input(source...)
	in.Here = []v1alpha1.ReadinessReport{here}
	return Ledger(LedgerInput{Decisions: []Decision{Decide(in)}, Annotations: annotations, Here: in.Here, Now: now}).Annotations
}

func shopIn(annotations map[string]string) Entry { return ParseEntry(annotations[shop.Annotation()]) }

func TestWhatCameThroughTheGateIsAWayBackWhateverBecomesOfTheSource(t *testing.T) {
	g := NewWithT(t)
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	ledger := next(nil, runsHere("none", "other:1", ""), report("shop", provenAs("r0", asked)))
	g.Expect(shopIn(ledger).Admitted).To(BeEmpty(), "nothing has come yet")

	here := runsHere("h0", "shop:r0", "sha256:r0")
	ledger = next(ledger, here, report("shop", provenAs("r0", asked)))
	came := []Admitted{{Revision: "h0", Signatures: []string{"shop:r0", "shop@sha256:r0"}}}
	g.Expect(shopIn(ledger).Admitted).To(Equal(came))

	for name, source := range map[string][]v1alpha1.ReadinessReport{
		"ten newer ones were proven":         {report("shop", func(s *v1alpha1.ReadinessReportStatus) { provenTimes(10, asked)(s) })},
		"the report of the source is gone":   {report("other")},
		"the revision fails there":           {report("shop", state(v1alpha1.ReportFailing))},
		"the gate asks for more since":       {report("shop")},
		"no workload of the source is left":  nil,
		"another revision runs in its place": {report("shop", provenAs("r9", asked))},
	} {
		g.Expect(shopIn(next(ledger, runsHere("h9", "shop:r9", ""), source...)).Admitted).To(Equal(came), name)
	}
	g.Expect(next(ledger, here, report("shop", provenAs("r0", asked)))).To(Equal(ledger), "nothing is written at rest")
}

func provenTimes(n int, targets v1alpha1.ReadinessTargets) option {
	return func(s *v1alpha1.ReadinessReportStatus) {
		for i := range n {
			provenAs(fmt.Sprintf("new%d", i), targets)(s)
		}
	}
}

func TestTheWayBackHoldsTenRevisionsTheOneThatRunsFirst(t *testing.T) {
	g := NewWithT(t)
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	var ledger map[string]string
	for i := range 12 {
		hash := fmt.Sprintf("r%d", i)
		source := report("shop", provenAs(hash, asked))
		ledger = next(ledger, runsHere("none", "other:1", ""), source)
		ledger = next(ledger, runsHere("h"+hash, "shop:"+hash, ""), source)
	}
	came := shopIn(ledger).Admitted
	g.Expect(came).To(HaveLen(maxRevisions))
	g.Expect(came[0].Revision).To(Equal("hr11"))
	g.Expect(came[9].Revision).To(Equal("hr2"))

	back := shopIn(next(ledger, runsHere("hr2", "shop:r2", ""), report("shop"))).Admitted
	g.Expect(back).To(HaveLen(maxRevisions))
	g.Expect(back[0].Revision).To(Equal("hr2"), "who went back is not displaced next")
	g.Expect(back[1].Revision).To(Equal("hr11"))
}

func TestRunningHereProvesNothing(t *testing.T) {
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	ledger := next(nil, runsHere("none", "other:1", ""), report("shop", provenAs("r0", asked)))
	taken := map[string]string{AnnotationSince: "x", shop.Annotation(): Entry{Message: "m", Proven: []string{"shop:r0"}, TakenOver: []string{"shop:0"}}.String()}
	for _, c := range []struct {
		name   string
		ledger map[string]string
		here   v1alpha1.ReadinessReport
		want   []Admitted
	}{
		{"an image that never was admissible", ledger, runsHere("h", "shop:bypassed", "sha256:b"), nil},
		{"a digest that was not proven, under a proven tag", ledger, runsHere("h", "shop:r0", "sha256:evil"),
			nil}, // the tag counts as moved
		{"what ran here before the gate, and stays anyway", taken, runsHere("h", "shop:0", ""), nil},
		{"a workload that is gone", ledger, runsHere("h", "shop:r0", "", state(v1alpha1.ReportGone)), nil},
		{"one container of two", ledger, func() v1alpha1.ReadinessReport {
			r := runsHere("h", "shop:r0", "")
			r.Status.Revision.Containers = append(r.Status.Revision.Containers, v1alpha1.RevisionContainer{Name: "s", Image: "sidecar:9"})
			return r
		}(), nil},
		{"a sidecar of before the gate beside what came through it", taken, func() v1alpha1.ReadinessReport {
			r := runsHere("h", "shop:r0", "")
			r.Status.Revision.Containers = append(r.Status.Revision.Containers, v1alpha1.RevisionContainer{Name: "s", Image: "shop:0"})
			return r
		}(), []Admitted{{Revision: "h", Signatures: []string{"shop:r0"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			if c.want == nil {
				g.Expect(shopIn(next(c.ledger, c.here, report("shop", provenAs("r0", asked)))).Admitted).To(BeEmpty())
				return
			}
			g.Expect(shopIn(next(c.ledger, c.here, report("shop", provenAs("r0", asked)))).Admitted).To(Equal(c.want))
		})
	}
}

func TestWhatRunsOnceHasNoWayBack(t *testing.T) {
	g := NewWithT(t)
	here := runsHere("h", "shop:0", "")
	here.Status.Workload.Kind = v1alpha1.KindJob
	key := keyOf(here.Status)
	annotations := map[string]string{AnnotationSince: "x", key.Annotation(): Entry{Message: "m", Proven: []string{"shop:0"}}.String()}
	g.Expect(next(annotations, here, report("other"))).NotTo(HaveKey(key.Annotation()))
}

func TestATagThatMovedIsNoWayBack(t *testing.T) {
	g := NewWithT(t)
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	here := runsHere("h0", "shop:r0", "sha256:r0")
	ledger := next(nil, here, report("shop", provenAs("r0", asked)))
	ledger = next(ledger, here, report("shop", provenAs("r0", asked)))
	moved := report("shop", provenAs("r0", asked), func(s *v1alpha1.ReadinessReportStatus) { s.Revision = revision("r2", "shop:r0") })
	g.Expect(shopIn(next(ledger, here, moved)).Admitted).To(Equal([]Admitted{{Revision: "h0", Signatures: []string{"shop@sha256:r0"}}}))
}

func TestTheWayBackGoesWithItsReport(t *testing.T) {
	g := NewWithT(t)
	entry := Entry{Message: "m", Admitted: []Admitted{{Revision: "h", Signatures: []string{"shop:0"}}}}
	annotations := map[string]string{AnnotationSince: "x", shop.Annotation(): entry.String()}
	gone := runsHere("h", "shop:0", "", state(v1alpha1.ReportGone))
	g.Expect(shopIn(next(annotations, gone, report("other"))).Admitted).To(Equal(entry.Admitted))
	g.Expect(next(annotations, report("other"), report("other"))).NotTo(HaveKey(shop.Annotation()))
}

func TestEntriesAreReadBackAsTheyWereWritten(t *testing.T) {
	for name, e := range map[string]Entry{
		"nothing but a message": {Message: "m"},
		"everything": {
			Message: "m", Proven: []string{"a", `b sh -c a\sb`}, Hotfix: []string{"c"},
			Admitted:  []Admitted{{Revision: "1", Signatures: []string{"d", "e"}}, {Revision: "2", Signatures: []string{"f"}}},
			TakenOver: []string{"g"},
		},
		"one section of each without the others": {Message: "m", Admitted: []Admitted{{Revision: "1", Signatures: []string{"d"}}}},
	} {
		NewWithT(t).Expect(ParseEntry(e.String())).To(Equal(e), name)
	}
}
