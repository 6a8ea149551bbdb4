// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"

	"github.com/google/cel-go/cel"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// specimen is a generated object that a rule is tried on when it is compiled. They need
// not be valid: whatever the API server's types can hold, a total rule can judge.
type specimen struct {
	description string
	subject     *subject
	// surroundings that the object has, for rules that read them.
	surroundings *Surroundings
}

// How many specimens of each kind there are, and how large the largest is: its containers,
// or the items of its lists, and of the lists in its surroundings.
const (
	specimensPerKind = 6
	largest          = 100
)

var specimenNamespace = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "specimens"}}

// specimensFor are what a rule is tried on: workloads, or objects of its resources.
func specimensFor(spec v1alpha1.GuardrailSpec, parsed *cel.Ast) []specimen {
	all := workloadSpecimens()
	if len(spec.Resources) != 0 {
		all = resourceSpecimens(spec.Resources, namesIn(parsed))
	}
	if len(spec.Surroundings) != 0 {
		all = surrounded(all)
	}
	return all
}

// workloadSpecimens are the same in every process: of each kind a bare one, random ones
// and a large one.
var workloadSpecimens = sync.OnceValue(func() []specimen {
	var all []specimen
	for i, kind := range workload.Kinds() {
		gvk := workload.GroupVersionKind(kind)
		for n := range specimensPerKind {
			g, description := newGenerator(i, n, string(kind), "containers")
			all = append(all, specimen{
				description: description,
				subject:     &subject{gvk: gvk, resource: workloadResource(gvk), object: g.workload(workload.New(kind))},
			})
		}
	}
	return all
})

// surrounded are the same specimens with surroundings, from none to many.
func surrounded(all []specimen) []specimen {
	with := slices.Clone(all)
	for i := range with {
		g, _ := newGenerator(i, i%specimensPerKind, "", "")
		with[i].surroundings = g.surroundings()
	}
	return with
}

func (g generator) surroundings() *Surroundings {
	s := &Surroundings{Missing: []MissingReference{}, DisruptionBudgets: []DisruptionBudget{}, Services: []Service{}, ClaimedHosts: []ClaimedHost{}}
	g.fillKind(reflect.ValueOf(s).Elem(), 0)
	return s
}

// newGenerator is the n-th for a kind, which is the i-th, with what it makes in words.
func newGenerator(i, n int, kind, many string) (g generator, description string) {
	g = generator{random: rand.New(rand.NewPCG(uint64(i), uint64(n)))}
	switch n {
	case 0:
		return g, fmt.Sprintf("a %s with nothing but its required fields", kind)
	case specimensPerKind - 1:
		g.density, g.containers, g.items = 1, largest, largest
		return g, fmt.Sprintf("a %s with %d %s", kind, largest, many)
	default:
		g.density, g.containers = 0.25*float64(n), 1+g.random.IntN(3)
		return g, fmt.Sprintf("a generated %s (%d)", kind, n)
	}
}

// generator fills API types at random.
type generator struct {
	random *rand.Rand
	// density is how likely an optional field is set, from 0 to 1.
	density float64
	// containers in each pod; 0 means one with nothing but its name.
	containers int
	// items in each list that is in no other, outside of workloads; 0 means a few.
	items int
}

// maxDepth ends the generation of types that are deep or contain themselves.
const maxDepth = 14

func (g generator) workload(object workload.Object) workload.Object {
	g.items = 0 // Large workloads have many containers, and each of them a few of everything.
	g.metadata(object)
	if rc, ok := object.(*corev1.ReplicationController); ok {
		rc.Spec.Template = &corev1.PodTemplateSpec{} // The API server refuses one without.
	}
	g.fill(reflect.ValueOf(object).Elem().FieldByName("Spec"), 0)
	return object
}

func (g generator) metadata(object metav1.Object) {
	object.SetName("specimen")
	object.SetNamespace(specimenNamespace.Name)
	if g.chance() {
		object.SetLabels(map[string]string{"app": "specimen", "owner": g.word()})
	}
	if g.chance() {
		object.SetAnnotations(map[string]string{"note": g.word()})
	}
}

func (g generator) chance() bool { return g.random.Float64() < g.density }

// word is what a string field may hold: things that rules look for among them.
func (g generator) word() string {
	words := []string{"", "x", "default", "nginx", "nginx:latest", "registry.example.com:5000/team/app:1.2.3",
		"app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "Always", "windows", "é✓"}
	return words[g.random.IntN(len(words))]
}

func (g generator) fill(v reflect.Value, depth int) {
	switch value := v.Addr().Interface().(type) {
	case *resource.Quantity:
		*value = resource.MustParse([]string{"0", "50m", "2", "64Mi"}[g.random.IntN(4)])
		return
	case *intstr.IntOrString:
		*value = []intstr.IntOrString{intstr.FromInt32(8080), intstr.FromString("25%")}[g.random.IntN(2)]
		return
	case *metav1.Time:
		*value = metav1.Unix(1700000000, 0)
		return
	case *corev1.PodSpec:
		g.podSpec(value, depth)
		return
	}
	g.fillKind(v, depth)
}

func (g generator) fillKind(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				g.fill(v.Field(i), depth+1)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			g.fill(v.Elem(), depth+1)
		} else if depth < maxDepth && g.chance() {
			v.Set(reflect.New(v.Type().Elem()))
			g.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if depth < maxDepth && g.chance() {
			length := g.random.IntN(3)
			if g.items != 0 {
				length, g.items = g.items, 0
			}
			v.Set(reflect.MakeSlice(v.Type(), length, length))
			for i := range v.Len() {
				g.fill(v.Index(i), depth+1)
			}
		}
	case reflect.Map:
		if depth < maxDepth && g.chance() {
			g.fillMap(v, depth)
		}
	case reflect.String:
		if g.chance() {
			v.SetString(g.word())
		}
	case reflect.Bool:
		v.SetBool(g.chance())
	case reflect.Int, reflect.Int32, reflect.Int64:
		if g.chance() {
			v.SetInt(int64(g.random.IntN(3)))
		}
	}
}

func (g generator) fillMap(v reflect.Value, depth int) {
	v.Set(reflect.MakeMap(v.Type()))
	for _, key := range []string{"cpu", "memory", "app"} {
		if !g.chance() {
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		g.fill(element, depth+1)
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), element)
	}
}

// podSpec fills a pod spec as admission sees it: with a container, and with names that differ.
func (g generator) podSpec(spec *corev1.PodSpec, depth int) {
	g.fillKind(reflect.ValueOf(spec).Elem(), depth)
	spec.Containers = make([]corev1.Container, max(g.containers, 1))
	spec.InitContainers, spec.EphemeralContainers = nil, nil
	for i := range spec.Containers {
		g.fill(reflect.ValueOf(&spec.Containers[i]).Elem(), depth+1)
		spec.Containers[i].Name = fmt.Sprintf("container-%d", i)
	}
	if g.chance() {
		spec.InitContainers = make([]corev1.Container, 1)
		g.fill(reflect.ValueOf(&spec.InitContainers[0]).Elem(), depth+1)
		spec.InitContainers[0].Name = "init"
	}
	if g.chance() {
		spec.EphemeralContainers = []corev1.EphemeralContainer{{}}
		g.fill(reflect.ValueOf(&spec.EphemeralContainers[0]).Elem(), depth+1)
		spec.EphemeralContainers[0].Name = "debugger"
	}
}
