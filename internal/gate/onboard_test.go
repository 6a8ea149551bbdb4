// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestOneLabelMakesAGate(t *testing.T) {
	gate := func(name, source string, labels map[string]string) v1alpha1.PromotionGate {
		g := v1alpha1.PromotionGate{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
		g.Spec.Source.Namespace = source
		return g
	}
	remote := func(g v1alpha1.PromotionGate) v1alpha1.PromotionGate {
		g.Spec.Source.Cluster = "west"
		return g
	}
	from := func(source string) map[string]string { return map[string]string{v1alpha1.LabelPromotesFrom: source} }
	ours := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
	for _, c := range []struct {
		name     string
		labels   map[string]string
		gates    []v1alpha1.PromotionGate
		excluded bool
		want     Onboarding
		wrong    string
	}{
		{"no label, no gate", nil, nil, false, Onboarding{}, ""},
		{"the label asks for one", from("staging"), nil, false, Onboarding{Source: "staging"}, ""},
		{"the one that it made stays", from("staging"), []v1alpha1.PromotionGate{gate("default", "staging", ours)}, false, Onboarding{Source: "staging"}, ""},
		{"another source takes its place", from("next"), []v1alpha1.PromotionGate{gate("default", "staging", ours)}, false, Onboarding{Source: "next"}, ""},
		{"a person's gate from the same source is enough", from("staging"), []v1alpha1.PromotionGate{gate("mine", "staging", nil)}, false, Onboarding{}, ""},
		{"whoever labels a gate of another name as ours has made it", from("staging"), []v1alpha1.PromotionGate{gate("mine", "staging", ours)}, false, Onboarding{}, ""},
		{"a person's gate from that namespace of another cluster is not", from("staging"), []v1alpha1.PromotionGate{remote(gate("mine", "staging", nil))}, false, Onboarding{Source: "staging"}, ""},
		{"a person's gate from elsewhere is not", from("staging"), []v1alpha1.PromotionGate{gate("mine", "other", nil)}, false, Onboarding{Source: "staging"}, ""},
		{"a person's gate has the name", from("staging"), []v1alpha1.PromotionGate{gate("default", "other", nil)}, false, Onboarding{Stay: true}, "give that one another name"},
		{"the namespace itself", from("production"), nil, false, Onboarding{Source: "production"}, "itself"},
		{"no such namespace", from("gone"), nil, false, Onboarding{Source: "gone"}, "does not exist"},
		{"no name at all", from(""), nil, false, Onboarding{Stay: true}, "is not the name of a namespace"},
		{"no name of a namespace", from("Not_A_Name"), nil, false, Onboarding{Stay: true}, "is not the name of a namespace"},
		{"a namespace of the system", from("staging"), nil, true, Onboarding{}, "never has a gate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			got := Onboard(OnboardInput{
				Namespace: "production", Labels: c.labels, Gates: c.gates, Excluded: c.excluded,
				SourceExists: c.labels[v1alpha1.LabelPromotesFrom] != "gone",
			})
			if c.wrong == "" {
				g.Expect(got.Wrong).To(BeEmpty())
			} else {
				g.Expect(got.Wrong).To(ContainSubstring(c.wrong))
			}
			got.Wrong = ""
			g.Expect(got).To(Equal(c.want))
		})
	}
}
