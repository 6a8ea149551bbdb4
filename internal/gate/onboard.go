// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// LabelledName is the name of the gate that the label on a Namespace makes.
const LabelledName = "default"

// OnboardInput is what decides about the gate that a Namespace's label asks for.
type OnboardInput struct {
	Namespace string
	// Labels of the Namespace. Teams cannot write them.
	Labels map[string]string
	// Gates that stand in the namespace.
	Gates []v1alpha1.PromotionGate
	// Excluded is true for the system's namespaces and the operator's own.
	Excluded bool
	// SourceExists is true when there is a namespace of the name that the label says.
	SourceExists bool
}

// Onboarding is what becomes of the gate that the label asks for.
type Onboarding struct {
	// Source of the gate that shall stand; empty when none shall.
	Source string
	// Stay is true when the label says nothing that can be acted on: whatever it made
	// before stays, because a typing error must not take a door away.
	Stay bool
	// Wrong says what is wrong with the label and what to do; empty when nothing is.
	Wrong string
}

// Onboard says what the label rampart.dev/promotes-from of a Namespace asks for. A source
// that does not exist, or is the namespace itself, makes a gate nevertheless: it opens for
// nothing, and its conditions say why.
func Onboard(in OnboardInput) Onboarding {
	source, labelled := in.Labels[v1alpha1.LabelPromotesFrom]
	switch {
	case !labelled:
		return Onboarding{}
	case in.Excluded:
		return Onboarding{Wrong: fmt.Sprintf("namespace %s is the system's or the operator's own and never has a gate: remove the label %s", in.Namespace, v1alpha1.LabelPromotesFrom)}
	case len(validation.IsDNS1123Label(source)) > 0:
		return Onboarding{Stay: true, Wrong: fmt.Sprintf("label %s: %q is not the name of a namespace: name the one that changes come from", v1alpha1.LabelPromotesFrom, source)}
	}
	people := slices.DeleteFunc(slices.Clone(in.Gates), ByLabel)
	for _, g := range people {
		if g.Spec.Source.Cluster == "" && g.Spec.Source.Namespace == source {
			return Onboarding{}
		}
	}
	for _, g := range people {
		if g.Name == LabelledName {
			return Onboarding{Stay: true, Wrong: fmt.Sprintf(
				"label %s asks for a gate from %s, but there is a gate %s that somebody made from %s: give that one another name, or remove the label",
				v1alpha1.LabelPromotesFrom, source, LabelledName, g.Spec.Source.Namespace)}
		}
	}
	o := Onboarding{Source: source}
	switch {
	case source == in.Namespace:
		o.Wrong = fmt.Sprintf("label %s names namespace %s itself, so its gate opens for nothing: name the one that changes come from", v1alpha1.LabelPromotesFrom, source)
	case !in.SourceExists:
		o.Wrong = fmt.Sprintf("label %s: namespace %s does not exist, so the gate opens for nothing: correct the label, or create it", v1alpha1.LabelPromotesFrom, source)
	}
	return o
}

// sourceSaid is where people say the source of a gate: what the operator made for a Namespace's
// label is corrected there, and would be put back anywhere else.
func sourceSaid(g v1alpha1.PromotionGate) string {
	if ByLabel(g) {
		return "the label " + v1alpha1.LabelPromotesFrom + " on Namespace " + g.Namespace
	}
	return "spec.source.namespace"
}

// ByLabel says whether the operator made a gate for a Namespace's label. It changes no other.
func ByLabel(g v1alpha1.PromotionGate) bool {
	return g.Name == LabelledName && g.Labels[v1alpha1.LabelManagedBy] == v1alpha1.ManagedBy
}
