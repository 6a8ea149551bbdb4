// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/internal/testenv"
)

// cluster is shared by the tests of this package, each in a namespace of its own.
var cluster *testenv.Cluster

func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	options := testenv.Options{Controllers: true, Nodes: 3, CRDs: true}
	os.Exit(testenv.RunWith(m, options, func(c *testenv.Cluster) { cluster = c }))
}

// newClient returns a client with the administrator's rights.
func newClient(t *testing.T) client.WithWatch {
	t.Helper()
	c, err := client.NewWithWatch(cluster.Config, client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return c
}

// newNamespace makes a namespace for the test alone.
func newNamespace(t *testing.T, c client.Client) string {
	t.Helper()
	namespace := &corev1.Namespace{}
	namespace.GenerateName = "case-"
	g := NewWithT(t)
	g.Expect(c.Create(t.Context(), namespace)).To(Succeed())
	g.Eventually(func() error {
		account := &corev1.ServiceAccount{}
		return c.Get(t.Context(), client.ObjectKey{Namespace: namespace.Name, Name: "default"}, account)
	}).Should(Succeed(), fmt.Sprintf("the default service account of %s", namespace.Name))
	return namespace.Name
}
