// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// deployment runs containers of the given images, named by their position.
func deployment(images ...string) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "production"}}
	for i, image := range images {
		d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers,
			corev1.Container{Name: string(rune('a' + i)), Image: image})
	}
	return d
}

func TestEvaluateFindsInEveryKind(t *testing.T) {
	p := mustCompile(t, findingsSpec("variables.containers.map(c, {'key': c.name, 'text': object.kind})"))
	for _, s := range workloadSpecimens() {
		w := NewWithT(t)
		verdict, err := p.Evaluate(t.Context(), Input{Object: s.subject.object})
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(verdict.Outcome).To(Equal(OutcomeViolated), s.description)
		w.Expect(verdict.Findings[0].Text).To(Equal(s.subject.gvk.Kind))
	}
}

func TestEvaluateJudgesOnlyItsKinds(t *testing.T) {
	p := mustCompile(t, findingsSpec("[{'key': 'a', 'text': 'b'}]", v1alpha1.KindDeployment))
	for _, kind := range workload.Kinds() {
		w := NewWithT(t)
		verdict, err := p.Evaluate(t.Context(), Input{Object: workload.New(kind)})
		w.Expect(err).NotTo(HaveOccurred())
		judged := kind == v1alpha1.KindDeployment
		w.Expect(p.Judges(kind)).To(Equal(judged))
		if judged {
			w.Expect(verdict.Outcome).To(Equal(OutcomeViolated))
		} else {
			w.Expect(verdict.Outcome).To(Equal(OutcomeClean))
		}
	}
}

func TestFindingsAreSortedUniqueAndShort(t *testing.T) {
	w := NewWithT(t)
	p := mustCompile(t, findingsSpec(`[{'key': 'b', 'text': 'two\nlines'}, {'key': 'a', 'text': '`+strings.Repeat("é", 200)+`'}, {'key': 'b', 'text': 'two\nlines'}]`))
	verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x")})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(verdict.Findings).To(Equal([]v1alpha1.Finding{
		{Key: "a", Text: strings.Repeat("é", 150)}, {Key: "b", Text: "two lines"},
	}))
}

func TestValidationsAreFindings(t *testing.T) {
	w := NewWithT(t)
	p := mustCompile(t, validationsSpec(
		v1alpha1.Validation{Expression: "object.kind == 'Pod'", Message: "is no pod"},
		v1alpha1.Validation{Expression: "object.kind == 'Deployment'", Message: "is no deployment"},
		v1alpha1.Validation{Expression: "object.kind == 'Job' // a comment", Message: "is no pod"},
		v1alpha1.Validation{Expression: "false", MessageExpression: "'is a ' + object.kind"},
		v1alpha1.Validation{Expression: "false", Message: "said plainly", MessageExpression: "string(object.spec.absent)"},
	))
	verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x")})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(verdict.Findings).To(Equal([]v1alpha1.Finding{
		{Key: "is no pod", Text: "is no pod"},
		{Key: "is no pod (2)", Text: "is no pod"},
		{Key: "said plainly", Text: "said plainly"},
		{Key: "validation 4", Text: "is a Deployment"},
	}))
}

func TestAnErrorIsUnknownAndNeverClean(t *testing.T) {
	for name, p := range map[string]*Program{
		"a missing field":    mustCompile(t, findingsSpec("object.spec.absent == 1 ? [] : []")),
		"a finding less key": mustCompile(t, findingsSpec("[{'text': 'x'}]")),
		"an unknown namespace": mustCompile(t, findingsSpec(
			"namespaceObject.metadata.name == 'x' ? [{'key': 'a', 'text': 'b'}] : []")),
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x")})
			w.Expect(err).To(MatchError(ContainSubstring("Deployment production/shop")))
			w.Expect(verdict).To(Equal(Verdict{}))
			w.Expect(verdict.Outcome).To(Equal(OutcomeUnknown))
		})
	}
	_, err := mustCompile(t, findingsSpec("[]")).Evaluate(t.Context(), Input{Object: &corev1.Service{}})
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("it is about workloads")))
}

