// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/internal/workload"
)

// shipped are the programs of the catalogue, compiled once for all tests.
var shipped struct {
	sync.Once
	programs []*Program
}

func catalogueOfPrograms(t testing.TB) []*Program {
	t.Helper()
	shipped.Do(func() {
		compiler := newTestCompiler(t)
		for _, g := range catalogue(t) {
			p, err := compiler.Compile(g.Name, g.Spec)
			if err != nil {
				t.Fatalf("compile %s: %v", g.Name, err)
			}
			shipped.programs = append(shipped.programs, p)
		}
	})
	if len(shipped.programs) == 0 {
		t.Fatal("the catalogue does not compile")
	}
	return slices.Clone(shipped.programs)
}

// expectSame says that a panel gives, for every rule, the answer of the rule by itself.
func expectSame(t *testing.T, panel *Panel, in Input, description string) {
	t.Helper()
	w := NewWithT(t)
	for i, result := range panel.Evaluate(t.Context(), in) {
		p := panel.Programs()[i]
		verdict, err := p.Evaluate(t.Context(), in)
		w.Expect(result.Program).To(BeIdenticalTo(p))
		if err == nil {
			w.Expect(result.Err).NotTo(HaveOccurred(), "%s on %s", p.Name(), description)
		} else {
			w.Expect(result.Err).To(MatchError(err.Error()), "%s on %s", p.Name(), description)
		}
		w.Expect(result.Verdict).To(Equal(verdict), "%s on %s", p.Name(), description)
	}
}

// generatedInput is a change of a workload, from nearly empty to full of everything.
func generatedInput(random *rand.Rand) Input {
	kinds := workload.Kinds()
	kind := kinds[random.IntN(len(kinds))]
	object := func() runtime.Object {
		g := generator{random: random, density: random.Float64(), containers: random.IntN(4)}
		o := g.workload(workload.New(kind))
		withOneSource(reflect.ValueOf(o).Elem().FieldByName("Spec"))
		return o
	}
	in := Input{Object: object()}
	if random.IntN(2) == 0 {
		in.OldObject = object()
	}
	if random.IntN(4) > 0 {
		in.Namespace = specimenNamespace
	}
	if random.IntN(4) > 0 {
		g := generator{random: random, density: random.Float64()}
		in.Surroundings = g.surroundings()
	}
	return in
}

// withOneSource leaves each volume one source, as the API server demands. A rule that lists
// them would name more than one in another order each time.
func withOneSource(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[corev1.VolumeSource]():
		there := false
		for i := range v.NumField() {
			if there {
				v.Field(i).SetZero()
			}
			there = there || !v.Field(i).IsZero()
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		withOneSource(v.Elem())
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			withOneSource(v.Index(i))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				withOneSource(v.Field(i))
			}
		}
	}
}

func TestPanelAgreesWithEveryRuleOfTheCatalogueOnGeneratedWorkloads(t *testing.T) {
	t.Parallel()
	panel := NewPanel(catalogueOfPrograms(t))
	random := rand.New(rand.NewPCG(3, 5))
	objects := 2000
	if testing.Short() {
		objects = 100
	}
	for i := range objects {
		expectSame(t, panel, generatedInput(random), fmt.Sprintf("generated workload %d", i))
	}
}

func TestPanelAgreesWithEveryRuleOnItsSpecimens(t *testing.T) {
	t.Parallel()
	compiler := newTestCompiler(t)
	for _, p := range catalogueOfPrograms(t) {
		parsed, issues := compiler.parse.Parse(p.source)
		NewWithT(t).Expect(issues.Err()).NotTo(HaveOccurred())
		panel := NewPanel([]*Program{p})
		for _, s := range specimensFor(p.spec, parsed) {
			expectSame(t, panel, Input{Object: s.subject.object, Namespace: specimenNamespace, Surroundings: s.surroundings}, s.description)
		}
	}
}

func TestPanelAgreesOnEveryExampleInEveryForm(t *testing.T) {
	t.Parallel()
	programs := catalogueOfPrograms(t)
	panel := NewPanel(programs)
	for _, p := range programs {
		for _, e := range examples(t, p.Name()) {
			expectSame(t, panel, Input{Object: e.object}, p.Name()+"/"+e.name)
		}
	}
}

