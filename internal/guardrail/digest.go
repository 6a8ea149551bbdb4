// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Digest identifies what a rule decides in an environment, in 16 hexadecimal digits. Titles,
// advice and the reasons of exclusions are not part of it, nor which of two ways sets a
// parameter to a value: rewording invalidates no evidence.
func Digest(spec v1alpha1.GuardrailSpec, settings Settings) string {
	decisive := struct {
		Kinds        []v1alpha1.WorkloadKind
		Findings     string
		Validations  []v1alpha1.Validation
		Resources    []v1alpha1.ResourceRule     `json:",omitempty"`
		Surroundings []v1alpha1.Surrounding      `json:",omitempty"`
		Arguments    map[string]string           `json:",omitempty"`
		Invalid      []v1alpha1.ParameterSetting `json:",omitempty"`
		Exclusions   []v1alpha1.Exclusion        `json:",omitempty"`
	}{
		Kinds: slices.Sorted(slices.Values(spec.Kinds)), Findings: spec.Findings, Validations: spec.Validations,
		Resources: spec.Resources, Surroundings: slices.Sorted(slices.Values(spec.Surroundings)),
		Arguments: map[string]string{}, Exclusions: withoutReasons(settings.Exclusions),
	}
	arguments, err := argumentsOf("", spec, settings.Parameters)
	if err != nil {
		// Nothing runs with these. They are still told apart.
		decisive.Invalid = settings.Parameters
	}
	for name, value := range arguments {
		decisive.Arguments[name] = value
	}
	encoded, err := json.Marshal(decisive)
	if err != nil {
		panic(err) // Strings cannot fail to encode.
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}

// withoutReasons are exclusions in an order that does not depend on how they were written.
func withoutReasons(exclusions []v1alpha1.Exclusion) []v1alpha1.Exclusion {
	sorted := slices.Clone(exclusions)
	for i := range sorted {
		sorted[i].Reason = ""
	}
	slices.SortFunc(sorted, func(a, b v1alpha1.Exclusion) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return sorted
}
