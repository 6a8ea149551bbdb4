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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// catalogueFolder holds the guardrails that the project ships, and beside them what they
// must say of examples.
const catalogueFolder = "../../config/guardrails"

// newestServer is the newest Kubernetes that is tested.
var newestServer = version.MajorMinor(1, 37)

func newTestCompiler(t testing.TB) *Compiler {
	t.Helper()
	compiler, err := NewCompiler(newestServer)
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

// exampleSet is the examples beside a guardrail that it judges with the same settings.
type exampleSet struct {
	// name of the folder below the guardrail's; empty for its defaults.
	name string
	// policy in that folder, and what it sets; nil and nothing for the defaults.
	policy   *v1alpha1.EnvironmentPolicy
	settings Settings
	all      []example
}

// example is an object with what the guardrail must say of it. One that is named
// fail-invalid- the API server refuses by itself, before it asks a policy.
type example struct {
	name     string
	violates bool
	object   *unstructured.Unstructured
	// around are further objects of the cluster, for a guardrail that reads them.
	around []*unstructured.Unstructured
}

// environmentFile sets the parameters for the examples beside it.
const environmentFile = "environment.yaml"

// examplesOf are those of a guardrail, by its settings, its defaults first.
func examplesOf(t testing.TB, guardrail string) []exampleSet {
	t.Helper()
	folder := filepath.Join(catalogueFolder, "testdata", guardrail)
	all := []exampleSet{{all: examplesIn(t, folder)}}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		var policy v1alpha1.EnvironmentPolicy
		readYAML(t, filepath.Join(folder, entry.Name(), environmentFile), &policy)
		ref := policy.Spec.Guardrails[0]
		if len(policy.Spec.Guardrails) != 1 || ref.Name != guardrail {
			t.Fatalf("the environment of %s/%s is of %s", guardrail, entry.Name(), ref.Name)
		}
		all = append(all, exampleSet{
			name: entry.Name(), policy: &policy, settings: Settings{Parameters: ref.Parameters, Exclusions: ref.Exclusions},
			all: examplesIn(t, filepath.Join(folder, entry.Name())),
		})
	}
	return all
}

// examples are all of a guardrail, whatever the settings.
func examples(t testing.TB, guardrail string) []example {
	t.Helper()
	var all []example
	for _, set := range examplesOf(t, guardrail) {
		all = append(all, set.all...)
	}
	return all
}

func examplesIn(t testing.TB, folder string) []example {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	for _, file := range files {
		e := example{name: strings.TrimSuffix(filepath.Base(file), ".yaml")}
		switch {
		case filepath.Base(file) == environmentFile:
			continue
		case strings.HasPrefix(e.name, "fail-"):
			e.violates = true
		case !strings.HasPrefix(e.name, "pass-"):
			t.Fatalf("%s says neither pass- nor fail-", file)
		}
		objects := readObjects(t, file)
		e.object, e.around = objects[0], objects[1:]
		all = append(all, e)
	}
	return all
}

// readObjects reads the documents of a file. A field that its kind does not have is an
// error: an example that passes because of a typo shows nothing.
func readObjects(t testing.TB, file string) []*unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []*unstructured.Unstructured
	for document := range strings.SplitSeq(string(content), "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict([]byte(document), &object.Object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		typed := emptyObject(object.GroupVersionKind())
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, object)
	}
	return all
}

// compiledWith is a guardrail as the environment of its examples has set it.
func compiledWith(t testing.TB, g v1alpha1.Guardrail, settings Settings) *Program {
	t.Helper()
	p, err := newTestCompiler(t).CompileFor(g.Name, g.Spec, settings)
	if err != nil {
		t.Fatalf("compile %s: %v", g.Name, err)
	}
	return p
}

// profiles are what environments may select guardrails by: the two of the Pod Security
// Standards, what suits almost every workload, and what a team has to want.
var profiles = []string{"baseline", "restricted", "recommended", "strict"}

// shareOfPolicy is how much of what a rule may cost a rule of the catalogue costs at
// most, on a workload of 100 containers: all of them stand in few policies.
const shareOfPolicy = 3

func TestCatalogueIsProvenTotalCheapAndExplained(t *testing.T) {
	for _, g := range catalogue(t) {
		t.Run(g.Name, func(t *testing.T) {
			w := NewWithT(t)
			p := compiled(t, g)
			w.Expect(p.Partial()).To(BeEmpty())
			w.Expect(p.ratcheted).To(BeTrue())
			w.Expect(p.Cost()).To(And(BeNumerically(">", 0), BeNumerically("<", maxCost/shareOfPolicy)))
			w.Expect(g.Labels[v1alpha1.Group+"/profile"]).To(BeElementOf(profiles))
			w.Expect(g.Spec.Severity).NotTo(BeEmpty())
			for text, of := range map[string]string{
				g.Spec.Title: "title", g.Spec.Description: "description", g.Spec.Rationale: "rationale", g.Spec.HowToFix: "howToFix",
			} {
				w.Expect(text).NotTo(BeEmpty(), of)
				w.Expect(text).NotTo(ContainSubstring("  "), "%s is folded badly", of)
				w.Expect(strings.HasSuffix(text, ".")).To(Equal(of != "title"), "%s and its full stop", of)
			}
			for _, parameter := range g.Spec.Parameters {
				w.Expect(parameter.Description).NotTo(BeEmpty(), parameter.Name)
			}
		})
	}
}

// The oldest supported API server takes the catalogue as the newest does.
func TestCatalogueCompilesForTheOldestServer(t *testing.T) {
	compiler, err := NewCompiler(MinServerVersion)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, g := range catalogue(t) {
		p, err := compiler.Compile(g.Name, g.Spec)
		NewWithT(t).Expect(err).NotTo(HaveOccurred(), g.Name)
		NewWithT(t).Expect(p.Partial()).To(BeEmpty(), g.Name)
	}
}

func TestCatalogueJudgesItsExamples(t *testing.T) {
	for _, g := range catalogue(t) {
		var passing, failing int
		for _, set := range examplesOf(t, g.Name) {
			p := compiledWith(t, g, set.settings)
			NewWithT(t).Expect(p.Partial()).To(BeEmpty(), "%s with %s", g.Name, set.name)
			NewWithT(t).Expect(p.Cost()).To(BeNumerically("<", maxCost/shareOfPolicy), "%s with %s", g.Name, set.name)
			for _, e := range set.all {
				if e.violates {
					failing++
				} else {
					passing++
				}
				if p.BackgroundOnly() {
					continue // See TestCatalogueJudgesWhatIsAround.
				}
				t.Run(strings.Join([]string{g.Name, set.name, e.name}, "/"), func(t *testing.T) {
					verdict, err := p.Evaluate(t.Context(), Input{Object: e.object})
					expectVerdict(t, verdict, err, e.violates)
				})
			}
		}
		if passing == 0 || failing == 0 {
			t.Errorf("%s needs an example that passes and one that fails", g.Name)
		}
	}
}

// expectVerdict says that an example was judged as its name says, and that its findings
// are shown in full.
func expectVerdict(t testing.TB, verdict Verdict, err error, violates bool) {
	t.Helper()
	w := NewWithT(t)
	w.Expect(err).NotTo(HaveOccurred())
	want := OutcomeClean
	if violates {
		want = OutcomeViolated
	}
	w.Expect(verdict.Outcome).To(Equal(want), "%v", verdict.Findings)
	for _, f := range verdict.Findings {
		w.Expect(len(f.Text)).To(BeNumerically("<", maxText), f.Text)
		w.Expect(len(f.Key)).To(BeNumerically("<", maxKey), f.Key)
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
