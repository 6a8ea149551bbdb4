// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// scene is a workload in its namespace, and what is around it.
type scene struct {
	deployment *appsv1.Deployment
	namespace  *corev1.Namespace
	around     *guardrail.Surroundings
}

func (s scene) impression() impression { return impressionOf(s.deployment, s.namespace, s.around) }

func newScene() scene {
	return scene{
		deployment: &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "shop", UID: "1", Generation: 3, ResourceVersion: "10", Labels: map[string]string{"a": "b"}}},
		namespace:  &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", ResourceVersion: "5"}},
		around:     &guardrail.Surroundings{Missing: []guardrail.MissingReference{}},
	}
}

func TestARuleIsEvaluatedAgainOnlyWhenSomethingThatItReadsHasChanged(t *testing.T) {
	plain := v1alpha1.GuardrailSpec{Findings: "[]"}
	ofStatus := v1alpha1.GuardrailSpec{Findings: "object.status.replicas > 1 ? [] : []"}
	ofNamespace := v1alpha1.GuardrailSpec{Validations: []v1alpha1.Validation{{Expression: "namespaceObject.metadata.name != 'a'"}}}
	ofReferences := v1alpha1.GuardrailSpec{Findings: "[]", Surroundings: []v1alpha1.Surrounding{v1alpha1.SurroundingReferences}}
	all := map[string]v1alpha1.GuardrailSpec{"plain": plain, "of the status": ofStatus, "of the namespace": ofNamespace, "of references": ofReferences}
	for _, test := range []struct {
		name   string
		change func(*scene)
		again  []string
	}{
		{"nothing", func(*scene) {}, nil},
		{"the status", func(s *scene) { s.deployment.ResourceVersion = "11" }, []string{"of the status"}},
		{"the spec", func(s *scene) { s.deployment.Generation, s.deployment.ResourceVersion = 4, "11" }, []string{"plain", "of the status", "of the namespace", "of references"}},
		{"a label", func(s *scene) { s.deployment.Labels, s.deployment.ResourceVersion = map[string]string{"a": "c"}, "11" }, []string{"plain", "of the status", "of the namespace", "of references"}},
		{"an annotation", func(s *scene) {
			s.deployment.Annotations, s.deployment.ResourceVersion = map[string]string{"a": "c"}, "11"
		}, []string{"plain", "of the status", "of the namespace", "of references"}},
		{"another object of the name", func(s *scene) { s.deployment.UID = "2" }, []string{"plain", "of the status", "of the namespace", "of references"}},
		{"the namespace", func(s *scene) { s.namespace.ResourceVersion = "6" }, []string{"of the namespace"}},
		{"what is around", func(s *scene) { s.around.Missing = append(s.around.Missing, guardrail.MissingReference{Name: "a"}) }, []string{"of references"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, after := newScene(), newScene()
			test.change(&after)
			var again []string
			for name, rule := range all {
				if !before.impression().stands(readsOf(rule), after.impression()) {
					again = append(again, name)
				}
			}
			NewWithT(t).Expect(again).To(ConsistOf(test.again))
		})
	}
}

func TestWhatNobodyHasLookedAtIsEvaluated(t *testing.T) {
	NewWithT(t).Expect(impression{}.stands(reads{}, impression{})).To(BeFalse())
}

func TestAnObjectOfAKindWithoutGenerationsIsEvaluatedAfterEveryWrite(t *testing.T) {
	g := NewWithT(t)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "1", ResourceVersion: "10"}}
	before := impressionOf(service, &corev1.Namespace{}, nil)
	g.Expect(before.stands(reads{}, impressionOf(service, &corev1.Namespace{}, nil))).To(BeTrue())
	service.ResourceVersion = "11"
	g.Expect(before.stands(reads{}, impressionOf(service, &corev1.Namespace{}, nil))).To(BeFalse())
}

func TestAVerdictThatHoldsIsNotAskedForAgain(t *testing.T) {
	g := NewWithT(t)
	compiler, err := guardrail.NewCompiler(version.MajorMinor(1, 37))
	g.Expect(err).NotTo(HaveOccurred())
	program, err := compiler.Compile("rule", v1alpha1.GuardrailSpec{Findings: "[{'key': 'a', 'text': 'b'}]"})
	g.Expect(err).NotTo(HaveOccurred())
	around := newScene()
	judged := func(was impression, report *v1alpha1.ReadinessReportStatus) bool {
		judgements := subject{
			in:        func(*guardrail.Program) runtime.Object { return around.deployment },
			namespace: around.namespace, surroundings: &surroundings{}, was: was, is: around.impression(),
		}.judge(t.Context(), []standing{{Program: program, rule: program.Digest()}}, report, func(standing) bool { return false })
		g.Expect(judgements).To(HaveLen(1))
		g.Expect(judgements[0].Unchanged).To(Equal(len(judgements[0].Findings) == 0), "what was judged has its finding")
		return !judgements[0].Unchanged
	}
	known := &v1alpha1.ReadinessReportStatus{Guardrails: []v1alpha1.GuardrailVerdict{{Name: "rule", Rule: program.Digest()}}}
	g.Expect(judged(around.impression(), known)).To(BeFalse())
	g.Expect(judged(impression{}, known)).To(BeTrue(), "after a restart")
	g.Expect(judged(around.impression(), &v1alpha1.ReadinessReportStatus{})).To(BeTrue(), "without a verdict")
	rewritten := known.DeepCopy()
	rewritten.Guardrails[0].Rule = "other"
	g.Expect(judged(around.impression(), rewritten)).To(BeTrue(), "by another rule")
	failed := known.DeepCopy()
	failed.Guardrails[0].Error = "no such key"
	g.Expect(judged(around.impression(), failed)).To(BeTrue(), "when it failed")
}
