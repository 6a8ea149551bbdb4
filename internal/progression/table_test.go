// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestTable(t *testing.T) {
	NewWithT(t).Expect("\n" + Table([]v1alpha1.GuardrailState{
		{
			Name: "image-pinned", Level: v1alpha1.Enforce, MaxLevel: v1alpha1.Enforce, Ring: v1alpha1.RingQuarter,
			Score: ptr.To[int32](91), Revisions: 120, WouldRefuse: 3, Violating: 2, Noisy: 1, Next: "Enforce in all namespaces after a clean revision in shop",
		},
		{Name: "replicas", Level: v1alpha1.Observe, MaxLevel: v1alpha1.Warn, Next: "Warn after 6 clean revisions (none so far)"},
	})).To(Equal(`
GUARDRAIL      LEVEL         MAX       SCORE   REVISIONS   WOULD REFUSE   VIOLATING   NOISY   NEXT
image-pinned   Enforce 2/3   Enforce   91%     120         3              2           1       Enforce in all namespaces after a clean revision in shop
replicas       Observe       Warn      -       0           0              0           0       Warn after 6 clean revisions (none so far)
`))
}

func TestLevelText(t *testing.T) {
	g := NewWithT(t)
	text := func(level v1alpha1.Level, ring v1alpha1.Ring) string {
		return LevelText(v1alpha1.GuardrailState{Level: level, Ring: ring})
	}
	g.Expect(text(v1alpha1.Enforce, v1alpha1.RingFirst)).To(Equal("Enforce 1/3"))
	g.Expect(text(v1alpha1.Enforce, v1alpha1.RingAll)).To(Equal("Enforce"))
	g.Expect(text(v1alpha1.Enforce, "")).To(Equal("Enforce"))
	g.Expect(text(v1alpha1.Warn, "")).To(Equal("Warn"))
}
