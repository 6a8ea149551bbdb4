// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// certainty is what a rule may read without asking whether it is there.
type certainty struct {
	// fields are paths, as pathOf names them.
	fields map[string]bool
	// elements are the fields that every element of a list has, by the list's field name.
	elements map[string][]string
}

// certainAlways is there in every request.
var certainAlways = []string{
	"object.kind", "object.apiVersion", "object.metadata",
	"request.operation", "request.kind", "request.kind.kind",
	"request.resource", "request.resource.resource", "request.userInfo",
}

// certainOfNamespace is there for every object that is in a namespace.
var certainOfNamespace = []string{"namespaceObject.metadata", "namespaceObject.metadata.name"}

// certainOfWorkloads is there for every workload.
var certainOfWorkloads = []string{
	"object.spec",
	"variables." + variablePodTemplate, "variables." + variablePodSpec,
	"variables." + variableContainers, "variables." + variablePodSpec + ".containers",
}

// certainInWorkloads are the fields of the elements of lists in a pod.
var certainInWorkloads = map[string][]string{
	"containers": {"name"}, "initContainers": {"name"}, "ephemeralContainers": {"name"},
	"env": {"name"}, "ports": {"containerPort"}, "volumes": {"name"}, "volumeMounts": {"name", "mountPath"},
}

// certainOf is what the API server, or the operator, guarantees to a rule.
func certainOf(spec v1alpha1.GuardrailSpec) certainty {
	c := certainty{fields: map[string]bool{}, elements: map[string][]string{}}
	c.add(certainAlways...)
	for _, p := range spec.Parameters {
		c.add(variablesName+"."+variableParams, variablesName+"."+variableParams+"."+p.Name)
	}
	if len(spec.Resources) == 0 {
		c.add(certainOfNamespace...)
		c.add(certainOfWorkloads...)
		maps.Copy(c.elements, certainInWorkloads)
	} else {
		c.addResources(spec.Resources)
	}
	all := certaintyOf(reflect.TypeFor[Surroundings](), variablesName)
	for name, surrounding := range surroundingVariables {
		if slices.Contains(spec.Surroundings, surrounding) {
			c.add(variablesName + "." + name)
			// A Service's ports are not a container's: what both have is certain.
			c.merge(all.elements)
		}
	}
	return c
}

func (c certainty) add(paths ...string) {
	for _, path := range paths {
		c.fields[path] = true
	}
}

// merge adds lists; of two with the same name, the fields that both have.
func (c certainty) merge(elements map[string][]string) {
	for list, fields := range elements {
		if known, there := c.elements[list]; there {
			fields = slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return !slices.Contains(known, f) })
		}
		c.elements[list] = fields
	}
}

// addResources adds what the types of all the resources guarantee. A custom resource has
// no type, and guarantees nothing.
func (c certainty) addResources(resources []v1alpha1.ResourceRule) {
	inNamespace := true
	common := map[string]int{}
	for _, r := range resources {
		inNamespace = inNamespace && kindOf(r) != namespaceKind
		empty := emptyObject(kindOf(r))
		if empty == nil {
			continue
		}
		of := certaintyOf(reflect.TypeOf(empty).Elem(), "object")
		for path := range of.fields {
			common[path]++
		}
		c.merge(of.elements)
	}
	for path, n := range common {
		if n == len(resources) {
			c.add(path)
		}
	}
	if inNamespace {
		c.add(certainOfNamespace...)
	}
}

// certaintyOf is what an API type guarantees: what JSON never leaves out and what is never
// null. That is a scalar without omitempty, and a struct that is no pointer.
func certaintyOf(t reflect.Type, path string) certainty {
	c := certainty{fields: map[string]bool{}, elements: map[string][]string{}}
	c.visit(t, path, map[reflect.Type]bool{})
	return c
}

// opaque are structs that JSON writes as something else.
var opaque = []reflect.Type{reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime](), reflect.TypeFor[resource.Quantity]()}

func (c certainty) visit(t reflect.Type, path string, above map[reflect.Type]bool) {
	if above[t] {
		return // A type that contains itself.
	}
	above[t] = true
	defer delete(above, t)
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported() || slices.Contains(opaque, field.Type):
		case name == "" && field.Anonymous && field.Type.Kind() == reflect.Struct:
			c.visit(field.Type, path, above)
		case field.Type.Kind() == reflect.Struct && path != "":
			if !strings.Contains(options, "omitzero") {
				c.add(path + "." + name)
				c.visit(field.Type, path+"."+name, above)
			}
		case isScalar(field.Type) && path != "":
			if !strings.Contains(options, "omit") {
				c.add(path + "." + name)
			}
		default:
			c.visitList(name, field.Type, above)
		}
	}
}

// visitList notes what the elements of a list guarantee, and looks for lists in it. Below
// a list or a pointer there is no path from the object.
func (c certainty) visitList(name string, t reflect.Type, above map[reflect.Type]bool) {
	isList := t.Kind() == reflect.Slice
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || slices.Contains(opaque, t) {
		return
	}
	if isList {
		c.merge(map[string][]string{name: scalarsOf(t)})
	}
	c.visit(t, "", above)
}

// scalarsOf are the scalars that a type never leaves out.
func scalarsOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if isScalar(t.Field(i).Type) && name != "" && name != "-" && !strings.Contains(options, "omit") {
			names = append(names, name)
		}
	}
	return names
}

func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64:
		return true
	}
	return false
}
