// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"strconv"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// ran makes the current revision one of an image, a digest and a cause.
func ran(hash, image, digest, other string, cause v1alpha1.RevisionCause) option {
	return func(status *v1alpha1.ReadinessReportStatus) {
		status.Revision = v1alpha1.Revision{Hash: hash, Containers: []v1alpha1.RevisionContainer{{Name: "c", Image: image, Digest: digest, OtherDigest: other}}}
		status.Outcomes = []v1alpha1.RevisionOutcome{{Hash: hash, Cause: cause}}
	}
}

func TestATagThatMovesClosesTheGateUntilWhatItMovedToIsProven(t *testing.T) {
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	for _, test := range []struct {
		name    string
		report  v1alpha1.ReadinessReport
		state   v1alpha1.GateState
		reason  v1alpha1.GateReason
		admits  []string
		refuses []string
	}{
		{"pods that differ", report("shop", state(v1alpha1.ReportProven), provenAs("r1", asked), ran("r1", "shop:r1", "sha256:r1", "sha256:r2", v1alpha1.CauseTemplate)),
			v1alpha1.GateBlocked, v1alpha1.GateTagMoved, []string{"shop@sha256:r1"}, []string{"shop:r1", "shop@sha256:r2"}},
		{"all pods run something else", report("shop", provenAs("r1", asked), ran("r2", "shop:r1", "sha256:r2", "", v1alpha1.CauseImages)),
			v1alpha1.GateBlocked, v1alpha1.GateTagMoved, []string{"shop@sha256:r1"}, []string{"shop:r1", "shop@sha256:r2"}},
		{"nothing was proven under the tag before", report("shop", ran("r2", "shop:r1", "sha256:r2", "", v1alpha1.CauseImages)),
			v1alpha1.GatePending, v1alpha1.GateEvidenceMissing, nil, []string{"shop:r1", "shop@sha256:r2"}},
		{"another template came with it", report("shop", provenAs("r1", asked), ran("r2", "shop:r1", "sha256:r2", "", v1alpha1.CauseTemplate)),
			v1alpha1.GatePending, v1alpha1.GateEvidenceMissing, []string{"shop@sha256:r1"}, []string{"shop:r1", "shop@sha256:r2"}},
		{"what it moved to is proven", report("shop", state(v1alpha1.ReportProven), provenAs("r1", asked), func(s *v1alpha1.ReadinessReportStatus) {
			ran("r2", "shop:r1", "sha256:r2", "", v1alpha1.CauseImages)(s)
			s.Proven = append(s.Proven, v1alpha1.ProvenRevision{Hash: "r2", Targets: asked, Containers: s.Revision.Containers})
		}), v1alpha1.GateOpen, v1alpha1.GateProven, []string{"shop:r1", "shop@sha256:r2", "shop@sha256:r1"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			decided := Decide(input(test.report)).Workloads[0]
			g.Expect(decided.State).To(Equal(test.state), decided.Message)
			g.Expect(decided.Reason).To(Equal(test.reason))
			entry := entryOf(test.report)
			g.Expect(entry.Proven).To(ConsistOf(test.admits))
			for _, signature := range test.refuses {
				g.Expect(entry.Proven).NotTo(ContainElement(signature))
			}
		})
	}
}

func TestMoreContainersThanAReportListsPassNoGate(t *testing.T) {
	g := NewWithT(t)
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	with := func(containers int) v1alpha1.GateWorkload {
		return Decide(input(report("shop", state(v1alpha1.ReportProven), provenAs("r1", asked), func(s *v1alpha1.ReadinessReportStatus) {
			s.Revision.Containers = nil
			for i := range containers {
				s.Revision.Containers = append(s.Revision.Containers, v1alpha1.RevisionContainer{Name: strconv.Itoa(i), Image: "shop:r1"})
			}
			s.Proven[0].Containers = s.Revision.Containers
		}))).Workloads[0]
	}
	g.Expect(with(63).State).To(Equal(v1alpha1.GateOpen))
	g.Expect(with(64)).To(And(HaveField("State", v1alpha1.GateBlocked), HaveField("Reason", v1alpha1.GateTooManyContainers),
		HaveField("Message", ContainSubstring("63 with the init containers are the most"))))
}

func TestACommandThatIsTooLongIsRefusedAndSaid(t *testing.T) {
	g := NewWithT(t)
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	long := report("shop", state(v1alpha1.ReportProven), provenAs("r1", asked), func(s *v1alpha1.ReadinessReportStatus) {
		s.Revision.Containers[0].CommandDigest = "d"
		s.Proven[0].Containers = s.Revision.Containers
	})
	decided := Decide(input(long)).Workloads[0]
	g.Expect(decided.State).To(Equal(v1alpha1.GateBlocked))
	g.Expect(decided.Reason).To(Equal(v1alpha1.GateCommandTooLong))
	entry := entryOf(long)
	g.Expect(entry.Proven).To(BeEmpty(), "not even the image without a command, which would run something else")
	g.Expect(entry.Message).To(ContainSubstring("the command of container c is too long"), "whoever is refused reads why")

	g.Expect(Signatures(long.Status.Revision.Containers)).To(BeEmpty())

	long.Status.Revision = revision("r2", "shop:2")
	g.Expect(entryOf(long).Proven).To(ConsistOf("shop:2", "shop@sha256:r2"), "it is no way back")
	long.Status.Proven[0].Containers[0].Image = "shop@sha256:r1"
	g.Expect(entryOf(long).Proven).To(ConsistOf("shop:2", "shop@sha256:r2"), "nor by its digest")
}

func TestAnotherConfigMapIsNoOtherWayBack(t *testing.T) {
	g := NewWithT(t)
	entry := Entry{Proven: []string{"shop:1"}}
	here := func(hash string) v1alpha1.ReadinessReportStatus {
		return v1alpha1.ReadinessReportStatus{
			Workload: v1alpha1.ReportedWorkload{Kind: v1alpha1.KindDeployment, Name: "shop"},
			Revision: v1alpha1.Revision{Hash: hash, Containers: []v1alpha1.RevisionContainer{{Name: "c", Image: "shop:1"}}},
		}
	}
	entry.Admitted = wayBack(entry, here("r1"))
	g.Expect(wayBack(entry, here("r2"))).To(Equal([]Admitted{{Revision: "r2", Signatures: []string{"shop:1"}}}))
}
