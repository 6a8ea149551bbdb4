// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/internal/testenv"
)

// inBothForms runs a test in a namespace that is listed alone, and in one that is listed among
// others: a policy lists few namespaces in its selector, and many in a condition.
func inBothForms(t *testing.T, name string, test func(t *testing.T, name string, listed []string)) {
	t.Parallel()
	many := name + "-many"
	for name, listed := range map[string][]string{name: {name}, many: append(numbered(maxSelected), many)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, name, listed)
		})
	}
}

func TestEnforceStandsInItsNamespacesAndWarnsInOthers(t *testing.T) {
	inBothForms(t, "rings", enforceStandsWhereItIsListed)
}

func enforceStandsWhereItIsListed(t *testing.T, name string, listed []string) {
	s := newServer(t, name)
	labels := map[string]string{"environment": name}
	laggard, arrived := name+"-laggard", name+"-new"
	s.create(testenv.Namespace(laggard, labels))
	s.env.Namespaces = []string{name, laggard}
	s.render(enforced(listed, catalogued(t, "image-pinned"))...)

	c, heard := s.listening(person)
	write := func(namespace string) error {
		bad := podOf("bad", "nginx")
		bad.Namespace = namespace
		return c.Create(t.Context(), bad, client.DryRunAll)
	}
	w := NewWithT(t)
	warning := ConsistOf(name + ": [image-pinned] container a image nginx is not pinned; Enforce is next")
	w.Expect(write(name)).To(beRefused())
	w.Expect(heard.take()).To(BeEmpty(), "what is refused is not warned of too")
	w.Expect(write(laggard)).To(Succeed())
	w.Expect(heard.take()).To(warning)

	// A namespace that comes is warned at once, by the policies that stand already.
	s.create(testenv.Namespace(arrived, labels))
	w.Eventually(func(g Gomega) {
		g.Expect(write(arrived)).To(Succeed())
		g.Expect(heard.take()).To(warning)
	}, patience, 20*time.Millisecond).Should(Succeed())

	// One that leaves the environment is left alone, though a list still names it.
	left := testenv.Namespace(name, nil)
	w.Expect(s.as(operator).Patch(t.Context(), left, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"environment":null}}}`)))).To(Succeed())
	w.Eventually(func(g Gomega) {
		g.Expect(write(name)).To(Succeed())
		g.Expect(heard.take()).To(BeEmpty())
	}, patience, 20*time.Millisecond).Should(Succeed())
}
