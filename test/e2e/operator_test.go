// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/internal/testenv"
)

// withoutOperator stops the operator, in order, until the test ends.
func (w *world) withoutOperator(t *testing.T) {
	t.Helper()
	NewWithT(t).Expect(w.operator.Stop()).To(Succeed())
	t.Cleanup(func() { w.startOperator(t) })
}

// startOperator starts it again.
func (w *world) startOperator(t *testing.T, args ...string) {
	t.Helper()
	var err error
	w.operator, err = w.cluster.StartOperator(context.Background(), testenv.OperatorOptions{Binary: program(), Args: args})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}
