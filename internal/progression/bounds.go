// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Bounds are where a climb begins and where it ends.
type Bounds struct {
	Start, Max v1alpha1.Level
}

// Standing is how an environment brings a guardrail.
type Standing struct {
	Bounds
	// Parameters are set for the guardrail. They need not be valid.
	Parameters []v1alpha1.ParameterSetting
	// Exclusions are the objects that it does not judge there.
	Exclusions []v1alpha1.Exclusion
}

// Stands says how a guardrail stands under an effective policy; false when the policy
// does not bring it. An entry by name wins over entries by label, an earlier entry over
// a later one. An entry whose selector cannot be read selects nothing.
//
// What an entry by label sets is meant for several guardrails: of its parameters, those
// count that the accepted rule declares. What an entry by name sets is all for this one.
func Stands(policy v1alpha1.EnvironmentPolicySpec, rule *v1alpha1.Guardrail) (Standing, bool) {
	var byLabel *v1alpha1.GuardrailEntry
	for i := range policy.Guardrails {
		entry := &policy.Guardrails[i]
		if entry.Name != "" && entry.Name == rule.Name {
			return Standing{boundsOf(*entry), entry.Parameters, entry.Exclusions}, true
		}
		if byLabel == nil && entry.Selector != nil && selects(entry.Selector, rule.Labels) {
			byLabel = entry
		}
	}
	if byLabel == nil {
		return Standing{}, false
	}
	return Standing{boundsOf(*byLabel), DeclaredBy(rule, byLabel.Parameters), byLabel.Exclusions}, true
}

// BringsNothing says which entry of a policy brings no guardrail of those that there are, by
// name, and why; empty when all do. It is certainly a mistake but for a selector, which may
// be there before the guardrails are.
func BringsNothing(policy v1alpha1.EnvironmentPolicySpec, rules map[string]*v1alpha1.Guardrail) (why string, certain bool) {
	for i, entry := range policy.Guardrails {
		switch selector, err := metav1.LabelSelectorAsSelector(entry.Selector); {
		case entry.Name != "" && rules[entry.Name] == nil:
			return fmt.Sprintf("spec.guardrails names %s, which does not exist or was never accepted: see kubectl get guardrails", entry.Name), true
		case entry.Name != "":
		case err != nil:
			return fmt.Sprintf("spec.guardrails[%d].selector selects no guardrail until it is corrected: %v", i, err), true
		case !selectsAny(selector, rules):
			return fmt.Sprintf("spec.guardrails[%d].selector selects no guardrail (%s): see kubectl get guardrails --show-labels",
				i, metav1.FormatLabelSelector(entry.Selector)), false
		}
	}
	return "", false
}

func selectsAny(selector labels.Selector, rules map[string]*v1alpha1.Guardrail) bool {
	for _, rule := range rules {
		if selector.Matches(labels.Set(rule.Labels)) {
			return true
		}
	}
	return false
}

// AsItStood is how a guardrail stands on that an effective policy brings no more, perhaps by
// mistake: with the parameters and the exclusions that it had. False when the exclusions are
// not in the policy any more, because it would refuse what they left out. One that is written
// anew meanwhile begins at Observe.
func AsItStood(policy v1alpha1.EnvironmentPolicySpec, state v1alpha1.GuardrailState) (Standing, bool) {
	standing := Standing{Bounds: Bounds{Start: v1alpha1.Observe, Max: state.MaxLevel}, Parameters: state.Parameters}
	if state.Exclusions == "" {
		return standing, state.Excluded == 0 && len(state.ExcludedNamespaces) == 0
	}
	for _, entry := range policy.Guardrails {
		if digestOf(entry.Exclusions) == state.Exclusions {
			standing.Exclusions = entry.Exclusions
			return standing, true
		}
	}
	return Standing{}, false
}

// digestOf identifies exclusions; empty without any.
func digestOf(exclusions []v1alpha1.Exclusion) string {
	if len(exclusions) == 0 {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", exclusions))
	return hex.EncodeToString(sum[:8])
}

// DeclaredBy are the settings of those parameters that the accepted rule has.
func DeclaredBy(rule *v1alpha1.Guardrail, settings []v1alpha1.ParameterSetting) []v1alpha1.ParameterSetting {
	if rule.Status.Accepted == nil {
		return nil
	}
	var declared []v1alpha1.ParameterSetting
	for _, setting := range settings {
		named := func(p v1alpha1.Parameter) bool { return p.Name == setting.Name }
		if slices.ContainsFunc(rule.Status.Accepted.Spec.Parameters, named) {
			declared = append(declared, setting)
		}
	}
	return declared
}

func boundsOf(entry v1alpha1.GuardrailEntry) Bounds {
	return Bounds{Start: v1alpha1.Min(entry.StartLevel, entry.MaxLevel), Max: entry.MaxLevel}
}

func selects(selector *metav1.LabelSelector, of map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(of))
}

// GateBounds are the bounds of a gate into an environment: from Warn to Enforce in
// Production, to Warn elsewhere, unless the environment's policy says otherwise, or the
// gate, which cannot rise above what the policy says. Capped says that the policy's word
// is what ends the climb. The policy is an effective one.
func GateBounds(gate v1alpha1.PromotionGateSpec, into v1alpha1.EnvironmentPolicySpec) (_ Bounds, capped bool) {
	ofStage := v1alpha1.Warn
	if into.Stage == v1alpha1.Production {
		ofStage = v1alpha1.Enforce
	}
	policy := *into.Promotion
	most := cmp.Or(gate.MaxLevel, policy.MaxLevel, ofStage)
	if capped = policy.MaxLevel != "" && !policy.MaxLevel.Above(most) && policy.MaxLevel != gate.MaxLevel; capped {
		most = policy.MaxLevel
	}
	start := cmp.Or(gate.StartLevel, policy.StartLevel, v1alpha1.Warn)
	return Bounds{Start: v1alpha1.Min(start, most), Max: most}, capped
}
