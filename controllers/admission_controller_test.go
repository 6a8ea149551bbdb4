// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/seal"
)

// reconcileAdmission is one pass of the loop.
func reconcileAdmission(c client.Client) {
	GinkgoHelper()
	loop := &controllers.AdmissionReconciler{
		Client: c, Applier: controllers.NewApplier(c), OperatorNamespace: "rampart-system", OperatorUser: operatorUser,
	}
	_, err := loop.Reconcile(ctx, ctrl.Request{})
	Expect(err).NotTo(HaveOccurred())
}

// sharedAdmission are the policies and bindings that all environments share, that speak of a text.
func sharedAdmission(text string) []client.Object {
	GinkgoHelper()
	var policies admissionv1.ValidatingAdmissionPolicyList
	var bindings admissionv1.ValidatingAdmissionPolicyBindingList
	ours := client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
	Expect(admin.List(ctx, &policies, ours)).To(Succeed())
	Expect(admin.List(ctx, &bindings, ours)).To(Succeed())
	var all []client.Object
	for i := range policies.Items {
		all = append(all, &policies.Items[i])
	}
	for i := range bindings.Items {
		all = append(all, &bindings.Items[i])
	}
	var speaking []client.Object
	for _, object := range all {
		data, err := json.Marshal(object)
		Expect(err).NotTo(HaveOccurred())
		if object.GetLabels()[guardrail.LabelEnvironment] == "" {
			if matched, err := ContainSubstring(text).Match(string(data)); err == nil && matched {
				speaking = append(speaking, object)
			}
		}
	}
	return speaking
}

var _ = Describe("Admission", func() {
	It("lets nobody but the operator write a report, not even an administrator", func() {
		reconcileAdmission(operator)
		w := newWorld(v1alpha1.Staging)
		report := func() *v1alpha1.ReadinessReport {
			return &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "deployment-forged"}}
		}
		Eventually(func() error { return admin.Create(ctx, report(), client.DryRunAll) }).
			Should(MatchError(ContainSubstring("nobody else writes one")))
		Expect(operator.Create(ctx, report())).To(Succeed())

		forged := report()
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(forged), forged)).To(Succeed())
		forged.Status.State = v1alpha1.ReportProven
		Expect(admin.Status().Update(ctx, forged)).To(MatchError(ContainSubstring("nobody else writes one")))
		forged.Labels = map[string]string{"forged": "true"}
		Expect(admin.Update(ctx, forged)).To(MatchError(ContainSubstring("nobody else writes one")))
		Expect(admin.Delete(ctx, forged)).To(Succeed(), "a namespace must be deletable")
	})

	It("repairs the seal when somebody takes it away", func() {
		reconcileAdmission(operator)
		binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: seal.Name}}
		Expect(admin.Delete(ctx, binding)).To(Succeed())
		reconcileAdmission(operator)

		Expect(admin.Get(ctx, client.ObjectKeyFromObject(binding), binding)).To(Succeed())
	})

	It("puts a gate in force once its namespace has a ledger, and takes it away with the gate", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		w.reconcileGate()
		reconcileAdmission(operator)
		Expect(sharedAdmission(w.namespace)).To(BeEmpty(), "without a ledger everything would be refused")

		w.reconcileNamespace(w.namespace)
		reconcileAdmission(operator)
		Expect(sharedAdmission(w.namespace)).NotTo(BeEmpty())

		Expect(admin.Delete(ctx, w.gate())).To(Succeed())
		reconcileAdmission(operator)
		Expect(sharedAdmission(w.namespace)).To(BeEmpty())
	})

	It("keeps a failed revision out while its report says so", func() {
		w := newWorld(v1alpha1.Production)
		w.remember("shop", func(status *v1alpha1.ReadinessReportStatus) {
			status.Quarantined = []v1alpha1.QuarantinedRevision{{
				Hash: "1", Time: metav1.NewTime(w.clock.Now()), Reason: "2 crashed",
				Changes: []v1alpha1.TemplateChange{{Path: "spec.containers[name=main].image", Value: `"registry.example/shop:2.0.0"`}},
			}}
		})
		reconcileAdmission(operator)
		Expect(sharedAdmission(w.namespace)).NotTo(BeEmpty())

		w.remember("shop", func(status *v1alpha1.ReadinessReportStatus) { status.Quarantined = nil })
		reconcileAdmission(operator)
		Expect(sharedAdmission(w.namespace)).To(BeEmpty())
	})

	It("writes nothing at rest, not even after a restart of the operator", func() {
		w, source := newGatedWorld()
		source.proven("shop", "registry.example/shop:1.0.0")
		w.reconcileGate()
		w.reconcileNamespace(w.namespace)
		reconcileAdmission(operator)
		before := versions(sharedAdmission(""))
		Expect(before).NotTo(BeEmpty())
		reconcileAdmission(operator)

		Expect(versions(sharedAdmission(""))).To(Equal(before))
	})
})
