// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

var _ = Describe("Programs", func() {
	atMost := func(generation int64, most string) (*v1alpha1.Guardrail, guardrail.Settings) {
		rule := &v1alpha1.Guardrail{}
		rule.Name, rule.UID = "replicas", "1"
		rule.Status.Accepted = &v1alpha1.AcceptedRule{Generation: generation, Spec: v1alpha1.GuardrailSpec{
			Title: "Few replicas", Findings: "object.spec.?replicas.orValue(1) > variables.params.most ? [{'key': 'a', 'text': 'b'}] : []",
			Parameters: []v1alpha1.Parameter{{Name: "most", Type: v1alpha1.ParameterInteger, Default: ptr.To("3")}},
		}}
		if most == "" {
			return rule, guardrail.Settings{}
		}
		return rule, guardrail.Settings{Parameters: []v1alpha1.ParameterSetting{{Name: "most", Value: &most}}}
	}

	It("compiles a rule once for all environments that set it alike", func() {
		programs := controllers.NewPrograms(compiler)
		first, err := programs.For(atMost(1, ""))
		Expect(err).NotTo(HaveOccurred())
		for _, same := range []string{"", "3"} {
			Expect(programs.For(atMost(1, same))).To(BeIdenticalTo(first))
		}
		Expect(programs.For(atMost(1, "4"))).NotTo(BeIdenticalTo(first))
		Expect(programs.For(atMost(1, ""))).To(BeIdenticalTo(first), "settings do not displace each other")
		Expect(programs.For(atMost(2, ""))).NotTo(BeIdenticalTo(first), "another version is another rule")
	})

	It("forgets settings that were edited away, and judges by those that stand", func() {
		programs := controllers.NewPrograms(compiler)
		for n := range 70 {
			rule, settings := atMost(1, strconv.Itoa(n))
			program, err := programs.For(rule, settings)
			Expect(err).NotTo(HaveOccurred())
			Expect(program.Digest()).To(Equal(guardrail.Digest(rule.Status.Accepted.Spec, settings.Parameters)))
		}
	})

	It("says what is wrong each time it is asked", func() {
		programs := controllers.NewPrograms(compiler)
		for range 2 {
			_, err := programs.For(atMost(1, "many"))
			Expect(err).To(MatchError(`parameter most of guardrail replicas: "many" is not an integer`))
		}
		_, err := programs.For(&v1alpha1.Guardrail{}, guardrail.Settings{})
		Expect(err).To(MatchError("no accepted rule"))
	})
})
