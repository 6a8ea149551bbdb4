// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// policiesNamed are the names of the validating policies of the world's environment.
func (w *world) policiesNamed() []string {
	GinkgoHelper()
	var names []string
	for _, object := range w.nativePolicies() {
		if _, ok := object.(*admissionv1.ValidatingAdmissionPolicy); ok {
			names = append(names, object.GetName())
		}
	}
	return names
}

// put writes the state of a guardrail, as an earlier operator left it.
func (w *world) put(guardrail string, change func(*v1alpha1.GuardrailState)) {
	GinkgoHelper()
	before := w.policy.DeepCopy()
	for i := range w.policy.Status.Guardrails {
		if w.policy.Status.Guardrails[i].Name == guardrail {
			change(&w.policy.Status.Guardrails[i])
		}
	}
	Expect(admin.Status().Patch(ctx, w.policy, client.MergeFrom(before))).To(Succeed())
}

// enforcedIn puts a guardrail at Enforce in its first ring.
func enforcedIn(namespaces ...string) func(*v1alpha1.GuardrailState) {
	return func(state *v1alpha1.GuardrailState) {
		state.Level, state.Ring, state.RingNamespaces = v1alpha1.Enforce, v1alpha1.RingFirst, namespaces
		now := metav1.Now()
		state.Since, state.RingSince = now, &now
	}
}

var _ = Describe("Native admission", func() {
	It("takes a guardrail up in one policy before another lets it go, and leaves nothing behind", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		w.joined("empty")
		moving := acceptedGuardrail(w.policy.Name, ownerFindings)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())
		warn := "rampart-" + w.policy.Name + "-warn"
		enforce := "rampart-" + w.policy.Name + "-enforce"
		Expect(w.policiesNamed()).To(ConsistOf(warn))

		var applied []string
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
				native := object.(interface {
					GetKind() string
					GetName() string
				})
				applied = append(applied, native.GetKind()+" "+native.GetName())
				return c.Apply(ctx, object, options...)
			},
		})
		w.put(moving.Name, enforcedIn(w.namespace))
		w.reconcileEnvironment(w.environments())
		Expect(w.policiesNamed()).To(ConsistOf(warn, enforce, warn+".rest"))
		last := slices.Index(applied, "ValidatingAdmissionPolicy "+warn)
		for _, before := range []string{
			"ValidatingAdmissionPolicy " + enforce, "ValidatingAdmissionPolicyBinding " + enforce,
			"ValidatingAdmissionPolicy " + warn + ".rest", "ValidatingAdmissionPolicyBinding " + warn + ".rest",
		} {
			Expect(slices.Index(applied, before)).To(And(BeNumerically(">=", 0), BeNumerically("<", last)), before)
		}

		By("moving back")
		applied = nil
		w.put(moving.Name, func(state *v1alpha1.GuardrailState) {
			state.Level, state.Ring, state.RingNamespaces = v1alpha1.Warn, "", nil
		})
		w.reconcileEnvironment(w.environments())
		Expect(w.policiesNamed()).To(ConsistOf(warn))
	})

	It("enforces in the namespaces of the ring, and warns a namespace that comes", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		w.joined("empty")
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())
		w.put(rule.Name, enforcedIn(w.namespace))
		w.reconcileEnvironment(w.environments())

		Expect(admin.Create(ctx, testenv.Namespace(w.namespace+"-new", map[string]string{"environment": w.policy.Name}))).To(Succeed())
		w.reconcileEnvironment(w.environments())
		var enforce admissionv1.ValidatingAdmissionPolicy
		Expect(admin.Get(ctx, client.ObjectKey{Name: "rampart-" + w.policy.Name + "-enforce"}, &enforce)).To(Succeed())
		Expect(metav1.FormatLabelSelector(enforce.Spec.MatchConstraints.NamespaceSelector)).To(Equal("kubernetes.io/metadata.name in (" + w.namespace + ")"))
	})
})
