// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Leaf is one difference between two versions of an object: the smallest field, list
// item or whole list that explains it.
type Leaf struct {
	// Path of the field.
	Path Path
	// Was is the JSON value in the first version; nil when the field was not there.
	Was any
	// Is is the JSON value in the second version; nil when the field is not there.
	Is any
	// Index is where the one version has it, when it is an item of a list that the other
	// lacks: where it belongs when it comes there.
	Index int
}

// Diff returns the leaves in which two versions of one object differ, additions and
// removals included, in the order of their paths. Both are JSON as
// k8s.io/apimachinery/pkg/runtime.DefaultUnstructuredConverter makes it. Quantities that
// mean the same are the same, empty maps of entries and empty lists are as if they were
// not there, and the order of lists with a merge key does not count, but for init
// containers, which run in it.
func Diff(was, is map[string]any) []Leaf {
	var d differ
	d.maps(nil, was, is)
	return d.leaves
}

type differ struct{ leaves []Leaf }

func (d *differ) values(path Path, was, is any, index int) {
	field := lastField(path)
	switch {
	case granularMaps[field] && isMapOrNil(was) && isMapOrNil(is):
		d.maps(path, asMap(was), asMap(is))
		return
	case isListOrNil(was) && isListOrNil(is):
		d.lists(path, field, asList(was), asList(is))
		return
	}
	wasMap, wasIsMap := was.(map[string]any)
	isMap, isIsMap := is.(map[string]any)
	if wasIsMap && isIsMap {
		d.maps(path, wasMap, isMap)
		return
	}
	if !same(path, was, is) {
		d.leaves = append(d.leaves, Leaf{Path: path, Was: was, Is: is, Index: index})
	}
}

func (d *differ) maps(path Path, was, is map[string]any) {
	fields := slices.Collect(maps.Keys(was))
	for field := range is {
		if _, both := was[field]; !both {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	for _, field := range fields {
		d.values(path.Field(field), was[field], is[field], 0)
	}
}

func (d *differ) lists(path Path, field string, was, is []any) {
	wasItems, wasKeyed := keyed(field, was)
	isItems, isKeyed := keyed(field, is)
	if !wasKeyed || !isKeyed || (field == "initContainers" && reordered(wasItems, isItems)) {
		if len(was)+len(is) > 0 && !same(path, was, is) {
			d.leaves = append(d.leaves, Leaf{Path: path, Was: orNil(was), Is: orNil(is)})
		}
		return
	}
	for index, item := range wasItems {
		other, _ := find(isItems, item.key)
		d.values(path.ListItem(item.key), item.value, other, index)
	}
	for index, item := range isItems {
		if _, both := find(wasItems, item.key); !both {
			d.values(path.ListItem(item.key), nil, item.value, index)
		}
	}
}

// same compares two values that are not descended into.
func same(path Path, was, is any) bool {
	if equality.Semantic.DeepEqual(was, is) {
		return true
	}
	if isQuantity(path) {
		return sameQuantity(was, is)
	}
	a, aIsNumber := number(was)
	b, bIsNumber := number(is)
	return aIsNumber && bIsNumber && a == b
}

// quantityFields are fields outside of resource lists whose value is a quantity.
var quantityFields = map[string]bool{"sizeLimit": true, "divisor": true}

// resourceLists are maps from a resource to a quantity.
var resourceLists = map[string]bool{"limits": true, "requests": true, "overhead": true, "capacity": true}

func isQuantity(path Path) bool {
	return quantityFields[lastField(path)] || (len(path) > 1 && resourceLists[lastField(path[:len(path)-1])])
}

func sameQuantity(was, is any) bool {
	a, aOK := was.(string)
	b, bOK := is.(string)
	if !aOK || !bOK {
		return false
	}
	x, errX := resource.ParseQuantity(a)
	y, errY := resource.ParseQuantity(b)
	return errX == nil && errY == nil && x.Cmp(y) == 0
}

func number(value any) (float64, bool) {
	switch n := value.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func lastField(path Path) string {
	if len(path) == 0 {
		return ""
	}
	return path[len(path)-1].Field
}

func isMapOrNil(value any) bool {
	_, ok := value.(map[string]any)
	return ok || value == nil
}

func isListOrNil(value any) bool {
	_, ok := value.([]any)
	return ok || value == nil
}

func asMap(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

func asList(value any) []any {
	l, _ := value.([]any)
	return l
}

// orNil makes an empty list absent, as it is in the API.
func orNil(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list
}
