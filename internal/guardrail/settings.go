// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Settings are what an environment sets for a rule. The zero value sets nothing: every
// parameter has its default, and nothing is left out.
type Settings struct {
	// Parameters are the values of parameters, each of which the rule must declare.
	Parameters []v1alpha1.ParameterSetting
	// Exclusions are the objects that the rule does not judge there.
	Exclusions []v1alpha1.Exclusion
}

// SettingError is why a rule cannot be compiled for an environment: what the environment
// sets for it is wrong, while the rule itself is sound.
type SettingError struct {
	// Guardrail that the setting is for.
	Guardrail string
	// Parameter that is wrong; empty when each is right but not all of them together.
	Parameter string
	// Message says what is wrong and what to do.
	Message string
}

func (e *SettingError) Error() string {
	if e.Parameter == "" {
		return fmt.Sprintf("parameters of guardrail %s: %s", e.Guardrail, e.Message)
	}
	return fmt.Sprintf("parameter %s of guardrail %s: %s", e.Parameter, e.Guardrail, e.Message)
}
