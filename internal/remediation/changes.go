// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

const (
	maxChanges = 20
	maxValue   = 2048
	maxPath    = 512
	// maxBytes is how large the changes of one revision may be together: a report that is to
	// hold some of them holds much else.
	maxBytes = 4 << 10
)

// Changes are the fields that a failed revision changed from a good one, as a
// QuarantinedRevision keeps them: what must never come together again. When a restart was
// made and how the Deployment controller names the pods is no change.
//
// It fails when there are no changes, or more or larger ones than a report holds: what is
// not kept in full cannot be refused without refusing a fix too, so that nothing is.
func Changes(bad, good corev1.PodTemplateSpec) ([]v1alpha1.TemplateChange, error) {
	was, err := toJSON(good)
	if err != nil {
		return nil, err
	}
	is, err := toJSON(bad)
	if err != nil {
		return nil, err
	}
	var changes []v1alpha1.TemplateChange
	size := 0
	for _, leaf := range drift.Diff(was, is) {
		if drift.IsNoise(leaf.Path) {
			continue
		}
		change := v1alpha1.TemplateChange{Path: leaf.Path.String()}
		if leaf.Is != nil {
			value, err := json.Marshal(leaf.Is)
			if err != nil {
				return nil, fmt.Errorf("encode %s: %w", change.Path, err)
			}
			change.Value = string(value)
		}
		if len(change.Path) > maxPath || len(change.Value) > maxValue {
			return nil, fmt.Errorf("the failed revision changed %.100s too much to be recognised again", change.Path)
		}
		changes = append(changes, change)
		size += len(change.Path) + len(change.Value)
	}
	switch {
	case len(changes) == 0:
		return nil, fmt.Errorf("the failed revision has the template of the good one: what made it fail is not in the template")
	case len(changes) > maxChanges:
		return nil, fmt.Errorf("the failed revision changed %d fields, more than the %d by which it could be recognised again", len(changes), maxChanges)
	case size > maxBytes:
		return nil, fmt.Errorf("the failed revision changed %d bytes, more than the %d by which it could be recognised again", size, maxBytes)
	}
	return changes, nil
}

func toJSON(template corev1.PodTemplateSpec) (map[string]any, error) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&template)
	if err != nil {
		return nil, fmt.Errorf("read a pod template: %w", err)
	}
	return object, nil
}
