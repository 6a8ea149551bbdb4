// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// maxKey is how many characters of a finding's key are kept in a verdict.
const maxKey = 253

// Input is what a rule judges.
type Input struct {
	// Object is what the rule judges: one of the typed API objects, or an unstructured
	// one. The kind need not be set on a typed object.
	Object runtime.Object
	// OldObject is the same object before the change; nil if it is new.
	OldObject runtime.Object
	// Namespace that holds it. Nil is unknown: a rule that reads it cannot be evaluated.
	// For an object that is a Namespace itself there is none, whatever is said here.
	Namespace *corev1.Namespace
	// Surroundings are what rules read besides the object. Nil is unknown: a rule that
	// needs them cannot be evaluated.
	Surroundings *Surroundings
}

// Outcome sums up a verdict. The zero value is OutcomeUnknown, so that a verdict nobody
// could reach never reads as clean.
type Outcome string

// The outcomes of a judgement.
const (
	OutcomeUnknown  Outcome = ""
	OutcomeClean    Outcome = "Clean"
	OutcomeViolated Outcome = "Violated"
)

// Verdict is what a rule says of an object.
type Verdict struct {
	Outcome Outcome
	// Findings are the violations, sorted by key, each key once. Texts have at most 150
	// characters and no line break.
	Findings []v1alpha1.Finding
	// New are those that the old object did not have: what Enforce refuses.
	New []v1alpha1.Finding
}

// Evaluate judges an object as the API server would. An error means that the verdict is
// unknown; the API server would have failed on the object too.
func (p *Program) Evaluate(ctx context.Context, in Input) (Verdict, error) {
	after, err := p.subject(in.Object)
	if err != nil {
		return Verdict{}, err
	}
	var before *subject
	if in.OldObject != nil {
		if before, err = p.subject(in.OldObject); err != nil {
			return Verdict{}, err
		}
	}

	now, _, err := p.run(ctx, after, before, in.Namespace, in.Surroundings)
	if err != nil {
		return Verdict{}, fmt.Errorf("evaluate guardrail %s on %s: %w", p.name, after, err)
	}
	fresh := now
	// As in the rendered policy, the old object is looked at only where it matters.
	if before != nil && p.ratcheted && len(now) != 0 {
		then, _, err := p.run(ctx, before, nil, in.Namespace, in.Surroundings)
		if err != nil {
			return Verdict{}, fmt.Errorf("evaluate guardrail %s on %s before the change: %w", p.name, before, err)
		}
		fresh = newTo(then, now)
	}
	return verdictOf(now, fresh), nil
}

// newTo are the findings whose keys were not found before.
func newTo(before, now []v1alpha1.Finding) []v1alpha1.Finding {
	return slices.DeleteFunc(slices.Clone(now), func(f v1alpha1.Finding) bool {
		return slices.ContainsFunc(before, func(old v1alpha1.Finding) bool { return old.Key == f.Key })
	})
}

func verdictOf(now, fresh []v1alpha1.Finding) Verdict {
	verdict := Verdict{Outcome: OutcomeClean, Findings: presented(now), New: presented(fresh)}
	if len(now) != 0 {
		verdict.Outcome = OutcomeViolated
	}
	return verdict
}

// run evaluates the rule, returns its findings as they come, and what that cost in the
// API server's units.
func (p *Program) run(ctx context.Context, after, before *subject, namespace *corev1.Namespace, surroundings *Surroundings) ([]v1alpha1.Finding, int64, error) {
	if err := p.errUncompiled(); err != nil {
		return nil, 0, err
	}
	bindings, err := bound(p.spec.Surroundings, surroundings)
	if err != nil {
		return nil, 0, err
	}
	attributes := attributesOf(after, before)
	results, left, err := p.condition.ForInput(ctx, attributes, requestOf(attributes, after), bindings, after.holder(namespace), celconfig.RuntimeCELCostBudget)
	if err != nil {
		return nil, 0, err
	}
	cost := celconfig.RuntimeCELCostBudget - left
	if results[0].Error != nil {
		return nil, cost, results[0].Error
	}
	findings, err := findingsIn(results[0].EvalResult)
	return findings, cost, err
}

// findingsIn reads the list that a rule has returned.
func findingsIn(value ref.Val) ([]v1alpha1.Finding, error) {
	list, ok := value.(traits.Lister)
	if !ok {
		return nil, fmt.Errorf("the rule returned %s, not a list of findings", value.Type().TypeName())
	}
	var findings []v1alpha1.Finding
	for it := list.Iterator(); it.HasNext() == types.True; {
		element, ok := it.Next().(traits.Mapper)
		if !ok {
			return nil, errors.New("a finding is not an object with a key and a text")
		}
		key, err := stringIn(element, "key")
		if err != nil {
			return nil, err
		}
		text, err := stringIn(element, "text")
		if err != nil {
			return nil, err
		}
		findings = append(findings, v1alpha1.Finding{Key: key, Text: text})
	}
	return findings, nil
}

func stringIn(m traits.Mapper, field string) (string, error) {
	value, found := m.Find(types.String(field))
	if !found {
		return "", fmt.Errorf("a finding has no %s", field)
	}
	s, ok := value.(types.String)
	if !ok {
		return "", fmt.Errorf("the %s of a finding is a %s, not a string", field, value.Type().TypeName())
	}
	return string(s), nil
}

// presented sorts findings, keeps one for each key and cuts them to what a status holds.
func presented(findings []v1alpha1.Finding) []v1alpha1.Finding {
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b v1alpha1.Finding) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Text, b.Text))
	})
	sorted = slices.CompactFunc(sorted, func(a, b v1alpha1.Finding) bool { return a.Key == b.Key })
	for i := range sorted {
		sorted[i] = v1alpha1.Finding{Key: cut(sorted[i].Key, maxKey), Text: cutText(sorted[i].Text)}
	}
	return sorted
}
