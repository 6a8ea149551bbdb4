// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package environment

import "github.com/rampart-dev/rampart/api/v1alpha1"

// NextTargets are what revisions of an environment are measured against when no gate
// waits for them: the targets of the environment that follows it, else the default of
// the next stage. Production, which nothing follows, is measured against its own.
func (m Map) NextTargets(of Environment) v1alpha1.ReadinessTargets {
	for _, e := range m.environments {
		if e.Spec.Follows != nil && e.Spec.Follows.Cluster == "" && e.Spec.Follows.Name == of.Name() {
			return e.Spec.Promotion.ReadinessTargets
		}
	}
	next := v1alpha1.Production
	if of.Spec.Stage == v1alpha1.Development {
		next = v1alpha1.Staging
	}
	var none *v1alpha1.ReadinessTargets
	return none.Effective(next)
}
