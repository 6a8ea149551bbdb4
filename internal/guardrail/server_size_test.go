// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// many are rules that refuse an image, each in its own words, with sources of about a length.
func many(t testing.TB, n, length int) []*Program {
	t.Helper()
	var all []*Program
	for i := range n {
		source := fmt.Sprintf("variables.containers.filter(c, c.?image.orValue('') == 'forbidden').map(c, {'key': string(c.name), 'text': 'rule %d'})", i)
		source += "\n// " + strings.Repeat("-", max(0, length-len(source)))
		all = append(all, compiled(t, guardrailNamed(fmt.Sprintf("a-guardrail-with-a-name-of-the-greatest-lengt-%02d", i), findingsSpec(source))))
	}
	return all
}

func TestAHundredGuardrailsFit(t *testing.T) {
	for name, c := range map[string]struct {
		length   int
		policies int
	}{
		"of usual length share a policy for each level": {300, 1},
		"of the greatest length are divided":            {8000, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "a-hundred-"+shortDigest(name))
			programs := many(t, 100, c.length)
			objects := s.render(append(placed(v1alpha1.Enforce, programs...), placed(v1alpha1.Warn, programs...)...)...)

			w := NewWithT(t)
			w.Expect(objects.ValidatingPolicies).To(HaveLen(3*c.policies), "at Warn, at Enforce, and elsewhere")
			w.Expect(s.try(podOf("web", "nginx"))).To(Succeed())
			w.Expect(s.try(podOf("web", "forbidden"))).To(beRefused())
		})
	}
}
