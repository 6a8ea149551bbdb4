// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"fmt"
	"slices"
)

// mergeKeys are the fields that identify an item of a list in a pod template: the list
// map keys of the Kubernetes API, or the patch merge key where the API has no better.
// Every other list is compared as a whole, because its order has a meaning (command) or
// its items have no identity (tolerations).
var mergeKeys = map[string][]string{
	"containers":                {"name"},
	"initContainers":            {"name"},
	"ephemeralContainers":       {"name"},
	"volumes":                   {"name"},
	"env":                       {"name"},
	"imagePullSecrets":          {"name"},
	"resourceClaims":            {"name"},
	"claims":                    {"name"},
	"schedulingGates":           {"name"},
	"hostAliases":               {"ip"},
	"ports":                     {"containerPort", "protocol"},
	"volumeMounts":              {"mountPath"},
	"volumeDevices":             {"devicePath"},
	"topologySpreadConstraints": {"topologyKey", "whenUnsatisfiable"},
}

// granularMaps are maps of independent entries. As in the API, an empty one is the same
// as none; they are compared entry by entry even where one side has none.
var granularMaps = map[string]bool{
	"annotations": true, "labels": true, "matchLabels": true, "nodeSelector": true,
	"limits": true, "requests": true, "overhead": true,
}

// keyedItem is an item of a list and its merge key.
type keyedItem struct {
	key   []Key
	value any
}

// keyed gives each item of a list its merge key. ok is false when the list has none:
// its field has no merge key, or an item lacks it or repeats another's.
func keyed(field string, list []any) (items []keyedItem, ok bool) {
	names, known := mergeKeys[field]
	if !known {
		return nil, false
	}
	seen := make(map[string]bool, len(list))
	for _, value := range list {
		object, isMap := value.(map[string]any)
		if !isMap {
			return nil, false
		}
		key := make([]Key, 0, len(names))
		for _, name := range names {
			part, has := object[name]
			if !has {
				return nil, false
			}
			key = append(key, Key{Name: name, Value: fmt.Sprint(part)})
		}
		id := Path{{Item: key}}.String()
		if seen[id] {
			return nil, false
		}
		seen[id] = true
		items = append(items, keyedItem{key: key, value: value})
	}
	return items, true
}

// reordered says whether the items that both lists have stand in another order.
func reordered(was, is []keyedItem) bool {
	return !slices.EqualFunc(common(was, is), common(is, was), func(a, b keyedItem) bool {
		return slices.Equal(a.key, b.key)
	})
}

// common are the items whose key the other list has too.
func common(items, other []keyedItem) []keyedItem {
	return slices.DeleteFunc(slices.Clone(items), func(item keyedItem) bool {
		_, both := find(other, item.key)
		return !both
	})
}

func find(items []keyedItem, key []Key) (any, bool) {
	for _, item := range items {
		if slices.Equal(item.key, key) {
			return item.value, true
		}
	}
	return nil, false
}
