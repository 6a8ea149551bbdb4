// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// reconcileEnvironment passes, and lets the time pass that the loop asks for, until it asks
// for no other pass soon; the world's policy is what stands afterwards.
func (w *world) reconcileEnvironment(loop *controllers.EnvironmentReconciler) {
	GinkgoHelper()
	for pass := 0; ; pass++ {
		Expect(pass).To(BeNumerically("<", 20), "the loop does not come to rest")
		result, err := w.tryEnvironment(loop)
		Expect(err).NotTo(HaveOccurred())
		if result.RequeueAfter == 0 || result.RequeueAfter > time.Second {
			return
		}
		w.later(result.RequeueAfter)
	}
}

func (w *world) tryEnvironment(loop *controllers.EnvironmentReconciler) (ctrl.Result, error) {
	GinkgoHelper()
	result, err := loop.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(w.policy)})
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.policy), w.policy)).To(Succeed())
	return result, err
}

// ready is the condition Ready of the world's policy.
func (w *world) ready() metav1.Condition {
	GinkgoHelper()
	ready := meta.FindStatusCondition(w.policy.Status.Conditions, v1alpha1.ConditionReady)
	Expect(ready).NotTo(BeNil())
	return *ready
}

// nativePolicies are the native admission policies and bindings of the world's environment.
func (w *world) nativePolicies() []client.Object {
	GinkgoHelper()
	var all []client.Object
	for _, list := range []client.ObjectList{
		&admissionv1.ValidatingAdmissionPolicyList{}, &admissionv1.ValidatingAdmissionPolicyBindingList{},
		&admissionv1.MutatingAdmissionPolicyList{}, &admissionv1.MutatingAdmissionPolicyBindingList{},
	} {
		Expect(admin.List(ctx, list, client.MatchingLabels{guardrail.LabelEnvironment: w.policy.Name})).To(Succeed())
		Expect(meta.EachListItem(list, func(item runtime.Object) error {
			all = append(all, item.(client.Object))
			return nil
		})).To(Succeed())
	}
	return all
}

// validating counts the validating ones among them.
func (w *world) validating() int {
	GinkgoHelper()
	count := 0
	for _, object := range w.nativePolicies() {
		if _, ok := object.(*admissionv1.ValidatingAdmissionPolicy); ok {
			count++
		}
	}
	return count
}

// versions of objects by kind and name.
func versions(objects []client.Object) map[string]string {
	all := map[string]string{}
	for _, object := range objects {
		all[string(object.GetUID())] = object.GetResourceVersion()
	}
	return all
}

// startAtWarn lets the guardrails of the test's case begin at Warn.
func startAtWarn(spec *v1alpha1.EnvironmentPolicySpec) {
	for i := range spec.Guardrails {
		spec.Guardrails[i].StartLevel = v1alpha1.Warn
	}
}

