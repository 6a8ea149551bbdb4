// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package confidence

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestSentence(t *testing.T) {
	for name, c := range map[string]struct {
		evidence      Evidence
		target        float64
		clean, failed int
		want          string
	}{
		"evidence is on its way": {
			Evidence{Successes: 9}, 0.9, 9, 0,
			"predictability 86% of 90%: 4 more clean trials needed (9 of 9 so far)",
		},
		"one trial is missing": {
			Evidence{Successes: 5}, 0.8, 5, 0,
			"predictability 77% of 80%: 1 more clean trial needed (5 of 5 so far)",
		},
		"failures are told": {
			Evidence{Successes: 8, Failures: 1}, 0.8, 8, 1,
			"predictability 69% of 80%: 6 more clean trials needed (8 of 9 so far)",
		},
		"the target is reached": {
			Evidence{Successes: 13}, 0.9, 13, 0,
			"predictability 90% of 90%: reached (13 of 13)",
		},
		"nothing was seen": {
			Evidence{}, 0.9, 0, 0,
			"predictability unknown, target 90%: 13 clean trials needed (none so far)",
		},
		"all of it was carried over": {
			Evidence{Successes: 5}, 0.9, 0, 0,
			"predictability 77% of 90%: 8 more clean trials needed (all carried over so far)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			score := Measure("predictability", c.evidence, c.target, 0.9)
			score.Clean, score.Failed = c.clean, c.failed
			NewWithT(t).Expect(score.Sentence()).To(Equal(c.want))
		})
	}
}

func TestPercentShowsATargetExactlyWhenItIsReached(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Percent(0.8999999999999)).To(Equal(int32(89)))
	for target := int32(0); target <= 99; target++ {
		g.Expect(Percent(float64(target) / 100)).To(Equal(target))
	}
	for successes := 0.5; successes <= 200; successes += 0.5 {
		bound := Bound(Evidence{Successes: successes, Failures: 1}, 0.9)
		for target := int32(50); target <= 99; target++ {
			g.Expect(Percent(bound) >= target).To(Equal(bound >= float64(target)/100))
		}
	}
}
