// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestLevelsAreSteps(t *testing.T) {
	g := NewWithT(t)
	g.Expect(v1alpha1.Observe.Next()).To(Equal(v1alpha1.Warn))
	g.Expect(v1alpha1.Warn.Next()).To(Equal(v1alpha1.Enforce))
	g.Expect(v1alpha1.Enforce.Next()).To(Equal(v1alpha1.Enforce), "there is none above")
	g.Expect(v1alpha1.Enforce.Previous()).To(Equal(v1alpha1.Warn))
	g.Expect(v1alpha1.Warn.Previous()).To(Equal(v1alpha1.Observe))
	g.Expect(v1alpha1.Observe.Previous()).To(Equal(v1alpha1.Observe), "there is none below")
	g.Expect(v1alpha1.Level("").Next()).To(Equal(v1alpha1.Warn), "no level is the weakest")
	g.Expect(v1alpha1.Level("").Above(v1alpha1.Observe)).To(BeFalse())
}

func TestTheWeakerLevelIsTheMinimum(t *testing.T) {
	g := NewWithT(t)
	for i, weaker := range v1alpha1.Levels {
		for _, stronger := range v1alpha1.Levels[i:] {
			g.Expect(v1alpha1.Min(weaker, stronger)).To(Equal(weaker))
			g.Expect(v1alpha1.Min(stronger, weaker)).To(Equal(weaker))
			g.Expect(stronger.Above(weaker)).To(Equal(stronger != weaker))
			g.Expect(weaker.Above(stronger)).To(BeFalse())
		}
	}
}

func TestStagesGrowGraver(t *testing.T) {
	g := NewWithT(t)
	stages := []v1alpha1.Stage{v1alpha1.Development, v1alpha1.Staging, v1alpha1.Production}
	for i, milder := range stages {
		g.Expect(milder.Ceiling()).To(Equal(v1alpha1.Levels[i]))
		for j, other := range stages {
			g.Expect(milder.Graver(other)).To(Equal(i > j), "%s and %s", milder, other)
		}
	}
}
