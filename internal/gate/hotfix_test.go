// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func trial(kind v1alpha1.TrialKind, outcome v1alpha1.TrialOutcome) option {
	return func(s *v1alpha1.ReadinessReportStatus) {
		s.Evidence.Trials = append(s.Evidence.Trials, v1alpha1.Trial{Kind: kind, Outcome: outcome})
	}
}

// failingFor is a workload whose pods have been failing for a while.
func failingFor(d time.Duration) option {
	return func(s *v1alpha1.ReadinessReportStatus) {
		s.State, s.FailingSince = v1alpha1.ReportFailing, &metav1.Time{Time: now.Add(-d)}
	}
}

func TestHotfixLane(t *testing.T) {
	clean := trial(v1alpha1.TrialRollout, v1alpha1.TrialSuccess)
	broken := runsHere("h0", "shop:0", "sha256:0", failingFor(time.Minute))
	for _, c := range []struct {
		name   string
		source v1alpha1.ReadinessReport
		here   []v1alpha1.ReadinessReport
		want   v1alpha1.GateReason
	}{
		{"one clean rollout admits a fix of what is failing", report("shop", clean), []v1alpha1.ReadinessReport{broken}, v1alpha1.GateHotfixLane},
		{"a completed run does for what runs to completion", report("shop", trial(v1alpha1.TrialRun, v1alpha1.TrialSuccess)), []v1alpha1.ReadinessReport{broken}, v1alpha1.GateHotfixLane},
		{"nothing has rolled out yet", report("shop"), []v1alpha1.ReadinessReport{broken}, v1alpha1.GateEvidenceMissing},
		{"a start alone is no rollout", report("shop", trial(v1alpha1.TrialStart, v1alpha1.TrialSuccess)), []v1alpha1.ReadinessReport{broken}, v1alpha1.GateEvidenceMissing},
		{"a rollout that was not seen to its end is none", report("shop", trial(v1alpha1.TrialRollout, v1alpha1.TrialCensored)), []v1alpha1.ReadinessReport{broken}, v1alpha1.GateEvidenceMissing},
		{"one failing trial is too much", report("shop", clean, trial(v1alpha1.TrialTermination, v1alpha1.TrialFailure)), []v1alpha1.ReadinessReport{broken}, v1alpha1.GateEvidenceMissing},
		{"what runs here is well", report("shop", clean), []v1alpha1.ReadinessReport{runsHere("h0", "shop:0", "sha256:0")}, v1alpha1.GateEvidenceMissing},
		{"nothing runs here", report("shop", clean), nil, v1alpha1.GateEvidenceMissing},
		{"another workload is failing here", report("shop", clean), []v1alpha1.ReadinessReport{report("cart", failingFor(time.Hour))}, v1alpha1.GateEvidenceMissing},
		{"what is failing here is the same", report("shop", clean), []v1alpha1.ReadinessReport{runsHere("h1", "shop:1", "sha256:r1", failingFor(time.Hour))}, v1alpha1.GateEvidenceMissing},
		{"it has been failing for a moment only", report("shop", clean), []v1alpha1.ReadinessReport{runsHere("h0", "shop:0", "sha256:0", failingFor(59*time.Second))}, v1alpha1.GateEvidenceMissing},
		{"trials here failed, and it runs", report("shop", clean), []v1alpha1.ReadinessReport{runsHere("h0", "shop:0", "sha256:0", state(v1alpha1.ReportFailing))}, v1alpha1.GateEvidenceMissing},
		{"it was failing here when it was deleted", report("shop", clean), []v1alpha1.ReadinessReport{runsHere("h0", "shop:0", "sha256:0", failingFor(time.Hour), state(v1alpha1.ReportGone))}, v1alpha1.GateEvidenceMissing},
		{"it fails in the source too", report("shop", clean, state(v1alpha1.ReportFailing)), []v1alpha1.ReadinessReport{broken}, v1alpha1.GateFailing},
		{"drift is a veto here as well", report("shop", clean, func(s *v1alpha1.ReadinessReportStatus) { s.Drift = &v1alpha1.Drift{Leaves: 1} }), []v1alpha1.ReadinessReport{broken}, v1alpha1.GateDrifted},
		{"it is proven anyway", report("shop", clean, state(v1alpha1.ReportProven)), []v1alpha1.ReadinessReport{broken}, v1alpha1.GateProven},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			in := input(c.source)
			in.Here = c.here
			d := Decide(in)
			w := d.Workloads[0]
			g.Expect(w.Reason).To(Equal(c.want), w.Message)
			admission := d.Admissions[0]
			if c.want != v1alpha1.GateHotfixLane {
				g.Expect(admission.Hotfix).To(BeEmpty())
				return
			}
			g.Expect(w.State).To(Equal(v1alpha1.GateOpen))
			g.Expect(w.Message).To(HavePrefix("hotfix lane: what runs in production is failing, and revision r1 has rolled out cleanly in staging"))
			g.Expect(admission.Hotfix).To(Equal([]string{"shop:1", "shop@sha256:r1"}))
			g.Expect(admission.Revisions).To(BeEmpty(), "what the lane admits is not proven")
		})
	}
}

