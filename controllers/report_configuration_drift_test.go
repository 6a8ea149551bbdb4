// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// environmentFrom a ConfigMap, whole.
func environmentFrom(name string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{
			ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
		}}
	}
}

// restartRollout is what `kubectl rollout restart` does, to its end.
func (w *world) restartRollout(name string) {
	GinkgoHelper()
	w.change(name, dana, func(d *appsv1.Deployment) {
		d.Spec.Template.Annotations = with(d.Spec.Template.Annotations, "kubectl.kubernetes.io/restartedAt", "now")
	})
	w.rollOut(name)
}

// configurationDrift is what the report of a Deployment says; empty when it says nothing.
func (w *world) configurationDrift(name string) string {
	GinkgoHelper()
	condition := meta.FindStatusCondition(w.report(name).Status.Conditions, v1alpha1.ConditionConfigurationDrifted)
	if condition == nil {
		return ""
	}
	return condition.Message
}

var _ = Describe("Configuration drift", func() {
	configured := func(edit ...func(*v1alpha1.EnvironmentPolicySpec)) *world {
		w := newWorld(v1alpha1.Staging, edit...)
		w.joined("empty")
		w.configMap("shop", "info")
		w.running("shop", environmentFrom("shop"))
		w.look("shop")
		w.later(2 * time.Second)
		w.configMap("shop", "debug")
		return w
	}

	It("is told once, after a release would have replaced the pods, until they are", func() {
		w := configured()
		w.look("shop")
		Expect(w.configurationDrift("shop")).To(BeEmpty(), "the template may follow")
		w.later(time.Minute)
		w.look("shop")
		Expect(w.configurationDrift("shop")).To(And(ContainSubstring("ConfigMap shop changed at"), ContainSubstring("(key LEVEL)"),
			ContainSubstring(w.podsOf("shop")[0].Name), ContainSubstring("restart the rollout")))
		Expect(w.configurationDrift("shop")).NotTo(Or(ContainSubstring("info"), ContainSubstring("debug")))
		Expect(w.events.all()).To(ContainElement(HavePrefix(telemetry.ReasonConfigDrifted + ":")))
		told, generation := len(w.events.all()), w.deployment("shop").Generation
		w.restartOperator()
		w.look("shop")
		Expect(w.events.all()).To(HaveLen(told))
		Expect(w.deployment("shop").Generation).To(Equal(generation), "it is never corrected")
		Expect(w.report("shop").Status.Drift).To(BeNil())

		By("the pods that start again")
		w.restartRollout("shop")
		w.look("shop")
		Expect(w.configurationDrift("shop")).To(BeEmpty())
		Expect(w.report("shop").Status.Configuration).To(ConsistOf(HaveField("Versions", HaveLen(1))))
	})

	It("is none when the change is undone", func() {
		w := configured()
		w.look("shop")
		w.later(time.Minute)
		w.look("shop")
		Expect(w.configurationDrift("shop")).NotTo(BeEmpty())
		w.configMap("shop", "info")
		w.look("shop")
		Expect(w.configurationDrift("shop")).To(BeEmpty())
	})

	It("is none where drift is ignored", func() {
		w := configured(func(spec *v1alpha1.EnvironmentPolicySpec) {
			spec.Drift = &v1alpha1.DriftPolicy{Mode: v1alpha1.DriftIgnore}
		})
		w.look("shop")
		w.later(time.Hour)
		w.look("shop")
		Expect(w.configurationDrift("shop")).To(BeEmpty())
		Expect(w.report("shop").Status.Configuration).To(BeEmpty())
	})
})
