// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// deployer is the GitOps tool of the story.
func (w *world) deployer(t *testing.T) *person {
	t.Helper()
	config, err := w.cluster.ConfigFor(t.Context(), types.NamespacedName{Namespace: "gitops", Name: "deployer"})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return w.person(t, config)
}

// render returns the Deployment of a kustomization.
func (w *world) render(t *testing.T, folder string) *unstructured.Unstructured {
	t.Helper()
	g := NewWithT(t)
	output, err := exec.CommandContext(t.Context(), w.cluster.Kubectl, "kustomize", folder).Output()
	g.Expect(err).NotTo(HaveOccurred())
	for document := range strings.SplitSeq(string(output), "\n---\n") {
		object := &unstructured.Unstructured{}
		g.Expect(yaml.Unmarshal([]byte(document), &object.Object)).To(Succeed())
		if object.GetKind() == "Deployment" {
			return object
		}
	}
	t.Fatalf("%s holds no Deployment", folder)
	return nil
}

// reapply applies on the server, as a GitOps tool does in each of its turns.
func reapply(ctx context.Context, as client.Client, manifest *unstructured.Unstructured, options ...client.ApplyOption) error {
	options = append(options, client.FieldOwner("gitops"), client.ForceOwnership)
	return as.Apply(ctx, client.ApplyConfigurationFromUnstructured(manifest.DeepCopy()), options...)
}
