// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/internal/admission"
)

func TestTheSystemIsExcludedOnceAndInOrder(t *testing.T) {
	g := NewWithT(t)
	requirement := admission.OutsideSystem([]string{"rampart-system", "kube-system", "another"})
	g.Expect(requirement.Key).To(Equal("kubernetes.io/metadata.name"), "the one label that nobody can change")
	g.Expect(requirement.Values).To(Equal([]string{"another", "kube-node-lease", "kube-public", "kube-system", "rampart-system"}))
}

func TestEachBuiltInControllerIsNamedForItsOwnResourceOnly(t *testing.T) {
	g := NewWithT(t)
	expression := admission.NotBuiltInStep().Expression
	g.Expect(expression).To(ContainSubstring(`"replicasets": ["system:kube-controller-manager", "system:serviceaccount:kube-system:deployment-controller"]`))
	g.Expect(expression).To(ContainSubstring(`"jobs": ["system:kube-controller-manager", "system:serviceaccount:kube-system:cronjob-controller"]`))
	g.Expect(expression).NotTo(ContainSubstring("generic-garbage-collector"))
}
