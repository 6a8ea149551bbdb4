// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// maxExcluded is how many namespaces are remembered that are or were excluded.
const maxExcluded = 256

// wholeOf finds the exclusion that leaves a namespace out as a whole.
func wholeOf(namespace string) func(v1alpha1.Exclusion) bool {
	return func(e v1alpha1.Exclusion) bool { return e.Whole() && e.Namespace == namespace }
}

// leftOut is what is known of a namespace that an exclusion left out as a whole, until
// now or until it has shown something since; nil for all others.
func (a *ascent) leftOut(namespace string) *v1alpha1.ExcludedNamespace {
	if a.Previous == nil {
		return nil
	}
	i := slices.IndexFunc(a.Previous.ExcludedNamespaces, func(e v1alpha1.ExcludedNamespace) bool { return e.Namespace == namespace })
	if i < 0 {
		return nil
	}
	return &a.Previous.ExcludedNamespaces[i]
}

// returns says whether a namespace was left out as a whole, is so no more, and has brought
// nothing clean since: nobody was warned there, so that it comes like a new one. Where
// there is nothing that the guardrail judges, there is nobody to surprise.
func (a *ascent) returns(m Member, conduct *conduct) bool {
	left := a.leftOut(m.Name)
	switch {
	case left == nil:
		return false
	case left.Until == nil:
		return a.concerned(m.Name)
	default:
		return a.concerned(m.Name) && !conduct.lastClean.After(left.Until.Time)
	}
}

// concerned says whether there is anything in a namespace that the guardrail judges, or will.
func (a *ascent) concerned(namespace string) bool {
	_, judged := slices.BinarySearch(a.Record.Namespaces, namespace)
	return judged || a.Record.Awaited[namespace]
}

// excluded is what the next look has to know of the namespaces that are left out as a
// whole, and of those that were.
func (a *ascent) excluded() []v1alpha1.ExcludedNamespace {
	var now, ended []v1alpha1.ExcludedNamespace
	for _, m := range a.Members {
		switch left := a.leftOut(m.Name); {
		case slices.ContainsFunc(a.Exclusions, wholeOf(m.Name)):
			now = append(now, v1alpha1.ExcludedNamespace{Namespace: m.Name})
		case !a.returns(m, a.judged.of(m.Name)):
		case left.Until == nil:
			until := metav1.NewTime(a.now)
			ended = append(ended, v1alpha1.ExcludedNamespace{Namespace: m.Name, Until: &until})
		default:
			ended = append(ended, *left)
		}
	}
	slices.SortFunc(ended, func(x, y v1alpha1.ExcludedNamespace) int {
		return cmp.Or(y.Until.Compare(x.Until.Time), cmp.Compare(x.Namespace, y.Namespace))
	})
	all := slices.Concat(now, ended)
	all = all[:min(len(all), maxExcluded)]
	slices.SortFunc(all, func(x, y v1alpha1.ExcludedNamespace) int { return cmp.Compare(x.Namespace, y.Namespace) })
	return all
}
