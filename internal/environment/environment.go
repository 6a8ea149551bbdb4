// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package environment says which namespaces belong to which EnvironmentPolicy, and
// since when. It is pure.
package environment

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/admission"
)

// Map answers which environment a namespace belongs to.
type Map struct {
	excluded     []string
	environments []Environment
	// unreadable are policies of which nobody can say what they select.
	unreadable map[string]bool
}

// Environment is an EnvironmentPolicy as it is acted on.
type Environment struct {
	// Policy is the object as it was read. It must not be written to.
	Policy *v1alpha1.EnvironmentPolicy
	// Spec is the policy's spec with every default filled in.
	Spec v1alpha1.EnvironmentPolicySpec

	selector labels.Selector
}

// Name of the environment is that of its policy.
func (e Environment) Name() string { return e.Policy.Name }

// NewMap reads the policies. The system's namespaces are never part of an environment,
// whatever a selector says, and neither is the operator's own. A policy
// whose selector cannot be read selects nothing; the CRD's validation and the
// policy's condition say so.
func NewMap(policies []v1alpha1.EnvironmentPolicy, operatorNamespace string) Map {
	m := Map{unreadable: map[string]bool{}, excluded: slices.Clone(admission.SystemNamespaces)}
	if operatorNamespace != "" {
		m.excluded = append(m.excluded, operatorNamespace)
	}
	for i := range policies {
		if policies[i].DeletionTimestamp != nil {
			continue
		}
		selector, err := Selector(&policies[i])
		if err != nil {
			m.unreadable[policies[i].Name] = true
			continue
		}
		m.environments = append(m.environments, Environment{
			Policy: &policies[i], Spec: policies[i].Spec.Effective(), selector: selector,
		})
	}
	slices.SortFunc(m.environments, byPrecedence)
	return m
}

// Selector of a policy. It is never that of every namespace: an empty one is an error.
func Selector(policy *v1alpha1.EnvironmentPolicy) (labels.Selector, error) {
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.NamespaceSelector)
	if err != nil {
		return nil, fmt.Errorf("read spec.namespaceSelector: %w", err)
	}
	if selector.Empty() {
		return nil, fmt.Errorf("spec.namespaceSelector is empty: select namespaces by at least one label")
	}
	return selector, nil
}

// byPrecedence orders policies by who gets a namespace that several select: the
// graver stage, then the older policy, then the name.
func byPrecedence(a, b Environment) int {
	switch {
	case a.Spec.Stage.Graver(b.Spec.Stage):
		return -1
	case b.Spec.Stage.Graver(a.Spec.Stage):
		return 1
	}
	return cmp.Or(
		a.Policy.CreationTimestamp.Compare(b.Policy.CreationTimestamp.Time),
		cmp.Compare(a.Policy.Name, b.Policy.Name),
	)
}

// Excluded are the namespaces that never belong to an environment.
func (m Map) Excluded() []string { return slices.Clone(m.excluded) }

// Environments are all of them, in order of precedence.
func (m Map) Environments() []Environment { return m.environments }

// Named is the environment with that name; false when there is none.
func (m Map) Named(name string) (Environment, bool) {
	for _, e := range m.environments {
		if e.Policy.Name == name {
			return e, true
		}
	}
	return Environment{}, false
}

// Exists says whether there is a policy with that name, readable or not.
func (m Map) Exists(name string) bool {
	_, readable := m.Named(name)
	return readable || m.unreadable[name]
}

// Of is the environment that a namespace belongs to; false when there is none.
func (m Map) Of(namespace *corev1.Namespace) (Environment, bool) {
	if slices.Contains(m.excluded, namespace.Name) {
		return Environment{}, false
	}
	for _, e := range m.environments {
		if e.selector.Matches(labels.Set(namespace.Labels)) {
			return e, true
		}
	}
	return Environment{}, false
}

// Held says whether a namespace belongs to a policy whose selector cannot be read now.
// Nobody knows whether it still does, so that everything about it stays as it is.
func (m Map) Held(namespace *corev1.Namespace) bool {
	joined, found := ParseJoined(namespace.Annotations)
	return found && m.unreadable[joined.Environment]
}

// Membership is how the namespaces of a cluster fall to one environment.
type Membership struct {
	// Namespaces belong to the environment, by name.
	Namespaces []string
	// Ceded are selected by it too, but belong to another, by name: Ceded[namespace] is that one.
	Ceded map[string]string
}

// Members says which of the namespaces belong to the named environment, and which it
// selects but cedes to another one. A namespace that is being deleted is left out.
func (m Map) Members(name string, namespaces []corev1.Namespace) Membership {
	members := Membership{Ceded: map[string]string{}}
	own, found := m.Named(name)
	if !found {
		return members
	}
	for i := range namespaces {
		ns := &namespaces[i]
		if ns.DeletionTimestamp != nil || !own.selector.Matches(labels.Set(ns.Labels)) {
			continue
		}
		switch owner, belongs := m.Of(ns); {
		case belongs && owner.Policy.Name == name:
			members.Namespaces = append(members.Namespaces, ns.Name)
		case belongs:
			members.Ceded[ns.Name] = owner.Policy.Name
		}
	}
	slices.Sort(members.Namespaces)
	return members
}
