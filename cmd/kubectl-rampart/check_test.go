// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

const catalogue = "../../config/guardrails"

// said is how a command ended.
type said struct {
	out string
	err error
}

func run(args ...string) said {
	var out bytes.Buffer
	root := newRoot(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out})
	root.SetArgs(args)
	err := root.Execute()
	return said{out.String(), err}
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const nakedDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: nginx}]
`

const pinnedRule = `
apiVersion: rampart.dev/v1alpha1
kind: Guardrail
metadata: {name: registries}
spec:
  title: Known registries
  category: ReleaseConfiguration
  severity: Critical
  howToFix: Use a known registry.
  parameters: [{name: registry, type: String, default: docker.io}]
  findings: |
    variables.containers.filter(c, !c.?image.orValue('').startsWith(variables.params.registry + '/')).map(c, {
      'key': 'container/' + c.name, 'text': 'container ' + c.name + ' is not from ' + variables.params.registry})
`

func TestFindingsAreNamedWithTheirRemedy(t *testing.T) {
	w := NewWithT(t)
	got := run("check", "-f", file(t, nakedDeployment), "--guardrails", file(t, pinnedRule), "-n", "shop")
	w.Expect(got.err).To(MatchError(errFindings))
	w.Expect(got.out).To(ContainSubstring("Deployment shop/web\n"))
	w.Expect(got.out).To(MatchRegexp(`Critical +registries +container web is not from docker.io`))
	w.Expect(got.out).To(MatchRegexp(`registries +Use a known registry.`))
	w.Expect(got.out).To(ContainSubstring("1 of 1 manifests judged by 1 guardrails: 1 finding\n"))
}

func TestAPolicySetsWhatItsEnvironmentJudges(t *testing.T) {
	policy := func(entry string) string {
		return file(t, `
apiVersion: rampart.dev/v1alpha1
kind: EnvironmentPolicy
metadata: {name: production}
spec:
  stage: Production
  namespaceSelector: {matchLabels: {stage: production}}
  guardrails: [`+entry+`]
`)
	}
	check := func(entry string) said {
		return run("check", "-f", file(t, nakedDeployment), "--guardrails", file(t, pinnedRule), "--policy", policy(entry))
	}
	t.Run("its parameters count", func(t *testing.T) {
		NewWithT(t).Expect(check("{name: registries, parameters: [{name: registry, value: ghcr.io}]}").out).
			To(ContainSubstring("container web is not from ghcr.io"))
	})
	t.Run("its exclusions count, and are shown", func(t *testing.T) {
		w := NewWithT(t)
		got := check("{name: registries, exclusions: [{namespace: default, kind: Deployment, reason: moves away in May}]}")
		w.Expect(got.err).NotTo(HaveOccurred())
		w.Expect(got.out).To(MatchRegexp(`Excluded +registries +moves away in May`))
	})
	t.Run("a guardrail that is not there is an error, and no success", func(t *testing.T) {
		NewWithT(t).Expect(check("{name: another}").err).To(MatchError(ContainSubstring("names guardrail another, which is not among those given")))
	})
	t.Run("an environment without guardrails is an error, and no success", func(t *testing.T) {
		NewWithT(t).Expect(check("{selector: {matchLabels: {team: another}}}").err).To(MatchError(ContainSubstring("no guardrail stands in environment production")))
	})
	t.Run("a parameter that does not exist is an error", func(t *testing.T) {
		NewWithT(t).Expect(check("{name: registries, parameters: [{name: registri, value: x}]}").err).
			To(MatchError(ContainSubstring("registri")))
	})
	t.Run("a file without a policy is an error", func(t *testing.T) {
		got := run("check", "-f", file(t, nakedDeployment), "--policy", file(t, nakedDeployment))
		NewWithT(t).Expect(got.err).To(MatchError(ContainSubstring("holds 0 EnvironmentPolicies")))
	})
}

func TestAnAnswerForMachinesHoldsTheSame(t *testing.T) {
	w := NewWithT(t)
	got := run("check", "-f", file(t, nakedDeployment), "--guardrails", file(t, pinnedRule), "-o", "json")
	w.Expect(got.err).To(MatchError(errFindings))
	var a answer
	w.Expect(json.Unmarshal([]byte(got.out), &a)).To(Succeed())
	w.Expect(a.Guardrails).To(Equal(1))
	w.Expect(a.Verdicts).To(HaveLen(1))
	w.Expect(a.Verdicts[0].Findings[0].Key).To(Equal("container/web"))
}

func TestWhatCannotBeReadIsNoSuccess(t *testing.T) {
	for name, args := range map[string][]string{
		"no file":                    {"check"},
		"a file that is not there":   {"check", "-f", "missing.yaml"},
		"a file that is no manifest": {"check", "-f", file(t, "just: values")},
		"an unknown form":            {"check", "-f", file(t, nakedDeployment), "-o", "wide"},
		"an unknown version":         {"check", "-f", file(t, nakedDeployment), "--kubernetes", "new"},
		"a guardrail that is broken": {"check", "-f", file(t, nakedDeployment), "--guardrails", file(t, strings.ReplaceAll(pinnedRule, "c.name", "c.nam("))},
		"a guardrail with a typo":    {"check", "-f", file(t, nakedDeployment), "--guardrails", file(t, strings.ReplaceAll(pinnedRule, "howToFix", "howTofix"))},
		"no guardrail":               {"check", "-f", file(t, nakedDeployment), "--guardrails", file(t, nakedDeployment)},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWithT(t)
			got := run(args...)
			w.Expect(got.err).To(HaveOccurred())
			w.Expect(got.err).NotTo(MatchError(errFindings))
		})
	}
}

// The shipped examples say the same here as in the operator and in the API server. Those
// in a folder of their own are of an environment that sets parameters.
func TestExamplesOfTheCatalogueAreJudgedOffline(t *testing.T) {
	policies, err := filepath.Glob(filepath.Join(catalogue, "testdata", "*", "*", "environment.yaml"))
	if err != nil || len(policies) == 0 {
		t.Fatalf("no environments: %v", err)
	}
	folders, err := filepath.Glob(filepath.Join(catalogue, "testdata", "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			expectExamplesJudged(t, folder, filepath.Base(folder))
		})
	}
	for _, policy := range policies {
		folder := filepath.Dir(policy)
		guardrail := filepath.Base(filepath.Dir(folder))
		t.Run(guardrail+"/"+filepath.Base(folder), func(t *testing.T) {
			expectExamplesJudged(t, folder, guardrail, "--policy", policy)
		})
	}
}

func expectExamplesJudged(t *testing.T, folder, guardrail string, flags ...string) {
	t.Helper()
	w := NewWithT(t)
	got := run(append([]string{"check", "-f", folder, "--guardrails", filepath.Join(catalogue, guardrail+".yaml"), "-o", "json"}, flags...)...)
	w.Expect(got.err).To(Or(Not(HaveOccurred()), MatchError(errFindings)))
	var a answer
	w.Expect(json.Unmarshal([]byte(got.out), &a)).To(Succeed())
	if len(a.Skipped) > 0 {
		t.Skip("it reads what else is in a cluster")
	}
	violating := map[string]bool{}
	for _, v := range a.Verdicts {
		violating[filepath.Base(v.Source)] = len(v.Findings) > 0
	}
	examples, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	w.Expect(err).NotTo(HaveOccurred())
	for _, example := range examples {
		name := filepath.Base(example)
		w.Expect(violating[name]).To(Equal(strings.HasPrefix(name, "fail-")), name)
	}
}
