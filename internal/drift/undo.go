// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Undo is the JSON Patch that takes the leaves of live back to what they were, and
// touches nothing else. live is the whole object as it was judged; each leaf is tested
// to be still what it is, and the object to be still at its resourceVersion, so that a
// write in between makes the API server refuse the patch instead of losing that write.
//
// It fails when a leaf cannot be taken back alone, because what it belonged to is gone.
func Undo(live map[string]any, leaves []Leaf) ([]byte, error) {
	version, err := resourceVersion(live)
	if err != nil {
		return nil, err
	}
	edit := editor{operations: []Operation{{Op: "test", Path: "/metadata/resourceVersion", Value: version}}}
	working := any(runtime.DeepCopyJSON(live))
	for _, leaf := range leaves {
		working, err = edit.apply(working, "", leaf.Path, change{
			expected: leaf.Is,
			value:    runtime.DeepCopyJSONValue(leaf.Was),
			index:    leaf.Index,
		})
		if err != nil {
			return nil, fmt.Errorf("undo %s: %w", leaf.Path, err)
		}
	}
	return json.Marshal(edit.operations)
}

// ReleaseOwnership is the JSON Patch that removes the entries of a field manager from an
// object's managedFields, or nil when there is none. It is sent after a correction: as
// long as the operator owns the corrected fields, the next server-side apply of their
// real owner conflicts. Removing the ownership leaves the values.
func ReleaseOwnership(object metav1.Object, manager string) ([]byte, error) {
	operations := []Operation{{Op: "test", Path: "/metadata/resourceVersion", Value: object.GetResourceVersion()}}
	fields := object.GetManagedFields()
	for i, entry := range slices.Backward(fields) {
		if entry.Manager == manager && entry.Subresource == "" {
			operations = append(operations, Operation{Op: "remove", Path: "/metadata/managedFields/" + strconv.Itoa(i)})
		}
	}
	if len(operations) == 1 {
		return nil, nil
	}
	return json.Marshal(operations)
}

func resourceVersion(object map[string]any) (string, error) {
	metadata, _ := object["metadata"].(map[string]any)
	version, _ := metadata["resourceVersion"].(string)
	if version == "" {
		return "", fmt.Errorf("the object has no resourceVersion, so that it was never persisted")
	}
	return version, nil
}
