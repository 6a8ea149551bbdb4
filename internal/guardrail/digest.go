// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Digest identifies what a rule decides, in 16 hexadecimal digits. Titles and advice are
// not part of it: rewording them invalidates no evidence.
func Digest(spec v1alpha1.GuardrailSpec) string {
	decisive := struct {
		Kinds       []v1alpha1.WorkloadKind
		Findings    string
		Validations []v1alpha1.Validation
	}{slices.Sorted(slices.Values(spec.Kinds)), spec.Findings, spec.Validations}
	encoded, err := json.Marshal(decisive)
	if err != nil {
		panic(err) // Strings cannot fail to encode.
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}
