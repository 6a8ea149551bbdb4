// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// valueOf is what CEL reads in a literal.
func valueOf(t *testing.T, c *Compiler, literal string) any {
	t.Helper()
	checked, issues := c.parse.Compile(literal)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", literal, issues.Err())
	}
	program, err := c.parse.Program(checked)
	if err != nil {
		t.Fatal(err)
	}
	value, _, err := program.Eval(map[string]any{})
	if err != nil {
		t.Fatalf("%s: %v", literal, err)
	}
	return value.Value()
}

// awkward are the strings that break quoting.
var awkward = []string{
	"", " ", "plain", `"`, `'`, `'''`, `"""`, `""" + '''`, "`", `\`, `\\`, `\"`, `\n`, `C:\new\u0041\x41\101`,
	"two\nlines", "\r\n", "\r", "\t\v\f\a\b", "\x00\x01\x1f\x7f", "é✓😀", "\u00ff\u0100", "\u200b\u2028\ufeff",
	"\U000e0001\U0010ffff", "{{}}", "${x}", "// comment", "%s", "b'x'", "r'x'", "?",
}

func TestEveryStringComesBackFromItsLiteral(t *testing.T) {
	c := newTestCompiler(t)
	tried := awkward
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		var s strings.Builder
		for range random.IntN(20) {
			r := rune(random.IntN(0x250))
			if random.IntN(4) == 0 {
				r = rune(random.IntN(utf8.MaxRune + 1))
			}
			s.WriteRune(r) // What is no character becomes U+FFFD, as in any API object.
		}
		tried = append(tried, s.String())
	}
	for _, s := range tried {
		literal := stringLiteral(s)
		if got := valueOf(t, c, literal); got != s {
			t.Errorf("%q became %q by %s", s, got, literal)
		}
		if strings.ContainsAny(literal, "\n\r") {
			t.Errorf("the literal of %q is not on one line", s)
		}
	}
}

func TestWhatIsNoTextIsReplaced(t *testing.T) {
	NewWithT(t).Expect(valueOf(t, newTestCompiler(t), stringLiteral("a\xffb"))).To(Equal("a\uFFFDb"))
}

func TestEveryIntegerComesBackFromItsLiteral(t *testing.T) {
	c := newTestCompiler(t)
	for _, n := range []int64{0, 1, -1, 42, math.MaxInt64, math.MinInt64} {
		NewWithT(t).Expect(valueOf(t, c, intLiteral(n))).To(Equal(n))
		NewWithT(t).Expect(valueOf(t, c, fmt.Sprintf("[%s].map(n, n)[0]", intLiteral(n)))).To(Equal(n))
	}
	NewWithT(t).Expect(valueOf(t, c, "3-"+intLiteral(-1))).To(Equal(int64(4)), "it keeps its sign beside an operator")
	NewWithT(t).Expect(valueOf(t, c, "true || -"+intLiteral(math.MinInt64)+" == 0")).To(BeTrue(), "the smallest parses behind a sign")
}

// A parameter must read in the rule as it was set, wherever the rule reads it.
func TestEveryValueOfAParameterReachesTheRule(t *testing.T) {
	c := newTestCompiler(t)
	spec := findingsSpec("[{'key': variables.params.one, 'text': 'x'}] + variables.params.many.map(m, {'key': 'm' + m, 'text': 'x'})")
	spec.Parameters = []v1alpha1.Parameter{{Name: "one", Type: v1alpha1.ParameterString}, {Name: "many", Type: v1alpha1.ParameterStringList}}
	for _, s := range awkward {
		w := NewWithT(t)
		p, err := c.CompileFor("rule", spec, Settings{Parameters: []v1alpha1.ParameterSetting{
			{Name: "one", Value: &s}, {Name: "many", Values: []string{s, "other"}},
		}})
		w.Expect(err).NotTo(HaveOccurred())
		verdict, err := p.Evaluate(t.Context(), Input{Object: deployment("x")})
		w.Expect(err).NotTo(HaveOccurred())
		var keys []string
		for _, f := range verdict.Findings {
			keys = append(keys, f.Key)
		}
		w.Expect(keys).To(ConsistOf(s, "m"+s, "mother"))
	}
}
