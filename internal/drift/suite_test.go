// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/testenv"
)

// environmentLabel selects the namespaces in which authors are stamped.
const environmentLabel = "example.com/environment"

// cluster is the API server of this package's tests; the policy is installed in it.
var cluster *testenv.Cluster

func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	os.Exit(testenv.RunWith(m, testenv.Options{}, func(c *testenv.Cluster) { cluster = c }))
}

// as is a client of a user who may do everything.
func as(t *testing.T, user string) client.Client {
	t.Helper()
	config := rest.CopyConfig(cluster.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}}
	c, err := client.New(config, client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return c
}

// stampedNamespace is a new namespace in which the API server is seen to stamp authors.
func stampedNamespace(t *testing.T, admin client.Client) string {
	t.Helper()
	g := NewWithT(t)
	policy, binding := drift.StampPolicy(drift.Scope{
		Environment:       "prod",
		NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{environmentLabel: "prod"}},
	})
	for _, object := range []client.Object{policy, binding} {
		g.Expect(client.IgnoreAlreadyExists(admin.Create(t.Context(), object))).To(Succeed())
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "stamped-", Labels: map[string]string{environmentLabel: "prod"},
	}}
	g.Expect(admin.Create(t.Context(), namespace)).To(Succeed())
	g.Eventually(func(g Gomega) {
		probe := testenv.Deployment("probe", namespace.Name)
		g.Expect(admin.Create(t.Context(), probe, client.DryRunAll)).To(Succeed())
		g.Expect(authorOf(probe)).NotTo(BeEmpty(), "the policy is not live yet")
	}).Should(Succeed())
	return namespace.Name
}
