// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	. "github.com/onsi/gomega"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestSignature(t *testing.T) {
	for _, c := range []struct {
		name    string
		image   string
		command []string
		want    string
	}{
		{"an image without a command is its own signature", "registry.example/shop:1.2.0", nil, "registry.example/shop:1.2.0"},
		{"a tag beside a digest is dropped", "registry.example/shop:1.2.0@sha256:ab", nil, "registry.example/shop@sha256:ab"},
		{"the port of a registry is no tag", "localhost:5000/shop@sha256:ab", nil, "localhost:5000/shop@sha256:ab"},
		{"an image without a registry keeps its name", "shop:1@sha256:ab", nil, "shop@sha256:ab"},
		{"a command follows the image", "shop:1", []string{"sh", "-c"}, "shop:1 sh -c"},
		{"what separates fields and lines is escaped", "shop:1", []string{"a b", "c\nd", `e\f`}, `shop:1 a\sb c\nd e\\f`},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(Signature(c.image, c.command)).To(Equal(c.want))
		})
	}
}

// TestSignatureIsTheSameInCEL feeds random containers to Signature and to the expression
// that the admission policy uses, in the API server's own CEL environment.
func TestSignatureIsTheSameInCEL(t *testing.T) {
	g := NewWithT(t)
	set, err := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).Extend(environment.VersionedOptions{
		IntroducedVersion: environment.DefaultCompatibilityVersion(),
		EnvOptions:        []cel.EnvOption{cel.Variable("c", cel.DynType)},
	})
	g.Expect(err).NotTo(HaveOccurred())
	env := set.StoredExpressionsEnv()
	ast, issues := env.Compile(signatureOf("c"))
	g.Expect(issues.Err()).NotTo(HaveOccurred())
	program, err := env.Program(ast)
	g.Expect(err).NotTo(HaveOccurred())

	pieces := []string{"a", "b/", ":", "5000", "@", "sha256:", " ", "\n", `\`, `\n`, `\s`, "é", "'", `"`, "x/y", "1.2"}
	random := rand.New(rand.NewSource(1))
	word := func() string {
		var b strings.Builder
		for range random.Intn(6) {
			b.WriteString(pieces[random.Intn(len(pieces))])
		}
		return b.String()
	}
	for range 3000 {
		image := word()
		container := map[string]any{"name": "c", "image": image}
		var command []string
		for range random.Intn(4) {
			command = append(command, word())
		}
		if len(command) > 0 {
			container["command"] = command
		}
		value, _, err := program.Eval(map[string]any{"c": container})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(value.Value()).To(Equal(Signature(image, command)), "image %q command %q", image, command)
	}
}

func TestSignaturesTellContainersApart(t *testing.T) {
	random := rand.New(rand.NewSource(2))
	pieces := []string{"a", " ", "\n", `\`, "s", "n", ""}
	seen := map[string][]string{}
	for range 20000 {
		fields := make([]string, 1+random.Intn(3))
		for i := range fields {
			for range random.Intn(4) {
				fields[i] += pieces[random.Intn(len(pieces))]
			}
		}
		signature := Signature(fields[0], fields[1:])
		g := NewWithT(t)
		g.Expect(signature).NotTo(ContainSubstring("\n"))
		g.Expect(signature).NotTo(Equal(takenOver))
		if other, found := seen[signature]; found {
			g.Expect(fields).To(Equal(other), signature)
		}
		seen[signature] = fields
	}
}

func FuzzEntryParsesToWhatItSays(f *testing.F) {
	f.Add("staging shop: missing", "shop:1", "sh", "old:1", `\`)
	f.Fuzz(func(t *testing.T, message, image, command, oldImage, oldCommand string) {
		entry := Entry{
			Message:   oneLine(message),
			Proven:    []string{Signature("p"+image, []string{command})},
			TakenOver: []string{Signature("t"+oldImage, []string{oldCommand}), Signature("x", nil)},
		}
		NewWithT(t).Expect(ParseEntry(entry.String())).To(Equal(entry))
	})
}

func TestAnnotationKeys(t *testing.T) {
	g := NewWithT(t)
	for _, kind := range []v1alpha1.WorkloadKind{v1alpha1.KindDeployment, v1alpha1.KindCronJob, v1alpha1.KindReplicationController} {
		key := Key{Kind: kind, Name: "shop.v1"}
		parsed, ok := ParseKey(key.Annotation())
		g.Expect(ok).To(BeTrue())
		g.Expect(parsed).To(Equal(key))
		g.Expect(IsLedger(key.Annotation())).To(BeTrue())
	}
	g.Expect(IsLedger(AnnotationSince)).To(BeTrue())
	for _, foreign := range []string{"kubernetes.io/metadata.name", "rampart.dev/joined", "other.ledger.rampart.dev/x", "ledger"} {
		g.Expect(IsLedger(foreign)).To(BeFalse(), foreign)
	}
	g.Expect(Key{Name: strings.Repeat("a", 63)}.Fits()).To(BeTrue())
	g.Expect(Key{Name: strings.Repeat("a", 64)}.Fits()).To(BeFalse())
}
