// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance

import (
	"maps"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// lastApplied is where kubectl keeps what it applied: the same once more.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// RevisionOf identifies what an object that is not a workload says: its labels, its
// annotations but the operator's own and what kubectl keeps there, and all that is neither
// metadata nor status. The object is in its JSON form, and is not changed.
func RevisionOf(object map[string]any) string {
	content := maps.Clone(object)
	for _, noise := range []string{"apiVersion", "kind", "metadata", "status"} {
		delete(content, noise)
	}
	metadata, _ := object["metadata"].(map[string]any)
	return workload.Digest(map[string]any{
		"content": content, "labels": metadata["labels"], "annotations": telling(metadata["annotations"]),
	})
}

// telling are the annotations that people and their tools write.
func telling(annotations any) map[string]any {
	all, _ := annotations.(map[string]any)
	said := map[string]any{}
	for name, value := range all {
		prefix, _, _ := strings.Cut(name, "/")
		ours := prefix == v1alpha1.Group || strings.HasSuffix(prefix, "."+v1alpha1.Group)
		if name != lastApplied && !ours {
			said[name] = value
		}
	}
	return said
}
