// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Where field managers of a Secret own its values: server-side apply of stringData owns that,
// and every other write of it what it becomes.
var (
	valuesOfSecret = []fieldpath.PathElement{{FieldName: new("data")}, {FieldName: new("stringData")}}
	onlyValues     = fieldpath.MakePrefixMatcherOrDie(valuesOfSecret[0]).Merge(fieldpath.MakePrefixMatcherOrDie(valuesOfSecret[1]))
)

// Writes are the keys of a Secret that its field managers know of, each with the latest time
// at which one that owns it wrote the Secret: a label, another key, or the same value, for all
// that is known. There is none in a Secret that is empty, or of which nobody has managed
// fields any more.
type Writes map[string]time.Time

// WritesOf a Secret, by its metadata. Who may write a Secret may write what it likes there:
// what cannot be a key is none.
func WritesOf(secret metav1.Object) Writes {
	writes := Writes{}
	for _, entry := range secret.GetManagedFields() {
		if entry.Time == nil {
			continue
		}
		owned := ownedBy(entry)
		for _, values := range valuesOfSecret {
			for key := range owned.WithPrefix(values).Members.All() {
				if key.FieldName != nil && isKey(*key.FieldName) && entry.Time.After(writes[*key.FieldName]) {
					writes[*key.FieldName] = entry.Time.Time
				}
			}
		}
	}
	return writes
}

// Content stands for the values by when each was written. It is never nil.
func (w Writes) Content() Content {
	content := Content{}
	for key, written := range w {
		content[key] = written.UTC().Format(time.RFC3339)
	}
	return content
}

// Last of the writes that a use is about.
func (w Writes) Last(use SourceUse) time.Time {
	var last time.Time
	for key, written := range w {
		if use.takes(key) && written.After(last) {
			last = written
		}
	}
	return last
}

// LeanSecret leaves of a Secret's metadata its name, and who wrote which key when. What else
// there is may hold values: client-side apply keeps the whole object in an annotation.
func LeanSecret(secret metav1.Object) {
	var entries []metav1.ManagedFieldsEntry
	for _, entry := range secret.GetManagedFields() {
		owned := ownedBy(entry).FilterIncludeMatches(onlyValues)
		raw, err := owned.ToJSON()
		if err != nil || owned.Empty() {
			continue
		}
		entries = append(entries, metav1.ManagedFieldsEntry{
			Manager: entry.Manager, Operation: entry.Operation, Time: entry.Time, FieldsV1: metav1.NewFieldsV1(string(raw)),
		})
	}
	secret.SetManagedFields(entries)
	secret.SetLabels(nil)
	secret.SetAnnotations(nil)
	secret.SetOwnerReferences(nil)
	secret.SetFinalizers(nil)
}

// ownedBy are the fields that a field manager owns.
func ownedBy(entry metav1.ManagedFieldsEntry) *fieldpath.Set {
	owned := fieldpath.NewSet()
	if entry.FieldsV1 == nil || owned.FromJSON(entry.FieldsV1.GetRawReader()) != nil {
		return fieldpath.NewSet()
	}
	return owned
}
