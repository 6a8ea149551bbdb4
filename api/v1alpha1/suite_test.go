// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
	"os"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
)

var (
	cluster *testenv.Cluster
	admin   client.Client
)

func TestMain(m *testing.M) {
	os.Exit(testenv.RunWith(m, testenv.Options{CRDs: true}, func(c *testenv.Cluster) {
		cluster = c
		scheme := runtime.NewScheme()
		err := v1alpha1.AddToScheme(scheme)
		if err == nil {
			admin, err = client.New(c.Config, client.Options{Scheme: scheme})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}))
}

// example is an object as a user would write it.
type example struct {
	name string
	// yaml of the spec, or of the whole object if it has metadata of its own.
	yaml string
	// refused is part of the message, for an object that must be; empty if it is accepted.
	refused string
}

// tried asks the API server for each of the objects, and creates none.
func tried(t *testing.T, kind, namespace string, examples []example) {
	t.Helper()
	for _, example := range examples {
		t.Run(example.name, func(t *testing.T) {
			g := NewWithT(t)
			object := &unstructured.Unstructured{}
			g.Expect(yaml.Unmarshal([]byte(example.yaml), &object.Object)).To(Succeed())
			object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
			object.SetNamespace(namespace)
			if object.GetName() == "" {
				object.SetName("example")
			}
			strict := client.WithFieldValidation(admin, "Strict")
			err := strict.Create(t.Context(), object, client.DryRunAll)
			if example.refused == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(ContainSubstring(example.refused)))
			}
		})
	}
}
