// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// catalogueFolder holds the guardrails that the project ships, and beside them what they
// must say of examples.
const catalogueFolder = "../../config/guardrails"

func newTestCompiler(t testing.TB) *Compiler {
	t.Helper()
	compiler, err := NewCompiler(version.MajorMinor(1, 37))
	if err != nil {
		t.Fatal(err)
	}
	return compiler
}

// catalogue is every shipped guardrail.
func catalogue(t testing.TB) []v1alpha1.Guardrail {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(catalogueFolder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []v1alpha1.Guardrail
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		var g v1alpha1.Guardrail
		readYAML(t, file, &g)
		if g.Name+".yaml" != filepath.Base(file) {
			t.Fatalf("%s holds the guardrail %s", file, g.Name)
		}
		all = append(all, g)
	}
	if len(all) == 0 {
		t.Fatal("the catalogue is empty")
	}
	return all
}

func catalogued(t testing.TB, name string) *Program {
	t.Helper()
	for _, g := range catalogue(t) {
		if g.Name == name {
			return compiled(t, g)
		}
	}
	t.Fatalf("the catalogue has no %s", name)
	return nil
}

func compiled(t testing.TB, g v1alpha1.Guardrail) *Program {
	t.Helper()
	p, err := newTestCompiler(t).Compile(g.Name, g.Spec)
	if err != nil {
		t.Fatalf("compile %s: %v", g.Name, err)
	}
	return p
}

func readYAML(t testing.TB, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// example is an object beside a guardrail, with what the guardrail must say of it.
type example struct {
	name     string
	violates bool
	object   *unstructured.Unstructured
}

func examples(t testing.TB, guardrail string) []example {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(catalogueFolder, "testdata", guardrail, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	for _, file := range files {
		e := example{name: strings.TrimSuffix(filepath.Base(file), ".yaml"), object: &unstructured.Unstructured{}}
		switch {
		case strings.HasPrefix(e.name, "fail-"):
			e.violates = true
		case !strings.HasPrefix(e.name, "pass-"):
			t.Fatalf("%s says neither pass- nor fail-", file)
		}
		readYAML(t, file, &e.object.Object)
		all = append(all, e)
	}
	return all
}

func TestCatalogueIsProvenTotalAndExplained(t *testing.T) {
	for _, g := range catalogue(t) {
		t.Run(g.Name, func(t *testing.T) {
			w := NewWithT(t)
			p := compiled(t, g)
			w.Expect(p.Partial()).To(BeEmpty())
			w.Expect(p.ratcheted).To(BeTrue())
			w.Expect(g.Spec.Title).NotTo(BeEmpty())
			w.Expect(g.Spec.Description).NotTo(BeEmpty())
			w.Expect(g.Spec.HowToFix).NotTo(BeEmpty())
		})
	}
}

func TestCatalogueJudgesItsExamples(t *testing.T) {
	for _, g := range catalogue(t) {
		p := compiled(t, g)
		all := examples(t, g.Name)
		var passing, failing int
		for _, e := range all {
			t.Run(g.Name+"/"+e.name, func(t *testing.T) {
				w := NewWithT(t)
				verdict, err := p.Evaluate(t.Context(), Input{Object: e.object})
				w.Expect(err).NotTo(HaveOccurred())
				want := OutcomeClean
				if e.violates {
					want = OutcomeViolated
				}
				w.Expect(verdict.Outcome).To(Equal(want), "%v", verdict.Findings)
			})
			if e.violates {
				failing++
			} else {
				passing++
			}
		}
		if passing == 0 || failing == 0 {
			t.Errorf("%s needs an example that passes and one that fails", g.Name)
		}
	}
}

func TestKustomizationListsTheCatalogue(t *testing.T) {
	w := NewWithT(t)
	var kustomization struct {
		Resources []string `json:"resources"`
	}
	content, err := os.ReadFile(filepath.Join(catalogueFolder, "kustomization.yaml"))
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(yaml.Unmarshal(content, &kustomization)).To(Succeed())
	var files []string
	for _, g := range catalogue(t) {
		files = append(files, g.Name+".yaml")
	}
	slices.Sort(files)
	w.Expect(kustomization.Resources).To(Equal(files))
}
