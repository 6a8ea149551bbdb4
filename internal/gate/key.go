// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

const (
	// ledgerDomain ends the prefix of every ledger annotation.
	ledgerDomain = ".ledger." + v1alpha1.Group
	// AnnotationSince on a gated Namespace says when its ledger was opened. While it is
	// there, what ran before is not taken over again.
	AnnotationSince = "ledger." + v1alpha1.Group + "/since"
	// maxAnnotationName is the longest name part that Kubernetes accepts in an annotation key.
	maxAnnotationName = 63
)

// Key identifies a workload in its namespace.
type Key struct {
	Kind v1alpha1.WorkloadKind
	Name string
}

// keyOf is the workload that a report speaks of.
func keyOf(status v1alpha1.ReadinessReportStatus) Key {
	return Key{Kind: status.Workload.Kind, Name: status.Workload.Name}
}

// Annotation is the key of the workload's ledger entry on its Namespace:
// "deployment.ledger.rampart.dev/shop".
func (k Key) Annotation() string {
	return strings.ToLower(string(k.Kind)) + ledgerDomain + "/" + k.Name
}

// Fits says whether the workload can have an entry: Kubernetes limits the name part of
// an annotation to 63 characters, but most workload names to 253.
func (k Key) Fits() bool { return k.Name != "" && len(k.Name) <= maxAnnotationName }

// String is the workload for people: "Deployment shop".
func (k Key) String() string { return string(k.Kind) + " " + k.Name }

// ParseKey is the inverse of Annotation; false for an annotation that is no ledger entry.
func ParseKey(annotation string) (Key, bool) {
	_, name, _ := strings.Cut(annotation, "/")
	for _, kind := range workload.Kinds() {
		if key := (Key{Kind: kind, Name: name}); name != "" && key.Annotation() == annotation {
			return key, true
		}
	}
	return Key{}, false
}

// IsLedger says whether the operator's ledger owns the annotation: it is removed when
// no gate is left in the namespace.
func IsLedger(annotation string) bool {
	_, entry := ParseKey(annotation)
	return entry || annotation == AnnotationSince
}
