// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package confidence

import (
	"testing"

	. "github.com/onsi/gomega"
)

// TestBoundEqualsPublishedJeffreysLimits holds the bound against the 95% limits that
// Brown, Cai and DasGupta (2001) print in table 5, to its three digits. A two-sided
// limit at 95% is a one-sided one at 97.5%.
func TestBoundEqualsPublishedJeffreysLimits(t *testing.T) {
	for _, c := range []struct {
		successes, trials float64
		lower, upper      float64
	}{
		{2, 7, 0.065, 0.648},
		{2, 10, 0.044, 0.503},
		{3, 10, 0.093, 0.606},
		{2, 20, 0.021, 0.284},
		{3, 20, 0.044, 0.349},
	} {
		g := NewWithT(t)
		e := Evidence{Successes: c.successes, Failures: c.trials - c.successes}
		g.Expect(Bound(e, 0.975)).To(BeNumerically("~", c.lower, 0.0005), "lower limit of %v", e)
		g.Expect(Bound(e, 0.025)).To(BeNumerically("~", c.upper, 0.0005), "upper limit of %v", e)
	}
}

// TestBoundEqualsHighPrecisionQuantiles holds the bound against quantiles that were
// computed with 40 digits (bisection of mpmath 1.3's regularized incomplete beta).
func TestBoundEqualsHighPrecisionQuantiles(t *testing.T) {
	for _, c := range []struct {
		successes, failures float64
		at50, at90, at99    float64
	}{
		{0, 1, 0.163193985408, 0.00618124393843, 0.0000616862959117},
		{1, 0, 0.836806014592, 0.351357198026, 0.0808271928969},
		{5, 0, 0.957651769473, 0.773275471371, 0.532789975079},
		{6, 0, 0.964291606552, 0.805641718425, 0.58893333392},
		{9, 0, 0.975718812526, 0.86403302235, 0.698916209919},
		{13, 0, 0.98298256396, 0.902974049496, 0.77862116118},
		{14, 1, 0.922903320825, 0.808943953995, 0.680537363035},
		{5, 2, 0.703756909262, 0.472997808251, 0.292708540373},
		{29, 1, 0.961012642636, 0.900253158216, 0.826374925513},
		{61, 1, 0.981024280674, 0.950639762064, 0.912227953896},
		{89, 2, 0.976179434441, 0.950113203194, 0.919810563035},
		{200, 0, 0.998864724776, 0.993267362095, 0.983569977806},
		{100, 100, 0.5, 0.454839462876, 0.418405369544},
		{0, 200, 0.00113527522383, 0.0000394268425243, 0.000000392228975476},
		{1.5, 0.25, 0.786076557399, 0.376126719117, 0.122129912829},
		{0.5, 0, 0.75, 0.19, 0.0199},
	} {
		g := NewWithT(t)
		e := Evidence{Successes: c.successes, Failures: c.failures}
		g.Expect(Bound(e, 0.50)).To(BeNumerically("~", c.at50, 1e-9), "median of %v", e)
		g.Expect(Bound(e, 0.90)).To(BeNumerically("~", c.at90, 1e-9), "90%% bound of %v", e)
		g.Expect(Bound(e, 0.99)).To(BeNumerically("~", c.at99, 1e-9), "99%% bound of %v", e)
	}
}

func TestNoDataIsNeverSuccess(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Bound(Evidence{}, 0.5)).To(BeZero())
	g.Expect(Reached(Evidence{}, 0.01, 0.01)).To(BeFalse())
	g.Expect(Needed(Evidence{}, 0.01, 0.01)).To(BeNumerically(">", 0))
}

func TestBoundIsMonotone(t *testing.T) {
	g := NewWithT(t)
	for successes := 0.5; successes <= 60; successes += 0.5 {
		for failures := 0.0; failures <= 10; failures += 0.25 {
			e := Evidence{Successes: successes, Failures: failures}
			bound := Bound(e, 0.9)
			g.Expect(bound).To(And(BeNumerically(">", 0), BeNumerically("<", 1)), "%v", e)
			g.Expect(Bound(e.Add(Evidence{Successes: 0.5}), 0.9)).To(BeNumerically(">", bound), "a success raises %v", e)
			g.Expect(Bound(e.Add(Evidence{Failures: 0.25}), 0.9)).To(BeNumerically("<", bound), "a failure lowers %v", e)
			g.Expect(Bound(e, 0.95)).To(BeNumerically("<", bound), "more confidence lowers %v", e)
		}
	}
}

// TestScoreIsNoGuarantee holds the chance that design and documentation state: a process
// that succeeds in 80% of its trials reaches 90% at 90% within 60 trials in about 6% of
// all cases, because we look after every trial.
func TestScoreIsNoGuarantee(t *testing.T) {
	const trials, reliability = 60, 0.8
	passed := 0.0
	// waiting[f] is the chance of f failures so far with the target never reached.
	waiting := map[int]float64{0: 1}
	for n := 1; n <= trials; n++ {
		next := map[int]float64{}
		for failures, chance := range waiting {
			next[failures] += chance * reliability
			next[failures+1] += chance * (1 - reliability)
		}
		for failures, chance := range next {
			if Reached(Evidence{Successes: float64(n - failures), Failures: float64(failures)}, 0.9, 0.9) {
				passed += chance
				delete(next, failures)
			}
		}
		waiting = next
	}
	NewWithT(t).Expect(passed).To(BeNumerically("~", 0.06, 0.005))
}

func BenchmarkBound(b *testing.B) {
	e := Evidence{Successes: 61.5, Failures: 1}
	for b.Loop() {
		Bound(e, 0.9)
	}
}
