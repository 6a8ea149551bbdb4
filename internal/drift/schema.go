// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
)

// specs are the types of the specs that are compared. A field that none of them has is not
// read by this operator, and so never differs.
var specs = []reflect.Type{
	reflect.TypeFor[appsv1.DeploymentSpec](), reflect.TypeFor[appsv1.StatefulSetSpec](), reflect.TypeFor[appsv1.DaemonSetSpec](),
}

// descend is one step of a pattern down from what has one of these types and stands at outer.
// It refuses a step to which Diff goes nowhere.
func descend(types []reflect.Type, outer Path, step Step) ([]reflect.Type, error) {
	at := types[0]
	switch {
	case at.Kind() == reflect.Slice:
		return []reflect.Type{pointed(at.Elem())}, itemStep(outer, step)
	case step.Item != nil:
		return nil, fmt.Errorf("%s is no list", outer)
	case at.Kind() == reflect.Map:
		return []reflect.Type{pointed(at.Elem())}, nil
	}
	var below []reflect.Type
	for _, t := range types {
		if field := fieldOf(t, step.Field); field != nil && !slices.Contains(below, field) {
			below = append(below, field)
		}
	}
	if len(below) == 0 {
		return nil, noField(types, outer, step.Field)
	}
	return below, nil
}

// itemStep refuses a step into a list that does not name an item by its merge key.
func itemStep(outer Path, step Step) error {
	list := outer[len(outer)-1].Field
	switch names := mergeKeys[list]; {
	case names == nil:
		return fmt.Errorf("%s is compared as a whole: name %s", list, outer)
	case step.Item == nil:
		return fmt.Errorf("%s is a list: name an item as %s, or all of them with %s", list, itemOf(list, "…"), itemOf(list, anyValue))
	case !slices.Equal(namesOf(step.Item), names):
		return fmt.Errorf("an item of %s is named as %s", list, itemOf(list, "…"))
	}
	return nil
}

func noField(types []reflect.Type, outer Path, name string) error {
	var names []string
	for _, t := range types {
		names = append(names, fieldsOf(t)...)
	}
	if len(names) == 0 {
		return fmt.Errorf("%s has no fields: name %s", outer, outer)
	}
	text := fmt.Sprintf("%s is no field of %s", name, outer)
	if meant := nearest(name, names); meant != "" {
		text += "; did you mean " + meant + "?"
	}
	return fmt.Errorf("%s", text)
}

// fieldOf a type, as JSON names it; nil when it has none of the name.
func fieldOf(t reflect.Type, name string) reflect.Type {
	if isValue(t) {
		return nil
	}
	for i := range t.NumField() {
		field := t.Field(i)
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if inlined(field, tag) {
			if found := fieldOf(pointed(field.Type), name); found != nil {
				return found
			}
		} else if tag == name {
			return pointed(field.Type)
		}
	}
	return nil
}

// fieldsOf a type, as JSON names them.
func fieldsOf(t reflect.Type) []string {
	if isValue(t) {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		field := t.Field(i)
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if inlined(field, tag) {
			names = append(names, fieldsOf(pointed(field.Type))...)
		} else {
			names = append(names, tag)
		}
	}
	return names
}

// inlined says whether the fields of an embedded type are those of the type itself.
func inlined(field reflect.StructField, tag string) bool { return field.Anonymous && tag == "" }

// isValue says whether a type is one value in JSON: a number, a text, a quantity, a time.
func isValue(t reflect.Type) bool {
	return t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Marshaler]())
}

func pointed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// nearest is the name that was likely meant: it differs by case, or by few letters; empty when
// none is near.
func nearest(name string, names []string) string {
	best, distance := "", 1+max(1, len(name)/4)
	for _, candidate := range names {
		if d := edits(strings.ToLower(name), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// edits is how many letters must be added, removed or replaced to make b of a (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