// What rules do that the catalogue does not do, or not yet.
var unusualRules = map[string]string{
	"an error on most objects":          "object.spec.replicas > 3 ? [{'key': 'replicas', 'text': 'many'}] : []",
	"an error that is absorbed":         "object.spec.replicas > 3 || variables.containers.size() > 0 ? [{'key': 'a', 'text': 'b'}] : []",
	"an error that exists() absorbs":    "variables.containers.exists(c, c.image.contains('nginx') || c.name == 'container-1') ? [{'key': 'a', 'text': 'b'}] : []",
	"a text that is no string":          "variables.containers.map(c, {'key': dyn(c.name), 'text': dyn(c.name.size())})",
	"a finding without text":            "variables.containers.map(c, {'key': c.name})",
	"no list":                           "dyn(variables.containers.size())",
	"the object before":                 "oldObject == null ? [] : [{'key': 'kind', 'text': string(oldObject.kind)}]",
	"the request":                       "request.operation == 'UPDATE' ? [{'key': 'op', 'text': string(request.name)}] : []",
	"the namespace":                     "namespaceObject == null ? [{'key': 'none', 'text': 'none'}] : [{'key': string(namespaceObject.metadata.name), 'text': 'there'}]",
	"a label of the namespace":          "namespaceObject.metadata.labels.tier == 'gold' ? [] : [{'key': 'tier', 'text': 'no gold'}]",
	"lists with indexes":                "variables.containers.transformList(i, c, i > 0, {'key': string(i), 'text': string(c.name)})",
	"maps that are transformed":         "object.metadata.?labels.orValue({}).transformMap(k, v, v != '', string(k) + string(v)).map(k, {'key': string(k), 'text': 'label'})",
	"keys and values":                   "object.metadata.?labels.orValue({}).exists(k, v, k == v) ? [{'key': 'a', 'text': 'b'}] : []",
	"exactly one":                       "variables.containers.exists_one(c, c.?image.orValue('') != '') ? [] : [{'key': 'one', 'text': 'not one image'}]",
	"optional macros":                   "variables.podSpec.?securityContext.optMap(s, [{'key': 'has', 'text': string(s.?runAsUser.orValue(-1))}]).orValue([])",
	"nested optional macros":            "variables.podSpec.?securityContext.optFlatMap(s, s.?runAsUser).optMap(u, [{'key': 'user', 'text': string(u)}]).orValue([])",
	"an index that may be out of range": "[{'key': string(variables.containers[1].name), 'text': 'second'}]",
	"an optional index":                 "variables.containers[?1].hasValue() ? [{'key': 'second', 'text': string(variables.containers[?1].?image.orValue('none'))}] : []",
	"a key that is computed":            "variables.containers.map(c, {'key': string(c.name), 'text': string(object.metadata.?labels[?c.name].or(object.metadata.?labels[?'app']).orValue('none'))})",
	"a plain field of an optional":      "variables.containers.map(c, {'key': string(c.name), 'text': string(c.?resources.limits.hasValue())})",
	"presence in what is optional":      "variables.containers.filter(c, has(c.?livenessProbe.?httpGet.port) || has(c.?resources.?limits.memory)).map(c, {'key': string(c.name), 'text': 'there'})",
	"presence in what may be no map":    "variables.containers.filter(c, has(c.?image.tag) || has(c.?ports.http)).map(c, {'key': string(c.name), 'text': 'there'})",
	"presence in a variable":            "has(variables.podSpec.hostNetwork) ? [{'key': 'host', 'text': 'there'}] : []",
	"presence in a loop's element":      "variables.containers.filter(c, !has(c.image)).map(c, {'key': string(c.name), 'text': 'no image'})",
	"presence in what is computed":      "has(object.metadata.?labels.orValue({}).app) ? [] : [{'key': 'app', 'text': 'no label'}]",
	"a pattern that is computed":        "variables.containers.filter(c, c.name.matches('^' + object.kind)).map(c, {'key': string(c.name), 'text': 'x'})",
	"quantities":                        "variables.containers.filter(c, has(c.resources.limits) && 'memory' in c.resources.limits && quantity(c.resources.limits.memory).isGreaterThan(quantity('1Mi'))).map(c, {'key': string(c.name), 'text': 'big'})",
	"sets":                              "sets.contains(['nginx', 'x'], variables.containers.map(c, c.?image.orValue(''))) ? [{'key': 'a', 'text': 'b'}] : []",
	"lists of one kind":                 "variables.containers.map(c, c.?image.orValue('')).distinct().map(i, {'key': string(i), 'text': string(i).upperAscii()})",
	"sorting":                           "variables.containers.map(c, c.?image.orValue('')).isSorted() ? [] : [{'key': 'order', 'text': 'unsorted'}]",
	"types":                             "type(object.spec) == map ? [] : [{'key': 'type', 'text': 'no map'}]",
	"arithmetic":                        "object.spec.?replicas.orValue(1) * 2 - 1 > 2 ? [{'key': 'n', 'text': string(object.spec.?replicas.orValue(1) + 1)}] : []",
	"an overflow":                       "object.spec.?replicas.orValue(1) + 9223372036854775807 > 0 ? [] : [{'key': 'n', 'text': 'x'}]",
	"whole structures":                  "variables.containers.filter(c, c.?livenessProbe == c.?readinessProbe).map(c, {'key': string(c.name), 'text': 'same'})",
	"structures and literals":           "variables.podSpec.?securityContext == optional.of({}) ? [{'key': 'empty', 'text': 'empty'}] : []",
	"null":                              "object.spec.?template.?metadata.?creationTimestamp.orValue(null) == null ? [{'key': 'null', 'text': 'null'}] : []",
	"all fields of a structure":         "[{'key': 'fields', 'text': string(variables.podSpec.size())}]",
	"a loop over fields":                "variables.podSpec.exists(f, f == 'hostNetwork') ? [{'key': 'f', 'text': 'f'}] : []",
	"a variable that hides a name":      "variables.containers.map(object, {'key': string(object.name), 'text': string(variables.podSpec.?nodeName.orValue(''))})",
	"loops in loops":                    "variables.containers.exists(a, variables.containers.exists(b, a.name != b.name && a.?image == b.?image)) ? [{'key': 'twice', 'text': 'an image twice'}] : []",
	"membership of a number":            "object.spec.?replicas.orValue(1) in [1, 2] ? [{'key': 'few', 'text': 'few'}] : []",
	"membership in what is computed":    "variables.containers.exists(c, c.name in variables.containers.map(o, o.?image.orValue(''))) ? [{'key': 'a', 'text': 'b'}] : []",
	"addresses":                         "variables.containers.filter(c, isIP(c.?image.orValue(''))).map(c, {'key': string(c.name), 'text': 'ip'})",
	"formats":                           "!format.dns1123Label().validate(object.metadata.?name.orValue('')).hasValue() ? [] : [{'key': 'name', 'text': 'bad'}]",
}

