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

// Digest identifies what a rule asks for in an environment, in 16 hexadecimal digits. Titles
// and advice are not part of it, nor which of two ways sets a parameter to a value:
// rewording invalidates no evidence. Neither are exclusions: what a rule has earned where it
// judges does not depend on what it leaves out.
func Digest(spec v1alpha1.GuardrailSpec, parameters []v1alpha1.ParameterSetting) string {
	decisive := struct {
		Kinds        []v1alpha1.WorkloadKind
		Findings     string
		Validations  []v1alpha1.Validation
		Resources    []v1alpha1.ResourceRule     `json:",omitempty"`
		Surroundings []v1alpha1.Surrounding      `json:",omitempty"`
		Arguments    map[string]string           `json:",omitempty"`
		Invalid      []v1alpha1.ParameterSetting `json:",omitempty"`
	}{
		Kinds: slices.Sorted(slices.Values(spec.Kinds)), Findings: spec.Findings, Validations: spec.Validations,
		Resources: spec.Resources, Surroundings: slices.Sorted(slices.Values(spec.Surroundings)),
		Arguments: map[string]string{},
	}
	arguments, err := argumentsOf("", spec, parameters)
	if err != nil {
		// Nothing runs with these. They are still told apart.
		decisive.Invalid = parameters
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
