// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

var _ = Describe("The fields that a policy ignores", func() {
	It("are no drift, before and after somebody has changed them", func() {
		w := drifted("empty")
		w.look("shop")
		fields := w.report("shop").Status.Drift.Fields
		Expect(fields).To(HaveLen(1))

		w.policy.Spec.Drift.IgnoredFields = []string{fields[0].Path}
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		w.settle("shop")
		Expect(w.report("shop").Status.Drift).To(BeNil(), "what the message prints can be pasted")
		Expect(w.env("shop")).To(Equal("debug"))

		w.change("shop", dana, setEnv("trace"))
		w.rollOut("shop")
		w.settle("shop")
		Expect(w.report("shop").Status.Drift).To(BeNil())

		w.policy.Spec.Drift.IgnoredFields = nil
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		w.settle("shop")
		Expect(w.report("shop").Status.Drift).To(BeNil(), "the baseline has followed")
	})

	It("are named in the policy's health where they cannot be read", func() {
		w := newWorld(v1alpha1.Production, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Drift = &v1alpha1.DriftPolicy{
				TrustedWriters: []string{deployer}, IgnoredFields: []string{"spec.replicas", "spec.template.spec.containers[0].image"},
			}
		})
		w.reconcileEnvironment(w.environments())
		Expect(w.ready().Reason).To(Equal(v1alpha1.ReasonInvalidFieldPath))
		Expect(w.ready().Message).To(And(ContainSubstring("spec.drift.ignoredFields[1] ignores nothing"), ContainSubstring("containers[name=*]")))
		Expect(meta.IsStatusConditionTrue(w.policy.Status.Conditions, v1alpha1.ConditionStalled)).To(BeTrue())
	})
})
