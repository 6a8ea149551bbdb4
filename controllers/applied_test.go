// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/admission"
)

var _ = Describe("Applier", func() {
	warning := func(name string) *admissionv1.ValidatingAdmissionPolicyBinding {
		return &admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
				PolicyName: "absent", ValidationActions: []admissionv1.ValidationAction{admissionv1.Warn},
			},
		}
	}

	It("writes nothing when only the status has changed, which the API server writes in its own time", func() {
		writes := 0
		applier := controllers.NewApplier(interceptor.NewClient(admin, interceptor.Funcs{
			Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
				writes++
				return c.Apply(ctx, object, options...)
			},
		}))
		policy := func() *admissionv1.ValidatingAdmissionPolicy {
			return &admissionv1.ValidatingAdmissionPolicy{
				ObjectMeta: metav1.ObjectMeta{Name: "applier-status"},
				Spec: admissionv1.ValidatingAdmissionPolicySpec{
					MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{admission.Writes("", "pods")}},
					Validations:      []admissionv1.Validation{{Expression: "true"}},
				},
			}
		}
		Expect(applier.Apply(ctx, policy())).To(Succeed())
		DeferCleanup(func() { Expect(admin.Delete(ctx, policy())).To(Succeed()) })
		checked := policy()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(checked), checked)).To(Succeed())
		checked.Status.ObservedGeneration = checked.Generation
		Expect(admin.Status().Update(ctx, checked)).To(Succeed())
		Expect(applier.Apply(ctx, policy())).To(Succeed())
		Expect(writes).To(Equal(1))
	})

	DescribeTable("takes away what somebody else", func(name string, harm func(*admissionv1.ValidatingAdmissionPolicyBinding)) {
		applier := controllers.NewApplier(admin)
		Expect(applier.Apply(ctx, warning(name))).To(Succeed())
		DeferCleanup(func() { Expect(admin.Delete(ctx, warning(name))).To(Succeed()) })
		sound := warning(name)
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(sound), sound)).To(Succeed())

		harmed := sound.DeepCopy()
		harm(harmed)
		Expect(admin.Patch(ctx, harmed, client.MergeFrom(sound))).To(Succeed())
		Expect(applier.Apply(ctx, warning(name))).To(Succeed())
		mended := warning(name)
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(mended), mended)).To(Succeed())
		Expect(mended.Spec).To(Equal(sound.Spec))

		By("and writes nothing when there is nothing more to take away")
		Expect(applier.Apply(ctx, warning(name))).To(Succeed())
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(mended), sound)).To(Succeed())
		Expect(sound.ResourceVersion).To(Equal(mended.ResourceVersion))
	},
		Entry("has added", "applier-added", func(b *admissionv1.ValidatingAdmissionPolicyBinding) {
			b.Spec.MatchResources = &admissionv1.MatchResources{ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}
		}),
		Entry("has put beside an item of ours", "applier-beside", func(b *admissionv1.ValidatingAdmissionPolicyBinding) {
			b.Spec.ValidationActions = append(b.Spec.ValidationActions, admissionv1.Audit)
		}),
		Entry("has put where it contradicts ours", "applier-contradicts", func(b *admissionv1.ValidatingAdmissionPolicyBinding) {
			b.Spec.ValidationActions = []admissionv1.ValidationAction{admissionv1.Deny}
		}),
	)
})
