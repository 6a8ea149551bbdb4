// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestMetricsAreForThoseWhoMayReadThem(t *testing.T) {
	w := theWorld(t)
	namespace := w.namespace(t)
	for _, test := range []struct {
		name   string
		token  string
		status int
	}{
		{"a stranger is turned away", "", http.StatusUnauthorized},
		{"an account without the right is turned away", w.account(t, namespace, "curious"), http.StatusForbidden},
		{"an account bound to rampart-metrics-reader reads them", w.monitor(t, namespace), http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			status, body := w.scrape(t, test.token)
			g.Expect(status).To(Equal(test.status))
			if status == http.StatusOK {
				g.Expect(body).To(ContainSubstring("\nrampart_"))
			} else {
				g.Expect(body).NotTo(ContainSubstring("rampart_"))
			}
		})
	}
}

// scrape reads the operator's metrics with the token.
func (w *world) scrape(t *testing.T, token string) (status int, body string) {
	t.Helper()
	g := NewWithT(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.operator.MetricsURL+"/metrics", http.NoBody)
	g.Expect(err).NotTo(HaveOccurred())
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	// The operator's certificate is its own, made at its start.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the token is worth nothing elsewhere
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	g.Expect(err).NotTo(HaveOccurred())
	return response.StatusCode, string(content)
}

// account makes a service account and returns its token.
func (w *world) account(t *testing.T, namespace, name string) string {
	t.Helper()
	g := NewWithT(t)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	g.Expect(w.admin.Create(t.Context(), account)).To(Succeed())
	config, err := w.cluster.ConfigFor(t.Context(), client.ObjectKeyFromObject(account))
	g.Expect(err).NotTo(HaveOccurred())
	return config.BearerToken
}

// monitor makes the account of a monitoring system.
func (w *world) monitor(t *testing.T, namespace string) string {
	t.Helper()
	token := w.account(t, namespace, "monitor")
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace + "-monitor"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "rampart-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "monitor"}},
	}
	NewWithT(t).Expect(w.admin.Create(t.Context(), binding)).To(Succeed())
	w.removeLater(t, binding)
	return token
}
