// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Pattern names fields of a workload as Path.String writes them, so that what a message
// prints can be pasted; * in place of the value of a merge key stands for every value:
// spec.template.spec.containers[name=*].resources.
type Pattern struct{ path Path }

// anyValue in a Pattern stands for every value of a merge key.
const anyValue = "*"

// ParsePattern reads a pattern. It refuses what could never match a field that Diff names:
// what is not below spec, a field that no workload has, an item of a list that is compared as a
// whole, and an item that is not named by the merge key of its list.
func ParsePattern(text string) (Pattern, error) {
	path, err := ParsePath(text)
	if err != nil {
		return Pattern{}, err
	}
	if len(path) < 2 || path[0].Field != "spec" {
		return Pattern{}, fmt.Errorf("path %q: it names no field below spec", text)
	}
	types := specs
	for i, step := range path[1:] {
		if types, err = descend(types, path[:i+1], step); err != nil {
			return Pattern{}, fmt.Errorf("path %q: %w", text, err)
		}
	}
	return Pattern{path: path}, nil
}

// Matches says whether a field is one that the pattern names, or lies in one.
func (p Pattern) Matches(path Path) bool {
	return len(p.path) > 0 && len(path) >= len(p.path) && slices.EqualFunc(p.path, path[:len(p.path)], Step.matches)
}

// matches says whether a step of a pattern names a step of a path.
func (s Step) matches(step Step) bool {
	return s.Field == step.Field && slices.EqualFunc(s.Item, step.Item, func(wanted, key Key) bool {
		return wanted.Name == key.Name && (wanted.Value == anyValue || wanted.Value == key.Value)
	})
}

// UnreadableFields says which of a policy's ignoredFields ignore nothing, and why; empty when
// all can be read.
func UnreadableFields(policy *v1alpha1.DriftPolicy) string {
	var wrong []string
	for i, text := range policy.IgnoredFields {
		if _, err := ParsePattern(text); err != nil {
			wrong = append(wrong, fmt.Sprintf("spec.drift.ignoredFields[%d] ignores nothing until it is corrected: %v", i, err))
		}
	}
	return strings.Join(wrong, "; ")
}

// ignoredFields are the patterns of a policy that can be read.
func ignoredFields(policy v1alpha1.DriftPolicy) []Pattern {
	var patterns []Pattern
	for _, text := range policy.IgnoredFields {
		if pattern, err := ParsePattern(text); err == nil {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// itemOf a list as a path writes it.
func itemOf(list, value string) string {
	key := make([]Key, 0, len(mergeKeys[list]))
	for _, name := range mergeKeys[list] {
		key = append(key, Key{Name: name, Value: value})
	}
	return Path{{Field: list}, {Item: key}}.String()
}

// namesOf the fields that a merge key consists of.
func namesOf(key []Key) []string {
	names := make([]string, 0, len(key))
	for _, part := range key {
		names = append(names, part.Name)
	}
	return names
}
