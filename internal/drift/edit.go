// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Operation is one operation of a JSON Patch (RFC 6902).
type Operation struct {
	// Op is test, add, replace or remove.
	Op string `json:"op"`
	// Path is a JSON Pointer (RFC 6901).
	Path string `json:"path"`
	// Value is left out of a remove.
	Value any `json:"value,omitempty"`
}

// editor changes fields of an object and records each change as JSON Patch operations.
// An operation points into the object as the ones before it left it.
type editor struct{ operations []Operation }

// change is a value to be set at a path.
type change struct {
	// expected is the value before; nil is not tested.
	expected any
	// value to set; nil removes the field or item.
	value any
	// index of a list item that is not there yet.
	index int
}

// apply makes the change at path below node and returns the node. It fails when an
// object on the way is missing that a change must not invent.
func (e *editor) apply(node any, pointer string, path Path, c change) (any, error) {
	if path[0].Item != nil {
		list, ok := node.([]any)
		if !ok {
			return nil, fmt.Errorf("%s is no list", pointer)
		}
		return e.applyToList(list, pointer, path, c)
	}
	object, ok := node.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is no object", pointer)
	}
	return object, e.applyToMap(object, pointer, path, c)
}

func (e *editor) applyToMap(object map[string]any, pointer string, path Path, c change) error {
	field := path[0].Field
	at := pointer + "/" + escapePointer(field)
	child, has := object[field]
	if len(path) == 1 {
		e.record(at, has, c)
		if c.value == nil {
			delete(object, field)
		} else {
			object[field] = c.value
		}
		return nil
	}
	if child == nil {
		switch {
		case c.value == nil:
			return nil // what is to be removed is gone with its parent
		case path[1].Item != nil:
			child = []any{}
		case granularMaps[field]:
			child = map[string]any{}
		default:
			return fmt.Errorf("%s is missing", at)
		}
		e.operations = append(e.operations, Operation{Op: "add", Path: at, Value: emptyLike(child)})
	}
	changed, err := e.apply(child, at, path[1:], c)
	if err != nil {
		return err
	}
	object[field] = changed
	return nil
}

func (e *editor) applyToList(list []any, pointer string, path Path, c change) (any, error) {
	index := indexOf(list, path[0].Item)
	at := pointer + "/" + strconv.Itoa(index)
	switch {
	case len(path) > 1 && index < 0:
		return nil, fmt.Errorf("%s has no item %s", pointer, path[:1])
	case len(path) > 1:
		changed, err := e.apply(list[index], at, path[1:], c)
		if err != nil {
			return nil, err
		}
		list[index] = changed
		return list, nil
	case index < 0 && c.value == nil:
		return list, nil
	case index < 0:
		index = min(c.index, len(list))
		e.record(pointer+"/"+strconv.Itoa(index), false, c)
		return slices.Insert(list, index, c.value), nil
	case c.value == nil:
		e.record(at, true, c)
		return slices.Delete(list, index, index+1), nil
	default:
		e.record(at, true, c)
		list[index] = c.value
		return list, nil
	}
}

func (e *editor) record(at string, has bool, c change) {
	if c.expected != nil {
		e.operations = append(e.operations, Operation{Op: "test", Path: at, Value: c.expected})
	}
	switch {
	case c.value == nil && has:
		e.operations = append(e.operations, Operation{Op: "remove", Path: at})
	case c.value != nil && has:
		e.operations = append(e.operations, Operation{Op: "replace", Path: at, Value: c.value})
	case c.value != nil:
		e.operations = append(e.operations, Operation{Op: "add", Path: at, Value: c.value})
	}
}

// indexOf is the index of the item with the given merge key, -1 when there is none.
func indexOf(list []any, key []Key) int {
	return slices.IndexFunc(list, func(value any) bool {
		object, ok := value.(map[string]any)
		if !ok {
			return false
		}
		for _, part := range key {
			if field, has := object[part.Name]; !has || fmt.Sprint(field) != part.Value {
				return false
			}
		}
		return true
	})
}

// emptyLike is a fresh empty value, because the operation must not share the child that
// later operations fill.
func emptyLike(child any) any {
	if _, isList := child.([]any); isList {
		return []any{}
	}
	return map[string]any{}
}

func escapePointer(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}
