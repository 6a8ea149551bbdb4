// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Covers says whether an object is left out: by its namespace, its kind and its name. A
// Namespace is in itself.
func (e Exclusion) Covers(namespace, kind, name string) bool {
	return e.Namespace == namespace && (e.Kind == "" || e.Kind == kind) && (e.Name == "" || e.Name == name)
}

// Whole says whether all of its namespace is left out, whatever there is or comes.
func (e Exclusion) Whole() bool { return e.Kind == "" && e.Name == "" }
