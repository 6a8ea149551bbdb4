// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"encoding/json"
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/workload"
)

// drillMark tells a restart by a drill from one by a person.
const drillMark = "(rampart drill)"

const annotationsPath = "/spec/template/metadata/annotations"

// Restart is the JSON Patch by which a drill restarts a Deployment's rollout, as kubectl
// rollout restart does. The next one takes back what the one before it wrote: restarts
// alternate between two pod templates, so that the Deployment's history of ReplicaSets,
// to which people go back, does not fill with them. A change of the spec in between makes the
// API server refuse it; what its controller counts in its status meanwhile does not.
func Restart(d *appsv1.Deployment) ([]byte, error) {
	annotations := d.Spec.Template.Annotations
	path := annotationsPath + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(workload.AnnotationRestartedAt)
	operation := drift.Operation{Op: "add", Path: path, Value: marked(annotations[workload.AnnotationRestartedAt])}
	switch {
	case len(annotations) == 0:
		operation = drift.Operation{Op: "add", Path: annotationsPath, Value: map[string]string{workload.AnnotationRestartedAt: marked("")}}
	case operation.Value == "":
		operation = drift.Operation{Op: "remove", Path: path}
	}
	return json.Marshal([]drift.Operation{{Op: "test", Path: "/metadata/generation", Value: d.Generation}, operation})
}

// marked is the value with the mark if it has none, and without it if it has.
func marked(value string) string {
	if without, found := strings.CutSuffix(value, drillMark); found {
		return strings.TrimSpace(without)
	}
	return strings.TrimSpace(value + " " + drillMark)
}