func TestWhatIsGoneFromTheSourceIsNoHotfix(t *testing.T) {
	in := input(report("shop", trial(v1alpha1.TrialRollout, v1alpha1.TrialSuccess), state(v1alpha1.ReportGone)))
	in.Here = []v1alpha1.ReadinessReport{runsHere("h0", "shop:0", "", failingFor(time.Hour))}
	NewWithT(t).Expect(Decide(in).Admissions[0].Hotfix).To(BeEmpty())
}

func TestAHotfixArrivesAsOneAndStaysAWayBack(t *testing.T) {
	g := NewWithT(t)
	source := report("shop", trial(v1alpha1.TrialRollout, v1alpha1.TrialSuccess))
	broken := runsHere("h0", "shop:0", "", failingFor(time.Hour))
	ledger := next(nil, broken, source)
	g.Expect(shopIn(ledger).Hotfix).To(Equal([]string{"shop:1", "shop@sha256:r1"}))

	unknown := Ledger(LedgerInput{Decisions: []Decision{Unknown(v1alpha1.ReasonSourceUnknown, "")}, Annotations: ledger, Here: []v1alpha1.ReadinessReport{broken}, Now: now})
	g.Expect(unknown.Annotations).To(Equal(ledger), "what cannot be judged changes nothing")

	fixed := runsHere("h1", "shop:1", "sha256:r1")
	g.Expect(Arrived(ledger, shop, fixed.Status.Revision.Containers)).To(Equal(v1alpha1.ArrivalHotfix))

	ledger = next(ledger, fixed, source)
	g.Expect(shopIn(ledger).Hotfix).To(BeEmpty(), "what runs here is well again")
	g.Expect(shopIn(ledger).Admitted).To(Equal([]Admitted{{Revision: "h1", Signatures: []string{"shop:1", "shop@sha256:r1"}}}))
	g.Expect(Arrived(ledger, shop, fixed.Status.Revision.Containers)).To(BeEmpty(), "going back to it is no arrival")
}

func TestTheHotfixLaneClosesWithTheFailureThoughAGateCannotBeJudged(t *testing.T) {
	broken, well := runsHere("h0", "shop:0", "", failingFor(time.Hour)), runsHere("h0", "shop:0", "")
	ledger := next(nil, broken, report("shop", trial(v1alpha1.TrialRollout, v1alpha1.TrialSuccess)))
	proven := Decision{Admissions: []Admission{{Key: shop, Revisions: [][]string{{"shop:1"}}}}}
	unknown := Unknown(v1alpha1.ReasonSourceUnknown, "")
	for name, c := range map[string]struct {
		here      []v1alpha1.ReadinessReport
		decisions []Decision
		want      []string
	}{
		"it is failing": {[]v1alpha1.ReadinessReport{broken}, []Decision{unknown}, []string{"shop:1", "shop@sha256:r1"}},
		"it is well":    {[]v1alpha1.ReadinessReport{well}, []Decision{unknown}, nil},
		"it is well, and everything is suspended":      {[]v1alpha1.ReadinessReport{well}, []Decision{{Frozen: true}}, nil},
		"nobody knows how it is":                       {nil, []Decision{unknown}, nil},
		"it is failing, and another gate has proof":    {[]v1alpha1.ReadinessReport{broken}, []Decision{proven, unknown}, []string{"shop:1"}},
		"it is well, and another gate has proof of it": {[]v1alpha1.ReadinessReport{well}, []Decision{proven, unknown}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			entry := shopIn(Ledger(LedgerInput{Decisions: c.decisions, Annotations: ledger, Here: c.here, Now: now}).Annotations)
			g.Expect(entry.Hotfix).To(Equal(c.want))
			g.Expect(entry.Proven).To(BeEmpty())
		})
	}
}

func TestTheNextLookIsDueWhenTheLaneMayOpen(t *testing.T) {
	g := NewWithT(t)
	reports := []v1alpha1.ReadinessReport{
		report("a", failingFor(time.Minute)), report("b", failingFor(20*time.Second)), report("c", failingFor(45*time.Second)),
		report("d", state(v1alpha1.ReportFailing)), report("e"),
	}
	g.Expect(HotfixDue(reports, now)).To(Equal(15 * time.Second))
	g.Expect(HotfixDue(reports, now.Add(time.Minute))).To(BeZero())
}

