// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestStandingBringsWhatTheEntrySets(t *testing.T) {
	registries := v1alpha1.ParameterSetting{Name: "registries", Values: []string{"registry.example.com"}}
	most := v1alpha1.ParameterSetting{Name: "most", Value: ptr.To("3")}
	excluded := []v1alpha1.Exclusion{{Namespace: "legacy", Reason: "goes away in May"}}
	policy := v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Staging, Guardrails: []v1alpha1.GuardrailEntry{
		{Selector: &metav1.LabelSelector{}, Parameters: []v1alpha1.ParameterSetting{registries, most}, Exclusions: excluded},
		{Name: "named", Parameters: []v1alpha1.ParameterSetting{registries, most}},
	}}.Effective()
	rule := func(name string, declared ...string) *v1alpha1.Guardrail {
		r := &v1alpha1.Guardrail{ObjectMeta: metav1.ObjectMeta{Name: name}}
		r.Status.Accepted = &v1alpha1.AcceptedRule{}
		for _, parameter := range declared {
			r.Status.Accepted.Spec.Parameters = append(r.Status.Accepted.Spec.Parameters, v1alpha1.Parameter{Name: parameter})
		}
		return r
	}
	for name, c := range map[string]struct {
		rule       *v1alpha1.Guardrail
		parameters []v1alpha1.ParameterSetting
		exclusions []v1alpha1.Exclusion
	}{
		"of an entry by label, the parameters that the guardrail has": {rule("any", "most", "others"), []v1alpha1.ParameterSetting{most}, excluded},
		"of an entry by label, none where it has none":                {rule("any"), nil, excluded},
		"of an entry by label, none before it was accepted":           {&v1alpha1.Guardrail{ObjectMeta: metav1.ObjectMeta{Name: "new"}}, nil, excluded},
		"of an entry by name, all, so that a wrong name shows":        {rule("named", "most"), []v1alpha1.ParameterSetting{registries, most}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			standing, stands := Stands(policy, c.rule)
			g.Expect(stands).To(BeTrue())
			g.Expect(standing.Parameters).To(Equal(c.parameters))
			g.Expect(standing.Exclusions).To(Equal(c.exclusions))
		})
	}
}
