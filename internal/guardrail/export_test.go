// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// SurroundedExample is an example of a guardrail that reads more than the object: what it
// reads is derived in packages that import this one.
type SurroundedExample struct {
	Name    string
	Program *Program
	Object  *unstructured.Unstructured
	Around  []*unstructured.Unstructured
	// ExpectVerdict fails the test if the example was not judged as its name says.
	ExpectVerdict func(t testing.TB, verdict Verdict, err error)
}

// SurroundedExamples are those of the catalogue.
func SurroundedExamples(t testing.TB) []SurroundedExample {
	t.Helper()
	var all []SurroundedExample
	for _, g := range catalogue(t) {
		if len(g.Spec.Surroundings) == 0 {
			continue
		}
		for _, set := range examplesOf(t, g.Name) {
			p := compiledWith(t, g, set.settings)
			for _, e := range set.all {
				all = append(all, SurroundedExample{
					Name: g.Name + "/" + e.name, Program: p, Object: e.object, Around: e.around,
					ExpectVerdict: func(t testing.TB, verdict Verdict, err error) {
						t.Helper()
						expectVerdict(t, verdict, err, e.violates)
					},
				})
			}
		}
	}
	return all
}
