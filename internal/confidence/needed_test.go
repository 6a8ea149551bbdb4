// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package confidence

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestTrialsNeededInAllFollowTheDesignTable(t *testing.T) {
	for _, c := range []struct {
		target float64
		inAll  []int // with 0, 1 and 2 failures
	}{
		{0.80, []int{6, 15, 22}},
		{0.90, []int{13, 30, 45}},
		{0.95, []int{27, 62, 91}},
	} {
		for failures, inAll := range c.inAll {
			needed := Needed(Evidence{Failures: float64(failures)}, c.target, 0.9)
			NewWithT(t).Expect(needed+failures).To(Equal(inAll), "target %v with %d failures", c.target, failures)
		}
	}
}

func TestNeededIsTheLeastThatReachesTheTarget(t *testing.T) {
	g := NewWithT(t)
	for _, target := range []float64{0.5, 0.8, 0.9, 0.99} {
		for failures := 0.0; failures <= 5; failures += 0.5 {
			for successes := 0.0; successes <= 40; successes += 2.5 {
				e := Evidence{Successes: successes, Failures: failures}
				needed := Needed(e, target, 0.9)
				g.Expect(Reached(e.Add(Evidence{Successes: float64(needed)}), target, 0.9)).To(BeTrue(), "%v to %v", e, target)
				if needed > 0 {
					g.Expect(Reached(e.Add(Evidence{Successes: float64(needed - 1)}), target, 0.9)).To(BeFalse(), "%v to %v", e, target)
				}
			}
		}
	}
}

func TestNeededIsFiniteForTheHardestTargetOfTheAPI(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Needed(Evidence{Failures: 200}, 0.99, 0.99)).To(BeNumerically("<", searchLimit))
}

func BenchmarkNeeded(b *testing.B) {
	e := Evidence{Successes: 9, Failures: 1}
	for b.Loop() {
		Needed(e, 0.9, 0.9)
	}
}
