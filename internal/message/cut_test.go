// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/internal/message"
)

func TestCut(t *testing.T) {
	for _, test := range []struct {
		name  string
		text  string
		limit int
		want  string
	}{
		{"a short text stays as it is", "drift", 5, "drift"},
		{"a long text ends with an ellipsis within the limit", "drifted far", 8, "drift…"},
		{"no rune is cut in two", "ééééé", 8, "éé…"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			got := message.Cut(test.text, test.limit)
			g.Expect(got).To(Equal(test.want))
		})
	}
}

func TestFirst(t *testing.T) {
	g := NewWithT(t)
	g.Expect(message.First(2, nil)).To(BeEmpty())
	g.Expect(message.First(2, []string{"a", "b"})).To(Equal("a, b"))
	g.Expect(message.First(2, []string{"a", "b", "c", "d"})).To(Equal("a, b and 2 more"))
}

func FuzzCut(f *testing.F) {
	f.Add("some text", 5)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 3 || limit > 1000 || !utf8.ValidString(text) {
			t.Skip()
		}
		got := message.Cut(text, limit)
		if len(got) > limit || !utf8.ValidString(got) || !strings.HasPrefix(text, strings.TrimSuffix(got, "…")) {
			t.Fatalf("Cut(%q, %d) = %q", text, limit, got)
		}
	})
}
