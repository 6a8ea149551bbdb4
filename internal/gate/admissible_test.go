// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestWhatWasProvenForLessThanTheGateAsksIsNotAdmissible(t *testing.T) {
	g := NewWithT(t)
	weak := v1alpha1.ReadinessTargets{Target: 80, Confidence: 90, Qualities: []v1alpha1.Quality{v1alpha1.Predictability}}
	strong := v1alpha1.ReadinessTargets{Target: 90, Confidence: 90, Qualities: []v1alpha1.Quality{
		v1alpha1.Predictability, v1alpha1.Recoverability, v1alpha1.SafeFailure,
	}}
	status := v1alpha1.ReadinessReportStatus{
		Revision: v1alpha1.Revision{Hash: "new"},
		Proven: []v1alpha1.ProvenRevision{{
			Hash: "old", Targets: weak, Containers: []v1alpha1.RevisionContainer{{Name: "shop", Image: "shop:1"}},
		}},
	}
	admissible := func(asked v1alpha1.ReadinessTargets) [][]string {
		return judge{targets: asked}.admissible(status, v1alpha1.GatePending, newTags(status, nil, nil))
	}
	g.Expect(admissible(strong)).To(BeEmpty())
	g.Expect(admissible(weak)).To(HaveLen(1))
}

func TestWhatRanBeforeTheGateIsNoArrivalEvenOnceItIsProven(t *testing.T) {
	g := NewWithT(t)
	key := Key{Kind: v1alpha1.KindDeployment, Name: "shop"}
	containers := []v1alpha1.RevisionContainer{{Name: "shop", Image: "shop:1"}}
	annotations := func(e Entry) map[string]string {
		return map[string]string{AnnotationSince: "2026-11-02T09:00:00Z", key.Annotation(): e.String()}
	}
	signatures := Signatures(containers)
	g.Expect(Arrived(annotations(Entry{Proven: signatures}), key, containers)).To(Equal(v1alpha1.ArrivalProven))
	g.Expect(Arrived(annotations(Entry{Proven: signatures, TakenOver: signatures}), key, containers)).To(BeEmpty())
}
