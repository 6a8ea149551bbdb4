// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"maps"
	"reflect"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// rounds is how often a custom resource is tried for each time that a typed object is: its
// fields may have any type, and any of them may be the one that a rule fails on.
const rounds = 8

// resourceSpecimens are, of each of a rule's resources, a bare one, random ones and one
// with long lists. The fields of custom resources have the given names.
func resourceSpecimens(resources []v1alpha1.ResourceRule, names []string) []specimen {
	var all []specimen
	add := func(r v1alpha1.ResourceRule, description string, object workload.Object) {
		all = append(all, specimen{description: description, subject: &subject{gvk: kindOf(r), resource: r.Resource, object: object}})
	}
	for i, r := range resources {
		for n := range specimensPerKind {
			if empty := emptyObject(kindOf(r)); empty != nil {
				g, description := newGenerator(i, n, r.Kind, "items in its lists")
				add(r, description, g.resource(empty, kindOf(r)))
				continue
			}
			for round := range rounds {
				g, description := newGenerator(i+round*len(resources), n, r.Kind, "items in its lists")
				add(r, description, g.custom(r, names))
			}
		}
	}
	return all
}

// resource fills an object of a kind that the API server has a type for.
func (g generator) resource(object workload.Object, gvk schema.GroupVersionKind) workload.Object {
	g.metadata(object)
	if gvk == namespaceKind {
		object.SetNamespace("")
	}
	v := reflect.ValueOf(object).Elem()
	for i := range v.NumField() {
		switch v.Field(i).Interface().(type) {
		case metav1.TypeMeta, metav1.ObjectMeta:
		default:
			g.fill(v.Field(i), 1)
		}
	}
	object.GetObjectKind().SetGroupVersionKind(gvk)
	return object
}

// custom is a custom resource. Nothing here knows its schema, so that what a rule reads
// may hold anything: one that relies on a type it does not ask for is not proven total.
func (g generator) custom(r v1alpha1.ResourceRule, names []string) workload.Object {
	fields, ok := g.tree(names, maxTree).(map[string]any)
	if !ok {
		fields = map[string]any{}
	}
	for _, own := range []string{"apiVersion", "kind", "metadata"} {
		delete(fields, own)
	}
	object := &unstructured.Unstructured{Object: fields}
	g.metadata(object)
	object.SetGroupVersionKind(kindOf(r))
	return object
}

// maxTree is how deep the fields of a custom resource are nested.
const maxTree = 5

// tree is a map, a list or a scalar; at the top always a map.
func (g generator) tree(names []string, depth int) any {
	shape := g.random.IntN(5)
	switch {
	case depth == maxTree || (depth > 0 && shape < 3):
		fields := map[string]any{}
		for range min(len(names), 6) {
			if g.chance() {
				fields[names[g.random.IntN(len(names))]] = g.tree(names, depth-1)
			}
		}
		return fields
	case depth > 0 && shape == 3:
		items := make([]any, 1+g.random.IntN(3))
		if g.items != 0 {
			items, depth = make([]any, g.items), 1
		}
		for i := range items {
			items[i] = g.tree(names, depth-1)
		}
		return items
	default:
		return []any{g.word(), int64(g.random.IntN(3)), g.chance()}[g.random.IntN(3)]
	}
}

// namesIn are the fields that an expression reads, and its strings, which may be keys.
func namesIn(parsed *cel.Ast) []string {
	names := map[string]bool{}
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			names[e.AsSelect().FieldName()] = true
		case ast.LiteralKind:
			if text, ok := e.AsLiteral().Value().(string); ok {
				names[text] = true
			}
		}
	}))
	return slices.Sorted(maps.Keys(names))
}
