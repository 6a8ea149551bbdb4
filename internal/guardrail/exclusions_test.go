// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestExclusionsLeaveOutWhatTheyName(t *testing.T) {
	excluding := func(t *testing.T, spec v1alpha1.GuardrailSpec, exclusions ...v1alpha1.Exclusion) *Program {
		p, err := newTestCompiler(t).CompileFor("rule", spec, Settings{Exclusions: exclusions})
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		return p
	}
	named := func(name string) *appsv1.Deployment {
		d := deployment("x")
		d.Name = name
		return d
	}
	workloads := findingsSpec("[{'key': 'a', 'text': 'b'}]")
	overNamespaces := resourceSpec("[{'key': 'a', 'text': 'b'}]", namespaces)
	generated := named("")
	generated.GenerateName = "shop"
	for name, c := range map[string]struct {
		spec      v1alpha1.GuardrailSpec
		exclusion v1alpha1.Exclusion
		object    runtime.Object
		excluded  bool
	}{
		"everything in a namespace":         {workloads, v1alpha1.Exclusion{Namespace: "production"}, named("shop"), true},
		"nothing in another namespace":      {workloads, v1alpha1.Exclusion{Namespace: "staging"}, named("shop"), false},
		"every object of a kind":            {workloads, v1alpha1.Exclusion{Namespace: "production", Kind: "Deployment"}, named("shop"), true},
		"nothing of another kind":           {workloads, v1alpha1.Exclusion{Namespace: "production", Kind: "Job"}, named("shop"), false},
		"one object":                        {workloads, v1alpha1.Exclusion{Namespace: "production", Kind: "Deployment", Name: "shop"}, named("shop"), true},
		"no other object":                   {workloads, v1alpha1.Exclusion{Namespace: "production", Kind: "Deployment", Name: "shop"}, named("till"), false},
		"an object of any kind with a name": {workloads, v1alpha1.Exclusion{Namespace: "production", Name: "shop"}, named("shop"), true},
		"no object that is not named yet":   {workloads, v1alpha1.Exclusion{Namespace: "production", Name: "shop"}, generated, false},
		"a Namespace by its name":           {overNamespaces, v1alpha1.Exclusion{Namespace: "shop"}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, true},
		"no other Namespace":                {overNamespaces, v1alpha1.Exclusion{Namespace: "shop"}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "till"}}, false},
		"a name that would end a literal":   {workloads, v1alpha1.Exclusion{Namespace: "production", Name: `" || true || "`}, named("shop"), false},
		"one of a custom kind":              {resourceSpec("[{'key': 'a', 'text': 'b'}]", widgets), v1alpha1.Exclusion{Namespace: "shop", Kind: "Widget"}, unstructuredObject("example.com/v1", "Widget"), true},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			c.exclusion.Reason = "agreed in the platform meeting"
			never := v1alpha1.Exclusion{Namespace: "never", Reason: "x"}
			p := excluding(t, c.spec, never, c.exclusion)
			w.Expect(p.Partial()).To(BeEmpty())
			verdict, err := p.Evaluate(t.Context(), Input{Object: c.object})
			w.Expect(err).NotTo(HaveOccurred())
			if c.excluded {
				w.Expect(p.Excluded(c.object)).To(Equal(c.exclusion.Reason))
				w.Expect(verdict.Outcome).To(Equal(OutcomeClean))
			} else {
				w.Expect(p.Excluded(c.object)).To(BeEmpty())
				w.Expect(verdict.Outcome).To(Equal(OutcomeViolated))
			}
		})
	}
}

func TestExclusionsStandInWhatIsRenderedForTheOldObjectToo(t *testing.T) {
	w := NewWithT(t)
	p, err := newTestCompiler(t).CompileFor("rule", findingsSpec("[{'key': 'a', 'text': 'b'}]"),
		Settings{Exclusions: []v1alpha1.Exclusion{{Namespace: "shop", Reason: "r"}}})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(p.source).To(ContainSubstring("object.metadata.?namespace"))
	w.Expect(p.before).To(ContainSubstring("oldObject.metadata.?namespace"))
	w.Expect(p.ratcheted).To(BeTrue())
}

func TestThirtyTwoExclusionsFitTheBudget(t *testing.T) {
	var exclusions []v1alpha1.Exclusion
	for i := range 32 {
		long := string(rune('a'+i%26)) + "23456789012345678901234567890123456789012345678901234567890123"
		exclusions = append(exclusions, v1alpha1.Exclusion{Namespace: long, Kind: "Deployment", Name: long, Reason: "r"})
	}
	p, err := newTestCompiler(t).CompileFor("rule", findingsSpec("[]"), Settings{Exclusions: exclusions})
	w := NewWithT(t)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(p.Cost()).To(BeNumerically("<", 5000))
}
