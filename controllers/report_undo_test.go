// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

var _ = Describe("An on-call's return to an earlier good revision", func() {
	DescribeTable("is never taken back", func(kind v1alpha1.WorkloadKind) {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		s := w.newSet(kind, "shop", "")
		for _, image := range []string{goodImage, badImage} {
			s.change(toImage(image))
			s.look()
			s.roll()
			s.look()
			s.look()
		}
		s.changeAs(dana, toImage(goodImage))
		s.look()
		s.roll()
		for range 5 {
			s.look()
			s.later(time.Minute)
		}
		Expect(s.image()).To(Equal(goodImage))
		Expect(s.status().Drift.Decision).To(ContainSubstring("went back to an earlier good revision"))
	}, Entry("of a StatefulSet", v1alpha1.KindStatefulSet), Entry("of a DaemonSet", v1alpha1.KindDaemonSet))

	It("is never taken back of a Deployment", func() {
		w := newWorld(v1alpha1.Production, correcting)
		w.joined("empty")
		w.running("shop")
		w.look("shop")
		w.change("shop", deployer, setImage(badImage))
		w.look("shop")
		w.rollOut("shop")
		w.look("shop")
		w.look("shop")
		w.change("shop", dana, setImage(goodImage))
		w.look("shop")
		w.rollOut("shop")
		for range 5 {
			w.look("shop")
			w.later(time.Minute)
		}
		Expect(w.image("shop")).To(Equal(goodImage))
		Expect(w.report("shop").Status.Drift.Decision).To(ContainSubstring("went back to an earlier good revision"))
	})
})
