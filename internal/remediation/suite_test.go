// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation_test

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/internal/testenv"
)

// cluster is the API server of this package's tests.
var cluster *testenv.Cluster

func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	os.Exit(testenv.RunWith(m, testenv.Options{}, func(c *testenv.Cluster) { cluster = c }))
}

func newClient(t *testing.T) client.Client {
	t.Helper()
	c, err := client.New(cluster.Config, client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return c
}

func newNamespace(t *testing.T, c client.Client) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "case-"}}
	NewWithT(t).Expect(c.Create(t.Context(), namespace)).To(Succeed())
	return namespace.Name
}
