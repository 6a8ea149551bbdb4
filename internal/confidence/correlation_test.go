// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package confidence

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestCorrelatedSuccessesCountLessThanIndependentOnes(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Correlated(0)).To(BeZero())
	g.Expect(Correlated(1)).To(Equal(1.0))
	g.Expect(Correlated(2)).To(BeNumerically("~", 4.0/3, 1e-12))
	g.Expect(Correlated(3)).To(Equal(1.5))
	for k := 1; k < 1000; k++ {
		g.Expect(Correlated(k + 1)).To(And(BeNumerically(">", Correlated(k)), BeNumerically("<=", 2)))
	}
}
