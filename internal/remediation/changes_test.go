// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation_test

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
)

func TestChangesAreWhatTheFailedRevisionBrought(t *testing.T) {
	const main = "spec.containers[name=main]"
	for _, c := range []struct {
		name string
		bad  corev1.PodTemplateSpec
		want []v1alpha1.TemplateChange
	}{
		{"an image", edited(image("2")), []v1alpha1.TemplateChange{{Path: main + ".image", Value: `"registry.example/shop:2"`}}},
		{"an image, and a restart, which is no change", edited(image("2"), restarted, func(t *corev1.PodTemplateSpec) {
			t.Labels["pod-template-hash"] = "abc"
		}), []v1alpha1.TemplateChange{{Path: main + ".image", Value: `"registry.example/shop:2"`}}},
		{"a removed variable has no value", edited(func(t *corev1.PodTemplateSpec) {
			t.Spec.Containers[0].Env = t.Spec.Containers[0].Env[1:]
		}), []v1alpha1.TemplateChange{{Path: main + ".env[name=MODE]"}}},
		{"an added variable as a whole", edited(env("X", "1")), []v1alpha1.TemplateChange{{Path: main + ".env[name=X]", Value: `{"name":"X","value":"1"}`}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := remediation.Changes(c.bad, goodTemplate())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(c.want))
		})
	}
}

func TestWhatCannotBeKeptInFullIsNotQuarantined(t *testing.T) {
	for _, c := range []struct {
		name, message string
		bad           corev1.PodTemplateSpec
	}{
		{"no change in the template", "not in the template", edited(restarted)},
		{"too many changes", "changed 21 fields", edited(func(t *corev1.PodTemplateSpec) {
			for i := range 21 {
				env(fmt.Sprintf("V%d", i), "x")(t)
			}
		})},
		{"too large changes together", "bytes, more than the 4096", edited(env("A", strings.Repeat("x", 2000)), env("B", strings.Repeat("x", 2000)), env("MODE", "debug"), env("C", "x"))},
		{"too large a change", "too much to be recognised", edited(env("MODE", strings.Repeat("x", 3000)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := remediation.Changes(c.bad, goodTemplate())
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.message)))
		})
	}
}

func TestARollbackReplacesTheTemplateAlone(t *testing.T) {
	g := NewWithT(t)
	current := deployment("prod", "shop", edited(image("2")))
	current.ResourceVersion = "42"
	target := goodTemplate()
	target.Labels["pod-template-hash"] = "abc"
	patch, err := remediation.RollbackPatch(current, target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(patch)).To(HavePrefix(`[{"op":"test","path":"/metadata/resourceVersion","value":"42"},{"op":"replace","path":"/spec/template","value":{`))
	g.Expect(string(patch)).NotTo(ContainSubstring("pod-template-hash"))
	g.Expect(target.Labels).To(HaveKey("pod-template-hash"), "the target is not changed")

	current.ResourceVersion = ""
	_, err = remediation.RollbackPatch(current, target)
	g.Expect(err).To(HaveOccurred())
}
