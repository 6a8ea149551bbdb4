// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rampart-dev/rampart/internal/drift"
)

// The CEL here judges pod templates of built-in kinds as admission sees them: maps and
// lists whose shape the API guarantees, and in which any field may be missing. Every
// index is guarded, so that no expression can fail. Fields are indexed, never selected,
// since field names such as "namespace" are reserved words of CEL.

// brings is CEL that is true when the field at path below expression holds the value, or,
// for a nil value, when it is there at all.
func brings(expression string, path drift.Path, value any, depth int) string {
	step, last := path[0], len(path) == 1
	if step.Item != nil {
		item := fmt.Sprintf("i%d", depth)
		inner := "true"
		switch {
		case !last:
			inner = brings(item, path[1:], value, depth+1)
		case value != nil:
			inner = item + " == " + literal(value)
		}
		return fmt.Sprintf("%s.exists(%s, %s && %s)", expression, item, hasKey(item, step.Item), inner)
	}
	field := fmt.Sprintf("%s[%s]", expression, strconv.Quote(step.Field))
	there := fmt.Sprintf("%s in %s", strconv.Quote(step.Field), expression)
	switch {
	case !last:
		return fmt.Sprintf("(%s && %s)", there, brings(field, path[1:], value, depth))
	case value != nil:
		return fmt.Sprintf("(%s && %s == %s)", there, field, literal(value))
	default:
		return "(" + there + ")"
	}
}

// hasKey is CEL that is true for a list item with this merge key.
func hasKey(item string, key []drift.Key) string {
	parts := make([]string, 0, len(key))
	for _, k := range key {
		name := strconv.Quote(k.Name)
		parts = append(parts, fmt.Sprintf("(%s in %s && string(%s[%s]) == %s)", name, item, item, name, strconv.Quote(k.Value)))
	}
	return strings.Join(parts, " && ")
}

// literal is a JSON value in CEL, which wants the members of a map or list to be of one type.
func literal(value any) string {
	switch v := value.(type) {
	case map[string]any:
		members := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			members = append(members, fmt.Sprintf("%s: dyn(%s)", strconv.Quote(key), literal(v[key])))
		}
		return "{" + strings.Join(members, ", ") + "}"
	case []any:
		members := make([]string, 0, len(v))
		for _, member := range v {
			members = append(members, "dyn("+literal(member)+")")
		}
		return "[" + strings.Join(members, ", ") + "]"
	case string:
		return strconv.Quote(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return "null"
		}
		return string(text)
	}
}

// branch is a part of an object below which some fields are left out of a comparison.
type branch struct {
	// fields that are left out, or in which something is.
	fields map[string]*branch
	// items of a list, likewise.
	items []itemBranch
}

type itemBranch struct {
	key  []drift.Key
	path string
	in   *branch
}

// leaveOut adds a path to the fields that are left out. A branch with nothing below it is
// left out as a whole.
func (b *branch) leaveOut(path drift.Path) {
	if len(path) == 0 {
		return
	}
	step := path[0]
	if step.Item == nil {
		if b.fields == nil {
			b.fields = map[string]*branch{}
		}
		if b.fields[step.Field] == nil {
			b.fields[step.Field] = &branch{}
		}
		b.fields[step.Field].leaveOut(path[1:])
		return
	}
	text := path[:1].String()
	i := slices.IndexFunc(b.items, func(item itemBranch) bool { return item.path == text })
	if i < 0 {
		i = len(b.items)
		b.items = append(b.items, itemBranch{key: step.Item, path: text, in: &branch{}})
	}
	b.items[i].in.leaveOut(path[1:])
}

func (b *branch) whole() bool { return len(b.fields) == 0 && len(b.items) == 0 }

// sameBut is CEL that is true when two values are equal but for what is left out. What is
// below a field gets a short name by a loop over a list of one; dyn keeps CEL from
// inferring the type of what may be missing from the empty value that stands for it.
func (b *branch) sameBut(now, before string, depth int) string {
	if len(b.items) > 0 {
		return b.sameItems(now, before, depth)
	}
	names := slices.Sorted(maps.Keys(b.fields))
	quoted := make([]string, 0, len(names))
	for _, name := range names {
		quoted = append(quoted, strconv.Quote(name))
	}
	key, list := fmt.Sprintf("k%d", depth), strings.Join(quoted, ", ")
	parts := []string{
		fmt.Sprintf("%[1]s.all(%[3]s, %[3]s in [%[4]s] || (%[3]s in %[2]s && %[1]s[%[3]s] == %[2]s[%[3]s]))", now, before, key, list),
		fmt.Sprintf("%[2]s.all(%[3]s, %[3]s in [%[4]s] || %[3]s in %[1]s)", now, before, key, list),
	}
	for i, name := range names {
		child := b.fields[name]
		if child.whole() {
			continue
		}
		empty := "{}"
		if len(child.items) > 0 {
			empty = "[]"
		}
		n, o := fmt.Sprintf("a%d", depth), fmt.Sprintf("b%d", depth)
		parts = append(parts, fmt.Sprintf("[dyn(%[1]s[?%[3]s].orValue(%[4]s))].all(%[5]s, [dyn(%[2]s[?%[3]s].orValue(%[4]s))].all(%[6]s, %[7]s))",
			now, before, quoted[i], empty, n, o, child.sameBut(n, o, depth+1)))
	}
	return strings.Join(parts, " && ")
}

func (b *branch) sameItems(now, before string, depth int) string {
	n, o := fmt.Sprintf("n%d", depth), fmt.Sprintf("o%d", depth)
	left := make([]string, 0, len(b.items))
	for _, item := range b.items {
		left = append(left, "("+hasKey(n, item.key)+")")
	}
	parts := []string{
		fmt.Sprintf("%s.all(%s, %s || %s in %s)", now, n, strings.Join(left, " || "), n, before),
		fmt.Sprintf("%s.all(%s, %s || %s in %s)", before, n, strings.Join(left, " || "), n, now),
	}
	for _, item := range b.items {
		if !item.in.whole() {
			parts = append(parts, fmt.Sprintf("%s.all(%s, !(%s) || %s.all(%s, !(%s) || (%s)))",
				now, n, hasKey(n, item.key), before, o, hasKey(o, item.key), item.in.sameBut(n, o, depth+1)))
		}
	}
	return strings.Join(parts, " && ")
}
