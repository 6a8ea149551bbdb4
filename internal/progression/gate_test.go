// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestStepGate(t *testing.T) {
	progression := v1alpha1.Progression{Mode: v1alpha1.ProgressionAutomatic, Target: 80, Confidence: 90}
	full := Bounds{Start: v1alpha1.Warn, Max: v1alpha1.Enforce}
	since := minutesAgo(30)
	for _, c := range []struct {
		name string
		in   GateInput
		want v1alpha1.Level
		next string
	}{
		{"a new gate begins at its startLevel, whatever has arrived", GateInput{Bounds: full, Arrivals: clean(30, minutesAgo(5))}, v1alpha1.Warn, "none has come since Warn was reached"},
		{"nothing arrived, nothing rises", GateInput{Bounds: full, Level: v1alpha1.Warn, Since: since}, v1alpha1.Warn, "Enforce after 6 proven arrivals (none so far)"},
		{"too few proven arrivals say how many are missing", GateInput{Bounds: full, Level: v1alpha1.Warn, Since: since, Arrivals: clean(2, minutesAgo(5))},
			v1alpha1.Warn, "Enforce after 4 more proven arrivals (2 of 2 so far, 55% of 80%)"},
		{"six proven arrivals earn Enforce", GateInput{Bounds: full, Level: v1alpha1.Warn, Since: since, Arrivals: clean(6, minutesAgo(5))}, v1alpha1.Enforce, "maxLevel is reached"},
		{"unproven arrivals do not", GateInput{Bounds: full, Level: v1alpha1.Warn, Since: since, Arrivals: failed(6, minutesAgo(5))}, v1alpha1.Warn, "0 of 6 so far"},
		{"Warn is never skipped", GateInput{Bounds: full, Level: v1alpha1.Observe, Since: since, Arrivals: clean(30, minutesAgo(5))}, v1alpha1.Warn, ""},
		{"a lower maxLevel lowers it at once", GateInput{Bounds: Bounds{v1alpha1.Observe, v1alpha1.Observe}, Level: v1alpha1.Enforce, Since: since}, v1alpha1.Observe, "maxLevel is reached"},
		{"the policy's maxLevel is named where it ends the climb", GateInput{Bounds: Bounds{v1alpha1.Warn, v1alpha1.Warn}, Capped: true, Level: v1alpha1.Warn, Since: since},
			v1alpha1.Warn, "promotion.maxLevel of the EnvironmentPolicy is reached"},
		{"suspension keeps it", GateInput{Bounds: full, Level: v1alpha1.Warn, Since: since, Arrivals: clean(30, minutesAgo(5)), Suspend: v1alpha1.SuspendAll}, v1alpha1.Warn, "suspended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			c.in.Progression, c.in.Now = progression, now
			out := StepGate(c.in)
			g.Expect(out.Level).To(Equal(c.want), out.Next)
			g.Expect(out.Next).To(ContainSubstring(c.next))
			g.Expect(out.Change != nil).To(Equal(c.in.Level != c.want))
			if out.Change != nil {
				g.Expect(*out.Change).To(And(HaveField("From", c.in.Level), HaveField("To", c.want), HaveField("Why", Not(BeEmpty()))))
			}
			c.in.Level, c.in.Since, c.in.Now = out.Level, out.Since, now.Add(time.Second)
			again := StepGate(c.in)
			g.Expect(again.Change).To(BeNil(), "the same world takes no second step")
		})
	}
}

func TestGateBounds(t *testing.T) {
	type levels struct{ start, max v1alpha1.Level }
	for _, c := range []struct {
		name  string
		gate  levels
		into  levels
		stage v1alpha1.Stage
		want  Bounds
		// capped says that it is the policy that ends the climb.
		capped bool
	}{
		{"Production climbs to Enforce", levels{}, levels{}, v1alpha1.Production, Bounds{v1alpha1.Warn, v1alpha1.Enforce}, false},
		{"Staging stays at Warn", levels{}, levels{}, v1alpha1.Staging, Bounds{v1alpha1.Warn, v1alpha1.Warn}, false},
		{"a gate in Staging may ask for more", levels{max: v1alpha1.Enforce}, levels{}, v1alpha1.Staging, Bounds{v1alpha1.Warn, v1alpha1.Enforce}, false},
		{"a gate may stay lower, and begins no higher", levels{max: v1alpha1.Observe}, levels{}, v1alpha1.Production, Bounds{v1alpha1.Observe, v1alpha1.Observe}, false},
		{"a gate may begin at the top", levels{start: v1alpha1.Enforce}, levels{}, v1alpha1.Production, Bounds{v1alpha1.Enforce, v1alpha1.Enforce}, false},
		{"the policy speaks for a gate that says nothing", levels{}, levels{v1alpha1.Observe, v1alpha1.Warn}, v1alpha1.Production, Bounds{v1alpha1.Observe, v1alpha1.Warn}, true},
		{"the policy may ask more of Staging", levels{}, levels{max: v1alpha1.Enforce}, v1alpha1.Staging, Bounds{v1alpha1.Warn, v1alpha1.Enforce}, true},
		{"a gate says where it begins", levels{start: v1alpha1.Warn}, levels{start: v1alpha1.Observe}, v1alpha1.Production, Bounds{v1alpha1.Warn, v1alpha1.Enforce}, false},
		{"no gate rises above the policy", levels{v1alpha1.Enforce, v1alpha1.Enforce}, levels{max: v1alpha1.Warn}, v1alpha1.Production, Bounds{v1alpha1.Warn, v1alpha1.Warn}, true},
		{"but may stay below it", levels{max: v1alpha1.Observe}, levels{max: v1alpha1.Warn}, v1alpha1.Production, Bounds{v1alpha1.Observe, v1alpha1.Observe}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			policy := v1alpha1.EnvironmentPolicySpec{Stage: c.stage, Promotion: &v1alpha1.PromotionPolicy{StartLevel: c.into.start, MaxLevel: c.into.max}}
			gate := v1alpha1.PromotionGateSpec{StartLevel: c.gate.start, MaxLevel: c.gate.max}
			g := NewWithT(t)
			bounds, capped := GateBounds(gate, policy.Effective())
			g.Expect(bounds).To(Equal(c.want))
			g.Expect(capped).To(Equal(c.capped))
		})
	}
}

func TestAGateThatIsNewWhileEverythingIsSuspendedHasNotBegun(t *testing.T) {
	g := NewWithT(t)
	in := GateInput{
		Bounds:      Bounds{Start: v1alpha1.Enforce, Max: v1alpha1.Enforce},
		Progression: v1alpha1.Progression{Mode: v1alpha1.ProgressionAutomatic, Target: 80, Confidence: 90},
		Suspend:     v1alpha1.SuspendAll,
		Now:         time.Unix(1000, 0),
	}
	g.Expect(StepGate(in).Level).To(BeEmpty(), "its decisions are frozen, so that it must not refuse by them")
	in.Suspend = v1alpha1.SuspendNone
	g.Expect(StepGate(in).Level).To(Equal(v1alpha1.Enforce), "it begins afterwards")
}
