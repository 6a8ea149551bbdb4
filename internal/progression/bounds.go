// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Bounds are where a climb begins and where it ends.
type Bounds struct {
	Start, Max v1alpha1.Level
}

// Stands are the bounds of a guardrail under an effective policy; false when the policy
// does not bring it. An entry by name wins over entries by label, an earlier entry over
// a later one. An entry whose selector cannot be read selects nothing.
func Stands(policy v1alpha1.EnvironmentPolicySpec, guardrail metav1.Object) (Bounds, bool) {
	var byLabel *v1alpha1.GuardrailEntry
	for i := range policy.Guardrails {
		entry := &policy.Guardrails[i]
		if entry.Name != "" && entry.Name == guardrail.GetName() {
			return boundsOf(*entry), true
		}
		if byLabel == nil && entry.Selector != nil && selects(entry.Selector, guardrail.GetLabels()) {
			byLabel = entry
		}
	}
	if byLabel == nil {
		return Bounds{}, false
	}
	return boundsOf(*byLabel), true
}

func boundsOf(entry v1alpha1.GuardrailEntry) Bounds {
	return Bounds{Start: v1alpha1.Min(entry.StartLevel, entry.MaxLevel), Max: entry.MaxLevel}
}

func selects(selector *metav1.LabelSelector, of map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(of))
}

// GateBounds are the bounds of a gate into a stage: from Warn to Enforce in Production,
// to Warn elsewhere, unless the gate says otherwise.
func GateBounds(gate v1alpha1.PromotionGateSpec, stage v1alpha1.Stage) Bounds {
	b := Bounds{Start: gate.StartLevel, Max: gate.MaxLevel}
	if b.Start == "" {
		b.Start = v1alpha1.Warn
	}
	if b.Max == "" {
		b.Max = v1alpha1.Warn
		if stage == v1alpha1.Production {
			b.Max = v1alpha1.Enforce
		}
	}
	b.Start = v1alpha1.Min(b.Start, b.Max)
	return b
}
