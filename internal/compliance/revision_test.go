// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package compliance_test

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rampart-dev/rampart/internal/compliance"
)

func TestARevisionOfAnObjectIsWhatPeopleWroteIntoIt(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*unstructured.Unstructured)
		same   bool
	}{
		{"the spec", func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, "NodePort", "spec", "type")
		}, false},
		{"data", func(o *unstructured.Unstructured) { _ = unstructured.SetNestedField(o.Object, "b", "data", "a") }, false},
		{"a label", func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"owner": "team"}) }, false},
		{"an annotation", func(o *unstructured.Unstructured) { o.SetAnnotations(map[string]string{"a": "b"}) }, false},
		{"what kubectl applied", func(o *unstructured.Unstructured) {
			o.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"})
		}, true},
		{"the operator's annotations", func(o *unstructured.Unstructured) {
			o.SetAnnotations(map[string]string{"rampart.dev/joined": "a", "deployment.ledger.rampart.dev/shop": "b"})
		}, true},
		{"the status", func(o *unstructured.Unstructured) { _ = unstructured.SetNestedField(o.Object, "a", "status", "phase") }, true},
		{"metadata that the API server writes", func(o *unstructured.Unstructured) {
			o.SetResourceVersion("2")
			o.SetGeneration(7)
			o.SetUID("other")
		}, true},
		{"the version in which it is read", func(o *unstructured.Unstructured) { o.SetAPIVersion("v2") }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			object := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "web"}, "spec": map[string]any{"type": "ClusterIP"},
			}}
			before, untouched := compliance.RevisionOf(object.Object), object.DeepCopy()
			g.Expect(object).To(Equal(untouched), "the object may be shared")
			test.change(object)
			if test.same {
				g.Expect(compliance.RevisionOf(object.Object)).To(Equal(before))
			} else {
				g.Expect(compliance.RevisionOf(object.Object)).NotTo(Equal(before))
			}
		})
	}
}