func TestTheHotfixLaneOfOneGateOpensNoOther(t *testing.T) {
	lane, proven, closed := Admission{Key: shop, Message: "lane", Hotfix: []string{"shop:1"}},
		Admission{Key: shop, Message: "proven", Revisions: [][]string{{"shop:1"}}}, Admission{Key: shop, Message: "closed"}
	for _, c := range []struct {
		name        string
		one, other  Admission
		fix, proven []string
	}{
		{"both by their lanes", lane, lane, []string{"shop:1"}, nil},
		{"one by its lane, the other has proof", lane, proven, []string{"shop:1"}, nil},
		{"one by its lane, the other is closed", lane, closed, nil, nil},
		{"both have proof", proven, proven, nil, []string{"shop:1"}},
	} {
		for _, order := range [][]Admission{{c.one, c.other}, {c.other, c.one}} {
			g := NewWithT(t)
			out := Ledger(LedgerInput{Now: now, Decisions: []Decision{{Admissions: order[:1]}, {Admissions: order[1:]}}})
			g.Expect(shopIn(out.Annotations).Hotfix).To(Equal(c.fix), c.name)
			g.Expect(shopIn(out.Annotations).Proven).To(Equal(c.proven), c.name)
		}
	}
}

func TestPodsHereThatRunOtherCodeThanWasProvenCloseTheGate(t *testing.T) {
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	for _, c := range []struct {
		name   string
		here   v1alpha1.ReadinessReport
		source v1alpha1.ReadinessReport
		want   v1alpha1.GateReason
		tagged bool
	}{
		{"another digest under the proven tag", runsHere("h", "shop:r1", "sha256:evil"), report("shop", provenAs("r1", asked), runs("shop:r1")), v1alpha1.GateImageDiffers, false},
		{"the proven digest", runsHere("h", "shop:r1", "sha256:r1"), report("shop", provenAs("r1", asked), runs("shop:r1")), v1alpha1.GateProven, true},
		{"a digest that is not known yet", runsHere("h", "shop:r1", ""), report("shop", provenAs("r1", asked), runs("shop:r1")), v1alpha1.GateProven, true},
		{"the source runs another tag by now, which may enter", runsHere("h", "shop:r0", "sha256:evil"), report("shop", provenAs("r1", asked), provenAs("r0", asked), runs("shop:r1")), v1alpha1.GateProven, true},
		{"a digest of another platform is not compared", on("amd64", runsHere("h", "shop:r1", "sha256:else")), on("arm64", report("shop", provenAs("r1", asked), runs("shop:r1"))), v1alpha1.GateProven, true},
		{"a digest of the same platform is", on("amd64", runsHere("h", "shop:r1", "sha256:evil")), on("amd64", report("shop", provenAs("r1", asked), runs("shop:r1"))), v1alpha1.GateImageDiffers, false},
		{"some pods run another digest", also("sha256:evil", runsHere("h", "shop:r1", "sha256:r1")), report("shop", provenAs("r1", asked), runs("shop:r1")), v1alpha1.GateImageDiffers, false},
		{"nothing was proven under the tag", runsHere("h", "shop:1", "sha256:other"), report("shop"), v1alpha1.GateEvidenceMissing, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			in := input(c.source)
			in.Here = []v1alpha1.ReadinessReport{c.here}
			d := Decide(in)
			g.Expect(d.Workloads[0].Reason).To(Equal(c.want), d.Workloads[0].Message)
			entry := ParseEntry(Ledger(LedgerInput{Decisions: []Decision{d}, Now: now}).Annotations[shop.Annotation()])
			if c.tagged {
				g.Expect(entry.Proven).To(ContainElement("shop:r1"))
			} else {
				g.Expect(entry.Proven).NotTo(ContainElement("shop:r1"))
			}
			g.Expect(entry.Proven).NotTo(ContainElement(ContainSubstring("evil")))
		})
	}
	g := NewWithT(t)
	in := input(report("shop", provenAs("r1", asked), provenAs("r0", asked), runs("shop:r1")))
	in.Here = []v1alpha1.ReadinessReport{runsHere("h", "shop:r0", "sha256:evil")}
	entry := ParseEntry(Ledger(LedgerInput{Decisions: []Decision{Decide(in)}, Now: now}).Annotations[shop.Annotation()])
	g.Expect(entry.Proven).To(Equal([]string{"shop:r1", "shop@sha256:r1", "shop@sha256:r0"}), "an older tag that moved counts by its digest only")
}

// on is the report of a workload whose images resolve as on a platform.
func on(platform string, r v1alpha1.ReadinessReport) v1alpha1.ReadinessReport {
	r.Status.Revision.Containers[0].Platform = platform
	for i := range r.Status.Proven {
		r.Status.Proven[i].Containers[0].Platform = platform
	}
	return r
}

// also is the report of a workload of which some pods run another digest.
func also(digest string, r v1alpha1.ReadinessReport) v1alpha1.ReadinessReport {
	r.Status.Revision.Containers[0].OtherDigest = digest
	return r
}

func runs(image string) option {
	return func(s *v1alpha1.ReadinessReportStatus) { s.Revision = revision("r1", image) }
}
