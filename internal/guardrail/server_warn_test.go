// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestWarnSaysOneLineForEachGuardrail(t *testing.T) {
	t.Parallel()
	s := newServer(t, "staging")
	s.render(placed(v1alpha1.Warn, catalogued(t, "resource-requests"), catalogued(t, "image-pinned"), catalogued(t, "replicas"))...)
	c, heard := s.listening(person)
	bad := podOf("web", "nginx")
	bad.Namespace = s.namespace

	NewWithT(t).Eventually(func(g Gomega) {
		g.Expect(c.Create(t.Context(), bad.DeepCopy(), client.DryRunAll)).To(Succeed())
		g.Expect(heard.take()).To(Equal([]string{
			"staging: [image-pinned] container a image nginx is not pinned",
			"staging: [resource-requests] container a has no cpu request +1 more",
		}))
	}, patience, 20*time.Millisecond).Should(Succeed())
}

// rule is the validation of a policy's first guardrail; the one before answers probes.
func rule(spec *admissionv1.ValidatingAdmissionPolicySpec) *admissionv1.Validation {
	return &spec.Validations[1]
}

// Whatever is wrong below Enforce, requests pass, and what is not wrong goes on.
func TestWarnNeverBlocksWhateverIsBroken(t *testing.T) {
	const requests = "[resource-requests] container a has no cpu request +1 more"
	for name, c := range map[string]struct {
		breakIt func(*admissionv1.ValidatingAdmissionPolicySpec)
		heard   []string
	}{
		"validation": {func(spec *admissionv1.ValidatingAdmissionPolicySpec) {
			rule(spec).Expression = "object.spec.absent.deep == 1"
		}, []string{requests}},
		"message": {func(spec *admissionv1.ValidatingAdmissionPolicySpec) {
			rule(spec).MessageExpression = "string(object.spec.absent.deep)"
		}, []string{"[image-pinned] Images pinned to a version", requests}},
		"variable": {func(spec *admissionv1.ValidatingAdmissionPolicySpec) {
			containers := &spec.Variables[len(prelude())-1] // The one rule reads them, the other does not.
			containers.Expression = "[object.spec.absent.deep]"
		}, []string{requests}},
		"cost": {func(spec *admissionv1.ValidatingAdmissionPolicySpec) {
			ten := "[0,1,2,3,4,5,6,7,8,9]"
			rule(spec).Expression = ten + ".all(a, " + ten + ".all(b, " + ten + ".all(c, " + ten + ".all(d, " + ten + ".all(e, " + ten + ".all(f, a + b + c + d + e + f >= 0))))))"
		}, []string{requests}},
		"condition": {func(spec *admissionv1.ValidatingAdmissionPolicySpec) {
			spec.MatchConditions[0].Expression = "object.spec.absent.deep == 1"
		}, nil},
	} {
		t.Run("a "+name+" that fails", func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "broken-"+name)
			rendered := placed(v1alpha1.Warn, catalogued(t, "image-pinned"), catalogued(t, "resource-requests"))
			objects := Render(s.env, rendered)
			c.breakIt(&objects.ValidatingPolicies[0].Spec)
			s.install(objects)
			// A healthy policy that came later shows that the broken one is in force.
			s.env.Name = "healthy-" + name
			s.render(placed(v1alpha1.Warn, catalogued(t, "memory-limits"))...)

			user, heard := s.listening(person)
			bad := podOf("web", "nginx")
			bad.Namespace = s.namespace
			want := []string{"healthy-" + name + ": [memory-limits] container a has no memory limit"}
			for _, line := range c.heard {
				want = append(want, "broken-"+name+": "+line)
			}
			NewWithT(t).Eventually(func(g Gomega) {
				g.Expect(user.Create(t.Context(), bad.DeepCopy(), client.DryRunAll)).To(Succeed())
				g.Expect(heard.take()).To(ConsistOf(want))
			}, patience, 20*time.Millisecond).Should(Succeed())
		})
	}
}
