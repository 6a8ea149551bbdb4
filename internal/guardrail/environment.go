// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// LabelEnvironment marks what was rendered for an environment with its name.
const LabelEnvironment = v1alpha1.Group + "/environment"

// AnnotationGuardrails on a native policy names the guardrails in it, apart by blanks.
const AnnotationGuardrails = v1alpha1.Group + "/guardrails"

// Environment is what rendering must know of an EnvironmentPolicy.
type Environment struct {
	// Name of the EnvironmentPolicy.
	Name string
	// NamespaceSelector selects its namespaces.
	NamespaceSelector metav1.LabelSelector
	// Namespaces are those that it selects now, by name. What is rendered holds for
	// namespaces to come as well; these say where it can be seen, and name what is made.
	Namespaces []string
	// ExcludedNamespaces are never judged, besides the system namespaces: the operator's, above all.
	ExcludedNamespaces []string
	// OperatorUser is the operator's user name as the API server sees it. What it writes
	// is judged in dry-runs only. Empty exempts nobody.
	OperatorUser string
	// Defaults says whether safe defaults are applied to new pods.
	Defaults v1alpha1.DefaultsMode
}

// Placed is a rule with its level in an environment.
type Placed struct {
	Program *Program
	Level   v1alpha1.Level
	// EnforcedIn are the namespaces in which the rule is enforced, by name, when its level
	// is Enforce. In all others of the environment, those to come included, it warns.
	EnforcedIn []string
	// Announced is true when Enforce is what comes next where the rule warns: warnings say so.
	Announced bool
}

// enforcing are the namespaces in which a rule is enforced, sorted. An excluded one is not,
// whoever lists it.
func (env Environment) enforcing(rule Placed) []string {
	if rule.Level != v1alpha1.Enforce {
		return nil
	}
	never := admission.OutsideSystem(env.ExcludedNamespaces).Values
	listed := slices.Compact(slices.Sorted(slices.Values(rule.EnforcedIn)))
	return slices.DeleteFunc(listed, func(n string) bool { return slices.Contains(never, n) })
}
