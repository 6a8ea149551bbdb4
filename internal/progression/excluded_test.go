// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestANamespaceThatIsExcludedNoMoreComesLikeANewOne(t *testing.T) {
	g := NewWithT(t)
	w := enforcing(t)
	back := w.namespaces[2]
	w.exclude(back, true)
	back.judgeAgain()
	w.see()
	g.Expect(w.enforcedIn()).To(HaveLen(6), "the list stays as it is: the rule leaves the namespace out by itself")
	g.Expect(w.state.HeldBack).To(BeEmpty())
	g.Expect(w.state.ExcludedNamespaces).To(ConsistOf(v1alpha1.ExcludedNamespace{Namespace: back.Name}))

	w.pass(time.Hour)
	w.exclude(back, false)
	out := w.look()
	g.Expect(out.Held).To(ConsistOf(And(HaveField("Namespace", back.Name), HaveField("Why", "it was excluded until now: enforced after 1 clean revision"))))
	g.Expect(out.EnforcedIn).NotTo(ContainElement(back.Name), "before anything there was judged again")
	w.state = &out.State

	w.pass(240 * time.Hour)
	w.see()
	g.Expect(w.enforcedIn()).NotTo(ContainElement(back.Name), "time alone enforces nothing")

	w.release(back, "ci")
	w.see()
	g.Expect(w.enforcedIn()).NotTo(ContainElement(back.Name), "its first revision is compared with one that nobody has judged")
	w.pass(11 * time.Minute)
	w.release(back, "ci")
	w.see()
	g.Expect(w.enforcedIn()).To(HaveLen(6), w.state.Next)
	g.Expect(w.state.ExcludedNamespaces).To(BeEmpty())
}

func TestWhatANamespaceBroughtBeforeItWasExcludedSaysNothingLater(t *testing.T) {
	g := NewWithT(t)
	w := enforcing(t)
	back := w.namespaces[2]
	gone := *back.reports[0].DeepCopy()
	gone.Name, gone.Status.State = "gone", v1alpha1.ReportGone
	w.exclude(back, true)
	back.judgeAgain()
	back.reports = append(back.reports, gone)
	w.see()
	w.exclude(back, false)
	w.see()
	g.Expect(w.enforcedIn()).NotTo(ContainElement(back.Name))
}

func TestWhereNothingIsJudgedTheEndOfAnExclusionSurprisesNobody(t *testing.T) {
	g := NewWithT(t)
	w := enforcing(t)
	empty := w.found(100, false, 0)
	w.exclude(empty, true)
	w.see()
	w.exclude(empty, false)
	g.Expect(w.look().EnforcedIn).To(HaveLen(7))
}

func TestAnExclusionThatEndsAtWarnIsRememberedAtEnforce(t *testing.T) {
	g := NewWithT(t)
	w := settled(6)
	back := w.namespaces[2]
	w.exclude(back, true)
	back.judgeAgain()
	out := w.look()
	w.state = &out.State
	w.exclude(back, false)
	back.judgeAgain()
	w.see()
	for range 4 {
		w.pass(11 * time.Minute)
		for _, n := range w.namespaces {
			if n != back {
				w.release(n, "ci")
			}
		}
		w.see()
	}
	g.Expect(w.state.Ring).To(Equal(v1alpha1.RingAll), w.state.Next)
	g.Expect(w.enforcedIn()).To(HaveLen(5))
}

func TestTheMemoryOfExclusionsIsBounded(t *testing.T) {
	g := NewWithT(t)
	w := enforcing(t)
	for range maxExcluded + 20 {
		n := w.found(100, true, 1)
		w.exclude(n, true)
		n.judgeAgain()
	}
	out := w.look()
	w.state = &out.State
	g.Expect(out.State.ExcludedNamespaces).To(HaveLen(maxExcluded))
	for _, n := range w.namespaces {
		w.exclude(n, false)
	}
	g.Expect(w.look().State.ExcludedNamespaces).To(HaveLen(maxExcluded))
}

func TestAVerdictFromBeforeAnExclusionCameOrWentIsAwaited(t *testing.T) {
	of := func(verdict v1alpha1.GuardrailVerdict, exclusions ...v1alpha1.Exclusion) Record {
		return GatherAll([]v1alpha1.ReadinessReport{reported(verdict, outcome(2), outcome(1))},
			map[string]Rule{"image-pinned": {Exclusions: exclusions}})["image-pinned"]
	}
	left := v1alpha1.GuardrailVerdict{Excluded: "a sidecar of the mesh"}
	for i, c := range []struct {
		record                       Record
		unjudged, excluded, trialled int
	}{
		{of(left), 1, 0, 0},
		{of(left, v1alpha1.Exclusion{Namespace: "shop", Kind: "Deployment", Name: "other"}), 1, 0, 0},
		{of(left, v1alpha1.Exclusion{Namespace: "shop", Kind: "Deployment", Name: "shop"}), 0, 1, 0},
		{of(v1alpha1.GuardrailVerdict{}, v1alpha1.Exclusion{Namespace: "shop"}), 0, 1, 0},
		{of(v1alpha1.GuardrailVerdict{}), 0, 0, 2},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(c.record.Unjudged).To(Equal(c.unjudged))
			g.Expect(c.record.Awaited["shop"]).To(Equal(c.unjudged > 0))
			g.Expect(c.record.Excluded).To(Equal(c.excluded))
			g.Expect(c.record.Trials).To(HaveLen(c.trialled))
		})
	}
}
