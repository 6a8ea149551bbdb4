// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package docs_test keeps the documentation true where a machine can tell: its examples
// decode and compile, its links lead somewhere, and what the operator can say or may do
// is explained.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/config"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

const root = ".."

// partOfPolicy begins an example that is to be added to an EnvironmentPolicy of the reader's:
// a whole one, applied, would take away what the reader's says beside it.
const partOfPolicy = "# in your EnvironmentPolicy"

var (
	fenced = regexp.MustCompile("(?s)\n```yaml\n(.*?\n)```\n")
	// link is the target of a Markdown link that is a path in this repository.
	link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

// pages are the documents written by hand, by their paths.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	read := func(path string) error {
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	}
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" && filepath.Dir(path) != "reference" {
			return read(path)
		}
		return err
	})
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(read(filepath.Join(root, "README.md"))).To(Succeed())
	g.Expect(len(all)).To(BeNumerically(">", 10))
	return all
}

func TestEveryExampleOfOurKindsIsValid(t *testing.T) {
	compiler, err := guardrail.NewCompiler(version.MajorMinor(1, 37))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	examples, parts := 0, 0
	for path, text := range pages(t) {
		for _, block := range fenced.FindAllStringSubmatch(text, -1) {
			for document := range strings.SplitSeq(block[1], "\n---\n") {
				var kind metav1.TypeMeta
				g := NewWithT(t)
				g.Expect(yaml.Unmarshal([]byte(document), &kind)).To(Succeed(), "%s:\n%s", path, document)
				if strings.HasPrefix(document, partOfPolicy) {
					parts++
					g.Expect(yaml.UnmarshalStrict([]byte(document), &v1alpha1.EnvironmentPolicy{})).To(Succeed(), "%s:\n%s", path, document)
					continue
				}
				if kind.APIVersion != v1alpha1.GroupVersion.String() {
					continue
				}
				examples++
				objects := map[string]any{
					"EnvironmentPolicy": &v1alpha1.EnvironmentPolicy{},
					"PromotionGate":     &v1alpha1.PromotionGate{},
					"Guardrail":         &v1alpha1.Guardrail{},
				}
				g.Expect(objects).To(HaveKey(kind.Kind), "%s:\n%s", path, document)
				g.Expect(yaml.UnmarshalStrict([]byte(document), objects[kind.Kind])).To(Succeed(), "%s:\n%s", path, document)
				if rule, ok := objects[kind.Kind].(*v1alpha1.Guardrail); ok {
					program, err := compiler.Compile(rule.Name, rule.Spec)
					g.Expect(err).NotTo(HaveOccurred(), "%s:\n%s", path, document)
					g.Expect(program.Partial()).To(BeEmpty(), "%s: an example is total:\n%s", path, document)
				}
			}
		}
	}
	NewWithT(t).Expect(examples).To(BeNumerically(">", 5))
	NewWithT(t).Expect(parts).To(BeNumerically(">", 3))
}

func TestEveryLinkIntoTheRepositoryLeadsSomewhere(t *testing.T) {
	for path, text := range pages(t) {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(path), found[1]))
			NewWithT(t).Expect(err).NotTo(HaveOccurred(), "%s links to %s", path, found[1])
		}
	}
}

func TestEveryReasonAndMetricIsExplainedToWhoIsOnCall(t *testing.T) {
	text := pages(t)[filepath.Join("guides", "on-call.md")]
	for _, c := range []struct {
		file, pattern, prefix string
	}{
		{filepath.Join(root, "internal", "telemetry", "events.go"), `Reason\w+\s*= "(\w+)"`, ""},
		{filepath.Join(root, "api", "v1alpha1", "common.go"), `Reason\w+\s*= "(\w+)"`, ""},
		{filepath.Join(root, "api", "v1alpha1", "common.go"), `Condition\w+\s*= "(\w+)"`, ""},
		{filepath.Join(root, "internal", "telemetry", "metrics.go"), `(?:gauge|counter)\("(\w+)"`, "rampart_"},
	} {
		g := NewWithT(t)
		source, err := os.ReadFile(c.file)
		g.Expect(err).NotTo(HaveOccurred())
		names := regexp.MustCompile(c.pattern).FindAllStringSubmatch(string(source), -1)
		g.Expect(names).NotTo(BeEmpty(), "%s in %s", c.pattern, c.file)
		for _, name := range names {
			g.Expect(text).To(ContainSubstring("`"+c.prefix+name[1]+"`"), "%s is not explained", name[1])
		}
	}
}

func TestEveryPermissionOfTheOperatorIsExplained(t *testing.T) {
	g := NewWithT(t)
	text := pages(t)[filepath.Join("guides", "rbac.md")]
	var role rbacv1.ClusterRole
	g.Expect(yaml.Unmarshal(config.Role, &role)).To(Succeed())
	g.Expect(role.Rules).NotTo(BeEmpty())
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			g.Expect(text).To(ContainSubstring("`"+resource+"`"), "%s is not explained", resource)
		}
	}
}
