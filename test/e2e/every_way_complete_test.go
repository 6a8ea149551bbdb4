// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/discovery"
)

// A Kubernetes version that adds a way to a pod fails here, until the way is among those
// that are tried, and matched, or it is known why nothing comes of it. Two are out of its
// sight, because no schema shows what they hold: custom resources, whose controllers are
// judged when they make the pod, and ControllerRevisions, which are tried all the same.
func TestEveryWayToAPodIsKnown(t *testing.T) {
	g, w := NewWithT(t), theWorld(t)
	known := sets.KeySet(inert)
	for _, way := range waysIn("any") {
		known.Insert(way.resource)
	}
	known.Delete(controllerRevisions)
	g.Expect(w.writableWithContainers(t)).To(ConsistOf(known.UnsortedList()))
}

const controllerRevisions = "controllerrevisions.apps"

// writableWithContainers are the resources and subresources, as in "deployments.apps/status",
// that can be written and whose type says, at any depth, what a container runs.
func (w *world) writableWithContainers(t *testing.T) []string {
	t.Helper()
	g := NewWithT(t)
	server, err := discovery.NewDiscoveryClientForConfig(w.cluster.Config)
	g.Expect(err).NotTo(HaveOccurred())
	kinds := kindsWithContainers(t, server)
	_, lists, err := server.ServerGroupsAndResources()
	g.Expect(err).NotTo(HaveOccurred())
	found := sets.New[string]()
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		g.Expect(err).NotTo(HaveOccurred())
		for _, served := range list.APIResources {
			if kinds.Has(servedKind(version, served)) && sets.New[string](served.Verbs...).HasAny("create", "update", "patch") {
				plural, subresource, _ := strings.Cut(served.Name, "/")
				name := schema.GroupResource{Group: version.Group, Resource: plural}.String()
				found.Insert(strings.TrimSuffix(name+"/"+subresource, "/"))
			}
		}
	}
	return found.UnsortedList()
}

// servedKind is the kind that is sent to the resource, which may be of another group.
func servedKind(version schema.GroupVersion, served metav1.APIResource) schema.GroupVersionKind {
	if served.Version != "" {
		version = schema.GroupVersion{Group: served.Group, Version: served.Version}
	}
	return version.WithKind(served.Kind)
}

// kindsWithContainers are the kinds whose schema reaches that of a container.
func kindsWithContainers(t *testing.T, server discovery.OpenAPIV3SchemaInterface) sets.Set[schema.GroupVersionKind] {
	t.Helper()
	g := NewWithT(t)
	documents, err := server.OpenAPIV3().Paths()
	g.Expect(err).NotTo(HaveOccurred())
	found := sets.New[schema.GroupVersionKind]()
	for _, published := range documents {
		content, err := published.Schema(runtime.ContentTypeJSON)
		g.Expect(err).NotTo(HaveOccurred())
		var document struct {
			Components struct{ Schemas schemas }
		}
		g.Expect(json.Unmarshal(content, &document)).To(Succeed())
		all := document.Components.Schemas
		for name := range all.reaching("io.k8s.api.core.v1.Container", "io.k8s.api.core.v1.EphemeralContainer") {
			var kinds struct {
				All []schema.GroupVersionKind `json:"x-kubernetes-group-version-kind"`
			}
			g.Expect(json.Unmarshal(all[name], &kinds)).To(Succeed())
			found.Insert(kinds.All...)
		}
	}
	return found
}

// schemas of one OpenAPI document by their names.
type schemas map[string]json.RawMessage

// reaching are the schemas that refer, directly or through others, to one of the targets.
func (s schemas) reaching(targets ...string) sets.Set[string] {
	found := sets.New(targets...)
	for before := 0; before != found.Len(); {
		before = found.Len()
		for name, text := range s {
			if slices.ContainsFunc(slices.Collect(maps.Keys(found)), func(target string) bool {
				return strings.Contains(string(text), `"#/components/schemas/`+target+`"`)
			}) {
				found.Insert(name)
			}
		}
	}
	return found.Intersection(sets.KeySet(s))
}