func unusualPrograms(t *testing.T) []*Program {
	t.Helper()
	compiler := newTestCompiler(t)
	var programs []*Program
	for title, source := range unusualRules {
		p, err := compiler.Compile(title, findingsSpec(source))
		if err != nil {
			t.Fatalf("%s: %v", title, err)
		}
		programs = append(programs, p)
	}
	return programs
}

func TestPanelAgreesOnUnusualRules(t *testing.T) {
	t.Parallel()
	panel := NewPanel(unusualPrograms(t))
	random := rand.New(rand.NewPCG(7, 11))
	for i := range 400 {
		expectSame(t, panel, generatedInput(random), fmt.Sprintf("generated workload %d", i))
	}
}

func TestPanelAgreesOnObjectsWithoutAType(t *testing.T) {
	t.Parallel()
	panel := NewPanel(append(unusualPrograms(t), catalogueOfPrograms(t)...))
	random := rand.New(rand.NewPCG(13, 17))
	for i := range 100 {
		in := generatedInput(random)
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(in.Object)
		if err != nil {
			continue // Some of what is generated has no manifest.
		}
		u := &unstructured.Unstructured{Object: content}
		gvk, err := kindOfObject(in.Object)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		u.SetGroupVersionKind(gvk)
		in.Object, in.OldObject = u, nil
		expectSame(t, panel, in, fmt.Sprintf("generated manifest %d", i))
	}
	for title, in := range map[string]Input{
		"no object":                    {},
		"no kind":                      {Object: &unstructured.Unstructured{Object: map[string]any{}}},
		"what no rule is about":        {Object: &corev1.ConfigMap{}},
		"another kind before":          {Object: &corev1.Pod{}, OldObject: &appsv1.Deployment{}},
		"a manifest that is no object": {Object: &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": "none"}}},
	} {
		expectSame(t, panel, in, title)
	}
}

func TestPanelStopsWhenItsCallerDoes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := mustCompile(t, findingsSpec("variables.containers.exists(a, variables.containers.exists(b, a.image != b.image)) ? [{'key': 'a', 'text': 'b'}] : []"))
	in := Input{Object: largeDeployment(40)}
	verdict, err := p.Evaluate(ctx, in)
	NewWithT(t).Expect(err).To(HaveOccurred())
	NewWithT(t).Expect(NewPanel([]*Program{p}).Evaluate(ctx, in)).To(ConsistOf(Result{Program: p, Verdict: verdict, Err: err}))
}

