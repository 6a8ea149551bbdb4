// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"fmt"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// choice is an annotation by which a workload chooses between few values.
type choice struct {
	// annotation that is written, and not what it may say: "neither Off nor Now".
	annotation, not string
	values          []string
	// otherwise is what becomes of any other value.
	otherwise string
}

var choices = []choice{
	{
		annotation: v1alpha1.AnnotationOnFailure, values: []string{string(v1alpha1.OnFailureReport), string(v1alpha1.OnFailureRollback)},
		not: "neither Report nor Rollback", otherwise: "is read as Report: correct it",
	},
	{
		annotation: v1alpha1.AnnotationIsolation, values: []string{v1alpha1.IsolationRefused, v1alpha1.IsolationAsked},
		not: "neither Off nor Now", otherwise: "is ignored",
	},
	{annotation: v1alpha1.AnnotationDrills, values: []string{string(v1alpha1.DrillsOff)}, not: "not Off", otherwise: "is ignored"},
}

// Misread says, a sentence for each, which annotations of a workload have a value that means
// nothing, and what becomes of it. An empty value says nothing, and nothing wrong.
func Misread(annotations map[string]string) []string {
	var sentences []string
	for _, c := range choices {
		if sentence := c.misread(annotations[c.annotation]); sentence != "" {
			sentences = append(sentences, sentence)
		}
	}
	return sentences
}

func (c choice) misread(value string) string {
	if value == "" || slices.Contains(c.values, value) {
		return ""
	}
	return fmt.Sprintf("%s: %.40q is %s and %s", c.annotation, value, c.not, c.otherwise)
}
