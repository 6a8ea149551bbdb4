// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

var _ = Describe("An annotation that nobody can read", func() {
	It("is told once, and stands in the report until it is corrected", func() {
		w := newWorld(v1alpha1.Staging)
		w.running("shop")
		w.look("shop")
		Expect(w.told(telemetry.ReasonAnnotationWrong)).To(BeFalse())

		const text = `rampart.dev/isolation: "off" is neither Off nor Now and is ignored`
		w.ask("shop", "off")
		w.look("shop")
		w.look("shop")
		Expect(w.report("shop").Status.Message).To(HaveSuffix(text))
		Expect(w.report("shop").Status.Conditions).To(ContainElement(And(
			HaveField("Type", v1alpha1.ConditionAnnotationWrong), HaveField("Message", text))))
		Expect(w.events.all()).To(ContainElement(telemetry.ReasonAnnotationWrong + ": " + text))

		By("saying what else is wrong")
		deployment := w.deployment("shop")
		deployment.Annotations = with(deployment.Annotations, v1alpha1.AnnotationRenamedFrom, "Deployments/cart")
		Expect(admin.Update(ctx, deployment)).To(Succeed())
		w.look("shop")
		Expect(w.report("shop").Status.Message).To(ContainSubstring(`rampart.dev/renamed-from: "Deployments/cart" names no other workload`))

		By("being corrected")
		deployment = w.deployment("shop")
		delete(deployment.Annotations, v1alpha1.AnnotationRenamedFrom)
		Expect(admin.Update(ctx, deployment)).To(Succeed())
		w.ask("shop", v1alpha1.IsolationRefused)
		w.look("shop")
		Expect(meta.FindStatusCondition(w.report("shop").Status.Conditions, v1alpha1.ConditionAnnotationWrong)).To(BeNil())
		Expect(w.report("shop").Status.Message).NotTo(ContainSubstring("rampart.dev/"))
		Expect(w.events.all()).To(HaveLen(2))
	})
})