func largeDeployment(containers int) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "large", Namespace: "shop"}}
	for i := range containers {
		d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: fmt.Sprintf("container-%d", i), Image: "app:1"})
	}
	return d
}

// A rule that is cheap on every specimen may still be too expensive for a monster of an
// object. The API server fails on it then, and so must the operator.
func TestPanelMeetsTheCostLimitWhereTheServerDoes(t *testing.T) {
	w := NewWithT(t)
	p := mustCompile(t, findingsSpec("variables.containers.all(a, variables.containers.all(b, a.name == b.name || a.image == b.image)) ? [] : [{'key': 'a', 'text': 'b'}]"))
	w.Expect(p.plan).NotTo(BeNil())
	panel := NewPanel([]*Program{p})
	var failed int
	for _, containers := range []int{10, 100, 200, 300} {
		in := Input{Object: largeDeployment(containers)}
		expectSame(t, panel, in, fmt.Sprintf("%d containers", containers))
		if panel.Evaluate(t.Context(), in)[0].Err != nil {
			failed++
		}
	}
	w.Expect(failed).To(And(BeNumerically(">", 0), BeNumerically("<", 4)))
}

// What a plan reckons must be at least what the API server counts, else it could give an
// answer where the API server gives up.
func TestPlanNeverReckonsLessThanTheServer(t *testing.T) {
	t.Parallel()
	w := NewWithT(t)
	programs := append(catalogueOfPrograms(t), unusualPrograms(t)...)
	random := rand.New(rand.NewPCG(19, 23))
	var compared int
	for range 150 {
		in := generatedInput(random)
		in.OldObject = nil
		after, err := subjectOf(in.Object)
		w.Expect(err).NotTo(HaveOccurred())
		for _, p := range programs {
			// What a search in a map costs depends on its order, which is another each time.
			if p.plan == nil || p.name == "keys and values" || p.name == "a loop over fields" {
				continue
			}
			s := newScene(p.plan.variables, after, nil, in.Namespace, in.Surroundings)
			if s.run(p.plan) == nil {
				continue
			}
			_, cost, err := p.run(t.Context(), after, nil, in.Namespace, in.Surroundings)
			if err != nil {
				continue
			}
			w.Expect(s.cost).To(BeNumerically(">=", cost), p.name)
			compared++
		}
	}
	w.Expect(compared).To(BeNumerically(">", 1000))
}

func TestPanelHasAPlanForEveryRuleOfTheCatalogue(t *testing.T) {
	for _, p := range catalogueOfPrograms(t) {
		NewWithT(t).Expect(p.plan).NotTo(BeNil(), p.name)
	}
}

func BenchmarkPanel(b *testing.B) {
	programs := catalogueOfPrograms(b)
	panel := NewPanel(programs)
	var inputs []Input
	for _, p := range programs {
		for _, e := range examples(b, p.Name()) {
			if s, err := subjectOf(e.object); err == nil && s.gvk.Kind == "Deployment" {
				inputs = append(inputs, Input{Object: s.object})
			}
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		panel.Evaluate(b.Context(), inputs[i%len(inputs)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}