func TestRatchetForgivesWhatTheOldObjectHad(t *testing.T) {
	p := catalogued(t, "image-pinned")
	for name, c := range map[string]struct {
		old, now *appsv1.Deployment
		fresh    int
	}{
		"a new object has only new findings":   {nil, deployment("x", "y"), 2},
		"an unchanged finding is forgiven":     {deployment("x"), deployment("x"), 0},
		"a further finding is new":             {deployment("x"), deployment("x", "y"), 1},
		"another image is a new finding":       {deployment("x"), deployment("y"), 1},
		"a clean object that stays clean":      {deployment("x:1"), deployment("x:2"), 0},
		"a clean object that becomes unpinned": {deployment("x:1"), deployment("x"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			in := Input{Object: c.now}
			if c.old != nil {
				in.OldObject = c.old
			}
			verdict, err := p.Evaluate(t.Context(), in)
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(verdict.New).To(HaveLen(c.fresh))
		})
	}
}

func TestRulesSeeTheChangeAndItsNamespace(t *testing.T) {
	w := NewWithT(t)
	p := mustCompile(t, findingsSpec("[{'key': 'a', 'text': request.operation + ' ' + request.resource.resource + ' in ' + namespaceObject.metadata.name + "+
		"(oldObject == null ? '' : ', it was ' + oldObject.metadata.name)}]"))
	in := Input{Object: deployment("x"), Namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "production"}}}
	verdict, err := p.Evaluate(t.Context(), in)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(verdict.Findings[0].Text).To(Equal("CREATE deployments in production"))

	in.OldObject = deployment("x")
	verdict, err = p.Evaluate(t.Context(), in)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(verdict.Findings[0].Text).To(Equal("UPDATE deployments in production, it was shop"))
	w.Expect(verdict.New).To(Equal(verdict.Findings), "a rule about changes is not ratcheted")
}

func TestManifestsReadLikeStoredObjects(t *testing.T) {
	w := NewWithT(t)
	p := catalogued(t, "resource-requests")
	manifest := map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"spec": map[string]any{
			"initContainers": nil, "unknown": "field",
			"containers": []any{map[string]any{"name": "a", "resources": nil}},
		},
	}
	verdict, err := p.Evaluate(t.Context(), Input{Object: &unstructured.Unstructured{Object: manifest}})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(verdict.Findings).To(HaveLen(2))

	_, err = p.Evaluate(t.Context(), Input{Object: &unstructured.Unstructured{Object: map[string]any{"apiVersion": "other/v1", "kind": "Pod"}}})
	w.Expect(err).To(MatchError(ContainSubstring("other/v1 Pod")))
}

// nothingAround is what was looked for everywhere and found nowhere.
var nothingAround = &Surroundings{
	Missing: []MissingReference{}, DisruptionBudgets: []DisruptionBudget{}, Services: []Service{}, ClaimedHosts: []ClaimedHost{},
}

func TestEvaluateChangesNoSharedObject(t *testing.T) {
	w := NewWithT(t)
	shared := deployment("x")
	shared.Spec.Replicas = ptr.To[int32](1)
	before := shared.DeepCopyObject()
	for _, g := range catalogue(t) {
		_, err := compiled(t, g).Evaluate(t.Context(), Input{Object: shared, OldObject: shared, Surroundings: nothingAround})
		w.Expect(err).NotTo(HaveOccurred())
	}
	w.Expect(runtime.Object(shared)).To(Equal(before))

	widget := unstructuredObject("example.com/v1", "Widget")
	same := widget.DeepCopy()
	_, err := mustCompile(t, resourceSpec(anyObject, widgets)).Evaluate(t.Context(), Input{Object: widget, OldObject: widget})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(widget).To(Equal(same))
}

func BenchmarkEvaluateCatalogue(b *testing.B) {
	var programs []*Program
	for _, g := range catalogue(b) {
		programs = append(programs, compiled(b, g))
	}
	object := deployment("a:1", "b", "c:latest")
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range programs {
			if _, err := p.Evaluate(b.Context(), Input{Object: object, Surroundings: nothingAround}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
