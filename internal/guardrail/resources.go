// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Resources are the objects that the rule judges instead of workloads; nil for a rule over
// workloads. They must not be changed.
func (p *Program) Resources() []v1alpha1.ResourceRule { return p.spec.Resources }

// BackgroundOnly says whether the rule reads what admission cannot: it is never rendered,
// and stays at Observe.
func (p *Program) BackgroundOnly() bool { return len(p.spec.Surroundings) != 0 }

// Judges says whether the rule is about workloads of that kind. It finds nothing in others.
func (p *Program) Judges(kind v1alpha1.WorkloadKind) bool {
	if len(p.spec.Resources) != 0 {
		return false
	}
	return len(p.spec.Kinds) == 0 || slices.Contains(p.spec.Kinds, kind)
}

// JudgesObject says whether the rule is about objects of that kind, workloads included. It
// finds nothing in others, and nothing in the same kind of another version.
func (p *Program) JudgesObject(gvk schema.GroupVersionKind) bool {
	kind := v1alpha1.WorkloadKind(gvk.Kind)
	if workload.GroupVersionKind(kind) == gvk {
		return p.Judges(kind)
	}
	return slices.ContainsFunc(p.spec.Resources, func(r v1alpha1.ResourceRule) bool { return kindOf(r) == gvk })
}

func kindOf(r v1alpha1.ResourceRule) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}
}

// emptyObject is an object of a kind that the API server has a type for; nil for a custom
// resource, and for what is no object.
func emptyObject(gvk schema.GroupVersionKind) workload.Object {
	empty, err := builtIn.New(gvk)
	if err != nil {
		return nil
	}
	object, _ := empty.(workload.Object)
	return object
}

// checkResources says what is wrong with the names of the resources, as far as that can be
// told without asking a server. Its error joins every *CompileError.
func checkResources(resources []v1alpha1.ResourceRule) error {
	var errs []error
	for i, r := range resources {
		field := fmt.Sprintf("resources[%d]", i)
		switch plural, _ := meta.UnsafeGuessKindToResource(kindOf(r)); {
		case workloadResource(kindOf(r)) != "":
			errs = append(errs, invalid(field+".kind", r.Kind+" is a workload: leave resources out, and set kinds to limit the rule"))
		case r.Group == "" && r.Kind == "Secret":
			errs = append(errs, invalid(field+".kind", "Secrets are never read"))
		case emptyObject(kindOf(r)) != nil && plural.Resource != r.Resource:
			errs = append(errs, invalid(field+".resource", fmt.Sprintf("a %s is one of %s, not of %s", r.Kind, plural.Resource, r.Resource)))
		}
	}
	return errors.Join(errs...)
}

// onlyFor limits a findings expression to what the rule is about, so that rules over
// different objects can share a policy.
func onlyFor(spec v1alpha1.GuardrailSpec, findings string) string {
	var condition string
	switch {
	case len(spec.Resources) != 0:
		terms := make([]string, 0, len(spec.Resources))
		for _, r := range spec.Resources {
			terms = append(terms, fmt.Sprintf("object.kind == %s && object.apiVersion == %s",
				stringLiteral(r.Kind), stringLiteral(kindOf(r).GroupVersion().String())))
		}
		condition = strings.Join(terms, " || ")
	case len(spec.Kinds) != 0:
		kinds := make([]string, 0, len(spec.Kinds))
		for _, kind := range spec.Kinds {
			kinds = append(kinds, "'"+string(kind)+"'")
		}
		condition = fmt.Sprintf("object.kind in [%s]", strings.Join(kinds, ", "))
	default:
		return findings
	}
	return fmt.Sprintf("%s ? (%s\n) : []", condition, findings)
}
