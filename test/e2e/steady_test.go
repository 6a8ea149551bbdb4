// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestAtRestTheOperatorWritesNothing(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	w.settle(t)
	before := len(w.audit.writes(t))
	g.Consistently(func() []write { return since(before, w.audit.writes(t)) }).
		WithTimeout(15 * time.Second).Should(BeEmpty())
}

// settle waits until the operator has written nothing for some seconds.
func (w *world) settle(t *testing.T) {
	t.Helper()
	last, quietSince := -1, time.Now()
	NewWithT(t).Eventually(func() time.Duration {
		if n := len(w.audit.writes(t)); n != last {
			last, quietSince = n, time.Now()
		}
		return time.Since(quietSince)
	}).WithTimeout(90*time.Second).Should(BeNumerically(">", 4*time.Second), "the operator does not come to rest")
}
