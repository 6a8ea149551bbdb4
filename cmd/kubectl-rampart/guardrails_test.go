// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func production() *v1alpha1.EnvironmentPolicy {
	return &v1alpha1.EnvironmentPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "production"},
		Spec:       v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production},
		Status: v1alpha1.EnvironmentPolicyStatus{
			Guardrails: []v1alpha1.GuardrailState{
				{
					Name: "image-pinned", Level: v1alpha1.Enforce, MaxLevel: v1alpha1.Enforce, Since: metav1.NewTime(noon.Add(-time.Hour)),
					Ring: v1alpha1.RingFirst, RingNamespaces: []string{"shop"}, Score: ptr.To[int32](86), Revisions: 12, WouldRefuse: 1, Violating: 3,
					HeldBackTotal:  3,
					HeldBack:       []v1alpha1.HeldBack{{Namespace: "payments", Owner: "team-pay", Why: "its newest revision brought a new finding"}},
					WouldBeRefused: []string{"payments/Deployment api: container api image api is not pinned"}, Next: "Quarter after a clean revision in shop",
				},
				{Name: "replicas", Level: v1alpha1.Observe, MaxLevel: v1alpha1.Enforce, Next: "Warn after 6 clean revisions (none so far)"},
			},
			History: []v1alpha1.LevelChange{
				{Time: metav1.NewTime(noon.Add(-time.Hour)), Guardrail: "image-pinned", From: v1alpha1.Warn, To: v1alpha1.Enforce, Ring: v1alpha1.RingFirst, Why: "11 of 12 so far"},
				{Time: metav1.NewTime(noon.Add(-time.Minute)), Guardrail: "replicas", To: v1alpha1.Observe, Why: "new here"},
			},
		},
	}
}

func staging() *v1alpha1.EnvironmentPolicy {
	return &v1alpha1.EnvironmentPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "zone-staging"},
		Spec:       v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Staging},
		Status: v1alpha1.EnvironmentPolicyStatus{
			Guardrails: []v1alpha1.GuardrailState{{Name: "replicas", Level: v1alpha1.Warn, MaxLevel: v1alpha1.Warn}},
		},
	}
}

// asked runs the command against a cluster that holds the objects.
func asked(t *testing.T, args []string, objects ...client.Object) said {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	cluster := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	var out bytes.Buffer
	g := &guardrails{
		IOStreams: genericiooptions.IOStreams{Out: &out, ErrOut: &out},
		connect:   func() (client.Reader, error) { return cluster, nil },
		now:       func() time.Time { return noon },
	}
	command := g.command()
	command.SetArgs(args)
	command.SilenceUsage, command.SilenceErrors = true, true
	err := command.ExecuteContext(t.Context())
	return said{out.String(), err}
}

func TestOneTableShowsAllEnvironmentsInTheirOrder(t *testing.T) {
	w := NewWithT(t)
	got := asked(t, nil, production(), staging())
	w.Expect(got.err).NotTo(HaveOccurred())
	w.Expect(got.out).To(MatchRegexp(`(?s)ENVIRONMENT +GUARDRAIL +LEVEL.*zone-staging +replicas +Warn.*production +image-pinned +Enforce \(First\) +Enforce +86% +12 +1 +3 +0 +Quarter after.*production +replicas +Observe +Enforce +- +0`))
}

func TestOneEnvironmentIsShownAlone(t *testing.T) {
	w := NewWithT(t)
	got := asked(t, []string{"production"}, production(), staging())
	w.Expect(got.err).NotTo(HaveOccurred())
	w.Expect(got.out).NotTo(ContainSubstring("zone-staging"))
}

func TestOneGuardrailIsShownInFull(t *testing.T) {
	w := NewWithT(t)
	rule := &v1alpha1.Guardrail{
		ObjectMeta: metav1.ObjectMeta{Name: "image-pinned"},
		Spec: v1alpha1.GuardrailSpec{
			Title: "Images pinned to a version", Category: "ReleaseConfiguration", HowToFix: "Name a version.", Findings: "[]", Predicts: v1alpha1.Predictability,
		},
	}
	got := asked(t, []string{"production", "image-pinned"}, production(), rule)
	w.Expect(got.err).NotTo(HaveOccurred())
	for _, line := range []string{
		"Guardrail +image-pinned: Images pinned to a version", "ReleaseConfiguration, Medium", `Level +Enforce \(First\) for 60m, up to Enforce`,
		"Enforced in +shop", `Held back +payments \(team-pay\): its newest revision`, "Would be refused +payments/Deployment api: container",
		`History +60m ago: Warn → Enforce \(First\): 11 of 12`, "False positives +0 suspected", "How to fix +Name a version.",
	} {
		w.Expect(got.out).To(MatchRegexp(line))
	}
	w.Expect(got.out).NotTo(ContainSubstring("new here"), "the history of another guardrail")
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	w := NewWithT(t)
	w.Expect(asked(t, []string{"prod"}, production()).err).To(MatchError(ContainSubstring("there is no environment prod")))
	w.Expect(asked(t, []string{"production", "image"}, production()).err).
		To(MatchError(ContainSubstring("does not stand in environment production; these do: image-pinned, replicas")))
}

func TestAnUnreachableClusterIsAnError(t *testing.T) {
	g := &guardrails{connect: func() (client.Reader, error) { return nil, errors.New("no cluster") }}
	command := g.command()
	command.SetArgs(nil)
	command.SilenceUsage, command.SilenceErrors = true, true
	NewWithT(t).Expect(command.ExecuteContext(t.Context())).To(MatchError("no cluster"))
}
