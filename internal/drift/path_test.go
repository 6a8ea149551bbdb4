// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/internal/drift"
)

func TestAPathIsReadBackAsItWasWritten(t *testing.T) {
	key := func(name, value string) []drift.Key { return []drift.Key{{Name: name, Value: value}} }
	for text, path := range map[string]drift.Path{
		"spec.replicas": drift.Path{}.Field("spec").Field("replicas"),
		"spec.template.spec.containers[name=shop].image": drift.Path{}.Field("spec").Field("template").Field("spec").
			Field("containers").ListItem(key("name", "shop")).Field("image"),
		"metadata.annotations[example.com/owner]": drift.Path{}.Field("metadata").Field("annotations").Field("example.com/owner"),
		"ports[containerPort=80,protocol=TCP].name": drift.Path{}.Field("ports").
			ListItem([]drift.Key{{Name: "containerPort", Value: "80"}, {Name: "protocol", Value: "TCP"}}).Field("name"),
		`volumeMounts[mountPath="/a],b=\"c\""].name`: drift.Path{}.Field("volumeMounts").ListItem(key("mountPath", `/a],b="c"`)).Field("name"),
		`labels[""].x`:     drift.Path{}.Field("labels").Field("").Field("x"),
		`labels["a=b"]`:    drift.Path{}.Field("labels").Field("a=b"),
		`[example.com/a]`:  drift.Path{}.Field("example.com/a"),
		`env[name=a.b].x`:  drift.Path{}.Field("env").ListItem(key("name", "a.b")).Field("x"),
		`env[name=""]`:     drift.Path{}.Field("env").ListItem(key("name", "")),
		`labels["[x]"].y`:  drift.Path{}.Field("labels").Field("[x]").Field("y"),
		`labels["a\nb"].y`: drift.Path{}.Field("labels").Field("a\nb").Field("y"),
	} {
		t.Run(text, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(path.String()).To(Equal(text))
			read, err := drift.ParsePath(text)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(read).To(Equal(path))
		})
	}
}

func TestWhatIsNoPathIsRefused(t *testing.T) {
	for _, text := range []string{".", "a.", "a..b", "a[", "a[]", "a[b", "a[b=", `a["b]`, `a["b"x]`, "a[b=c", "a[b=c,d]", "a]b", "a b", `a[b="c"d]`} {
		_, err := drift.ParsePath(text)
		NewWithT(t).Expect(err).To(HaveOccurred(), text)
	}
}

// FuzzParsePath proves that no text, however broken, stops the operator, and that what
// was understood means the same when it is written again.
func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"spec.x", "a[b=c,d=e].f", `a["b]"][c="]"]`, "[[", `["`, "a[=]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := drift.ParsePath(text)
		if err != nil {
			return
		}
		again, err := drift.ParsePath(path.String())
		if err != nil || again.String() != path.String() {
			t.Fatalf("%q was read as %q, which is read as %q (%v)", text, path, again, err)
		}
	})
}