var _ = Describe("EnvironmentPolicy", func() {
	It("records a level before admission gets it", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		recorded := map[string]v1alpha1.Level{}
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
				var policy v1alpha1.EnvironmentPolicy
				Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.policy), &policy)).To(Succeed())
				for _, state := range policy.Status.Guardrails {
					recorded[state.Name] = state.Level
				}
				Expect(recorded).To(HaveKeyWithValue(rule.Name, v1alpha1.Warn), "something was applied before the level was recorded")
				return c.Apply(ctx, object, options...)
			},
		})
		w.reconcileEnvironment(w.environments())

		Expect(recorded).NotTo(BeEmpty())
		Expect(w.validating()).To(BeNumerically(">=", 1))
		Expect(w.policy.Status.History).To(ContainElement(And(
			HaveField("Guardrail", rule.Name), HaveField("To", v1alpha1.Warn), HaveField("Why", Not(BeEmpty())),
		)))
	})

	It("puts nothing in the request path for guardrails that observe, but the stamp of authors", func() {
		w := newWorld(v1alpha1.Staging)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())

		Expect(w.validating()).To(BeZero())
		Expect(w.policy.Status.Levels).To(Equal("1 Observe"))
	})

	It("writes nothing at rest", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		applied := 0
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
				applied++
				return c.Apply(ctx, object, options...)
			},
		})
		loop := w.environments()
		w.reconcileEnvironment(loop)
		asked := applied
		Expect(asked).NotTo(BeZero())
		policy, native := w.policy.ResourceVersion, versions(w.nativePolicies())
		Expect(native).NotTo(BeEmpty())

		w.later(time.Hour)
		w.reconcileEnvironment(loop)
		Expect(w.policy.ResourceVersion).To(Equal(policy))
		Expect(versions(w.nativePolicies())).To(Equal(native))
		Expect(applied).To(Equal(asked), "it does not even ask")

		By("not even after a restart of the operator")
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.ResourceVersion).To(Equal(policy))
		Expect(versions(w.nativePolicies())).To(Equal(native))
	})

	It("repairs a native policy that somebody changed, and one that somebody deleted", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		loop := w.environments()
		w.reconcileEnvironment(loop)
		before := len(w.nativePolicies())
		for _, object := range w.nativePolicies() {
			switch native := object.(type) {
			case *admissionv1.ValidatingAdmissionPolicy:
				native.Spec.Validations = native.Spec.Validations[:0]
				native.Spec.Validations = append(native.Spec.Validations, admissionv1.Validation{Expression: "true"})
				Expect(admin.Update(ctx, native)).To(Succeed())
			case *admissionv1.MutatingAdmissionPolicy:
				Expect(admin.Delete(ctx, native)).To(Succeed())
			}
		}
		w.reconcileEnvironment(loop)

		Expect(w.nativePolicies()).To(HaveLen(before))
		for _, object := range w.nativePolicies() {
			if native, ok := object.(*admissionv1.ValidatingAdmissionPolicy); ok {
				Expect(native.Spec.Validations).NotTo(ContainElement(HaveField("Expression", "true")))
			}
		}
	})

	It("takes away the native policies of a guardrail that is gone, and no others", func() {
		w, other := newWorld(v1alpha1.Production, startAtWarn), newWorld(v1alpha1.Production, startAtWarn)
		rule := acceptedGuardrail(w.policy.Name, ownerFindings)
		acceptedGuardrail(other.policy.Name, ownerFindings)
		loop := w.environments()
		w.reconcileEnvironment(loop)
		other.reconcileEnvironment(other.environments())
		theirs := versions(other.nativePolicies())

		Expect(admin.Delete(ctx, rule)).To(Succeed())
		w.reconcileEnvironment(loop)

		Expect(w.validating()).To(BeZero())
		Expect(w.policy.Status.Guardrails).To(BeEmpty())
		Expect(w.policy.Status.History).To(ContainElement(HaveField("Why", ContainSubstring("does not stand here any more"))))
		Expect(versions(other.nativePolicies())).To(Equal(theirs))
	})

	It("owns its native policies, so that they go with it", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		w.reconcileEnvironment(w.environments())

		Expect(w.nativePolicies()).NotTo(BeEmpty())
		for _, object := range w.nativePolicies() {
			Expect(metav1.IsControlledBy(object, w.policy)).To(BeTrue(), object.GetName())
		}
	})

	It("cedes a namespace to the graver stage, and says so", func() {
		w := newWorld(v1alpha1.Staging)
		graver := newPolicy(w.policy.Name+"-graver", v1alpha1.Production, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.NamespaceSelector = w.policy.Spec.NamespaceSelector
		})
		Expect(admin.Create(ctx, graver)).To(Succeed())
		DeferCleanup(func() { Expect(admin.Delete(ctx, graver)).To(Succeed()) })
		w.reconcileEnvironment(w.environments())

		Expect(w.policy.Status.Namespaces).To(BeZero())
		Expect(w.ready().Reason).To(Equal(v1alpha1.ReasonOverlap))
		Expect(w.ready().Message).To(And(ContainSubstring(w.namespace), ContainSubstring(graver.Name)))
		for _, object := range w.nativePolicies() {
			if binding, ok := object.(*admissionv1.MutatingAdmissionPolicyBinding); ok {
				Expect(binding.Spec.MatchResources.NamespaceSelector.MatchExpressions).To(ContainElement(
					HaveField("Values", ContainElement(w.namespace))), "its native policies must not reach the ceded namespace")
			}
		}
	})

	It("says that the environment it follows does not exist", func() {
		w := newWorld(v1alpha1.Staging, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Follows = &v1alpha1.EnvironmentReference{Name: "no-such-environment"}
		})
		w.reconcileEnvironment(w.environments())

		Expect(w.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonEnvironmentMissing)))
		Expect(w.ready().Message).To(ContainSubstring("no-such-environment"))
	})

	It("says that a guardrail it names does not exist", func() {
		w := newWorld(v1alpha1.Staging, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Guardrails = []v1alpha1.GuardrailEntry{{Name: "no-such-guardrail"}}
		})
		w.reconcileEnvironment(w.environments())

		Expect(w.ready().Status).To(Equal(metav1.ConditionFalse))
		Expect(w.ready().Message).To(ContainSubstring("no-such-guardrail"))
		Expect(meta.IsStatusConditionTrue(w.policy.Status.Conditions, v1alpha1.ConditionStalled)).To(BeTrue())
	})

	It("keeps guardrails where they stand while spec.guardrails has a typing error, and tells once which ones left", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		var names []string
		for range 5 {
			names = append(names, acceptedGuardrail(w.policy.Name, ownerFindings).Name)
		}
		w.reconcileEnvironment(w.environments())
		stood, levels := w.validating(), w.policy.Status.Levels
		Expect(stood).NotTo(BeZero())
		mistake := func(entry v1alpha1.GuardrailEntry, says string) {
			w.policy.Spec.Guardrails = []v1alpha1.GuardrailEntry{entry}
			Expect(admin.Update(ctx, w.policy)).To(Succeed())
			w.reconcileEnvironment(w.environments())
			Expect(w.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonGuardrailMissing)))
			Expect(w.ready().Message).To(And(ContainSubstring(says), ContainSubstring("the 5 guardrails that it does not bring stay as they stood")))
			Expect(w.policy.Status.Levels).To(Equal(levels))
			Expect(w.validating()).To(Equal(stood))
			Expect(w.told(telemetry.ReasonGuardrailWithdrawn)).To(BeFalse())
		}
		mistake(v1alpha1.GuardrailEntry{Name: names[0] + "-misspelt"}, "does not exist")
		mistake(v1alpha1.GuardrailEntry{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"case": "misspelt"}}}, "selects no guardrail")

		w.policy.Spec.Guardrails = []v1alpha1.GuardrailEntry{{Name: names[0], StartLevel: v1alpha1.Warn}}
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		w.reconcileEnvironment(w.environments())
		Expect(w.policy.Status.Guardrails).To(HaveLen(1))
		Expect(w.ready().Message).To(ContainSubstring("; spec.guardrails leaves out"))
		withdrawn := slices.DeleteFunc(w.events.all(), func(note string) bool { return !strings.HasPrefix(note, telemetry.ReasonGuardrailWithdrawn) })
		Expect(withdrawn).To(HaveLen(1))
		Expect(withdrawn[0]).To(ContainSubstring("4 guardrails: withdrawn from Warn"))
		for _, name := range names[1:] {
			Expect(withdrawn[0]).To(ContainSubstring(name))
		}
	})

	It("is stalled, not working on it, when its selector cannot be read", func() {
		w := newWorld(v1alpha1.Staging, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.NamespaceSelector = metav1.LabelSelector{MatchLabels: map[string]string{"no label is like this": "x"}}
		})
		_, err := w.tryEnvironment(w.environments())

		Expect(err).To(HaveOccurred())
		Expect(w.ready().Message).To(ContainSubstring("namespaceSelector"))
		Expect(meta.IsStatusConditionTrue(w.policy.Status.Conditions, v1alpha1.ConditionStalled)).To(BeTrue())
		Expect(meta.FindStatusCondition(w.policy.Status.Conditions, v1alpha1.ConditionReconciling)).To(BeNil())
	})

	It("moves no level while everything is suspended", func() {
		w := newWorld(v1alpha1.Production, startAtWarn, func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Guardrails[0].MaxLevel = v1alpha1.Warn // else its warnings announce what comes next
		})
		acceptedGuardrail(w.policy.Name, ownerFindings)
		loop := w.environments()
		w.reconcileEnvironment(loop)
		Expect(w.policy.Status.Levels).To(Equal("1 Warn"))

		w.policy.Spec.Suspend = v1alpha1.SuspendAll
		w.policy.Spec.Guardrails[0].StartLevel, w.policy.Spec.Guardrails[0].MaxLevel = v1alpha1.Observe, v1alpha1.Observe
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		native := versions(w.nativePolicies())
		w.reconcileEnvironment(loop)

		Expect(w.policy.Status.Levels).To(Equal("1 Warn"))
		Expect(w.ready().Reason).To(Equal(v1alpha1.ReasonSuspended))
		Expect(versions(w.nativePolicies())).To(Equal(native))

		By("moving it once that ends")
		w.policy.Spec.Suspend = v1alpha1.SuspendNone
		Expect(admin.Update(ctx, w.policy)).To(Succeed())
		w.reconcileEnvironment(loop)
		Expect(w.policy.Status.Levels).To(Equal("1 Observe"))
	})

	It("says which permission is missing, when it is refused", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		w.client = interceptor.NewClient(operator, interceptor.Funcs{
			Apply: func(ctx context.Context, _ client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
				nobody := connect(as(rest.ImpersonationConfig{UserName: "nobody"}))
				return nobody.Apply(ctx, object, options...)
			},
		})
		_, err := w.tryEnvironment(w.environments())

		Expect(err).To(HaveOccurred())
		Expect(w.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonPermissionDenied)))
		Expect(w.ready().Message).To(ContainSubstring("nobody"))
	})

	It("says which permission is missing, before it is refused", func() {
		w := newWorld(v1alpha1.Staging)
		loop := w.environments()
		loop.Permissions = controllers.NewPermissions(connect(as(rest.ImpersonationConfig{UserName: "nobody", Groups: []string{"system:authenticated"}})))
		asking, stop := context.WithCancel(ctx)
		defer stop()
		go func() {
			defer GinkgoRecover()
			Expect(loop.Permissions.Start(asking)).To(Succeed())
		}()
		Eventually(loop.Permissions.Missing).ShouldNot(BeEmpty())
		w.reconcileEnvironment(loop)

		Expect(w.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonPermissionDenied)))
		Expect(w.ready().Message).To(ContainSubstring("ClusterRole rampart-manager"))
	})

	It("counts nothing as success that it could not read", func() {
		w := newWorld(v1alpha1.Production, startAtWarn)
		acceptedGuardrail(w.policy.Name, ownerFindings)
		loop := w.environments()
		w.reconcileEnvironment(loop)
		levels, native := w.policy.Status.Levels, versions(w.nativePolicies())

		loop.Client = interceptor.NewClient(operator, interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
				if _, ok := list.(*v1alpha1.ReadinessReportList); ok {
					return errors.New("the API server does not answer")
				}
				return c.List(ctx, list, options...)
			},
		})
		_, err := w.tryEnvironment(loop)

		Expect(err).To(MatchError(ContainSubstring("does not answer")))
		Expect(w.ready().Status).To(Equal(metav1.ConditionFalse))
		Expect(w.policy.Status.Levels).To(Equal(levels))
		Expect(versions(w.nativePolicies())).To(Equal(native))
	})
})
