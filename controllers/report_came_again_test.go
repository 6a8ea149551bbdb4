// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// once lets the operator roll a workload back once an hour.
func once(spec *v1alpha1.EnvironmentPolicySpec) {
	spec.BlastRadius = &v1alpha1.BlastRadius{ActionsPerHour: 1}
}

// cameAgain is a world in which a revision was rolled back, and brought back a second later.
func cameAgain(edit ...func(*v1alpha1.EnvironmentPolicySpec)) *world {
	GinkgoHelper()
	w := failed(2, "empty", edit...)
	w.look("shop")
	Expect(w.rolledBack()).To(BeTrue())
	w.later(time.Second)
	w.again()
	return w
}

// again brings the failed revision back, and lets it fail.
func (w *world) again() {
	GinkgoHelper()
	w.change("shop", deployer, setImage(badImage))
	w.look("shop")
	w.crashAnew("shop")
}

var _ = Describe("A revision that comes again before the API server refuses it", func() {
	It("is rolled back a second time although one rollback an hour is allowed, and then no more", func() {
		w := cameAgain(once)
		w.look("shop")
		Expect(w.rolledBack()).To(BeFalse(), "it would only be brought back")
		w.later(3 * time.Minute) // the refusal never stands: it is not waited for any longer
		w.look("shop")
		Expect(w.rolledBack()).To(BeTrue(), w.report("shop").Status.Message)

		w.look("shop")
		w.rollOut("shop")
		w.look("shop")
		w.later(time.Minute)
		w.again()
		w.look("shop")
		w.later(3 * time.Minute)
		w.look("shop")
		Expect(w.rolledBack()).To(BeFalse(), "that is no race, but somebody who brings it again")
		Expect(w.report("shop").Status.Message).To(ContainSubstring("which is the limit"))
	})

	It("is left until its refusal stands, when the operator was stopped before it wrote that", func() {
		w := cameAgain(once)
		w.restartOperator()
		w.later(20 * time.Second)
		result := w.look("shop")
		Expect(w.rolledBack()).To(BeFalse(), "nothing keeps it from being brought back")
		Expect(w.report("shop").Status.Message).To(ContainSubstring("came again before the API server refused it"))
		Expect(result.RequeueAfter).To(BeNumerically("<=", time.Second))

		Expect(w.tryAdmission()).To(Succeed())
		w.later(time.Minute)
		w.look("shop")
		Expect(w.rolledBack()).To(BeTrue(), w.report("shop").Status.Message)
	})
})
