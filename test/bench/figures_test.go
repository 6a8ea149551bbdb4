// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	. "github.com/onsi/gomega"
)

// The mean of values from 0 to 99 has a standard error of 28.9/sqrt(100).
func TestEstimated(t *testing.T) {
	g := NewWithT(t)
	of := func(values func(i int) float64) estimate {
		return estimated(100, func(some []int) float64 {
			sum := 0.0
			for _, i := range some {
				sum += values(i)
			}
			return sum / float64(len(some))
		})
	}
	uniform := of(func(i int) float64 { return float64(i) })
	g.Expect(uniform.value).To(Equal(49.5))
	g.Expect(uniform.standardError).To(BeNumerically("~", 2.89, 0.3))
	g.Expect(of(func(int) float64 { return 1.25 })).To(Equal(estimate{value: 1.25}))
	g.Expect(estimate{1.114, 0.012}.String()).To(Equal("+11% ±1"))
}
