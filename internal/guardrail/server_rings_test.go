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

func TestEnforceStandsInItsNamespacesAndWarnsInOthers(t *testing.T) {
	t.Parallel()
	s := newServer(t, "rings")
	labels := map[string]string{"environment": "rings"}
	s.create(testenv.Namespace("rings-laggard", labels))
	s.env.Namespaces = []string{"rings", "rings-laggard"}
	s.render(enforced([]string{"rings"}, catalogued(t, "image-pinned"))...)

	c, heard := s.listening(person)
	write := func(namespace string) error {
		bad := podOf("bad", "nginx")
		bad.Namespace = namespace
		return c.Create(t.Context(), bad, client.DryRunAll)
	}
	w := NewWithT(t)
	warning := ConsistOf("rings: [image-pinned] container a image nginx is not pinned; Enforce is next")
	w.Expect(write("rings")).To(beRefused())
	w.Expect(heard.take()).To(BeEmpty(), "what is refused is not warned of too")
	w.Expect(write("rings-laggard")).To(Succeed())
	w.Expect(heard.take()).To(warning)

	// A namespace that comes is warned at once, by the policies that stand already.
	s.create(testenv.Namespace("rings-new", labels))
	w.Eventually(func(g Gomega) {
		g.Expect(write("rings-new")).To(Succeed())
		g.Expect(heard.take()).To(warning)
	}, patience, 20*time.Millisecond).Should(Succeed())

	// One that leaves the environment is left alone, though a list still names it.
	left := testenv.Namespace("rings", nil)
	w.Expect(s.as(operator).Patch(t.Context(), left, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"environment":null}}}`)))).To(Succeed())
	w.Eventually(func(g Gomega) {
		g.Expect(write("rings")).To(Succeed())
		g.Expect(heard.take()).To(BeEmpty())
	}, patience, 20*time.Millisecond).Should(Succeed())
}
