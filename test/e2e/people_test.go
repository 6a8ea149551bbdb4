// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// person is somebody who is no administrator, and what the API server warned them of.
type person struct {
	client.WithWatch

	mu       sync.Mutex
	warnings []string
}

// HandleWarningHeaderWithContext keeps the warning.
func (p *person) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warnings = append(p.warnings, text)
}

// warned returns the warnings since it was last asked.
func (p *person) warned() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	warnings := p.warnings
	p.warnings = nil
	return warnings
}

// developer makes somebody who holds the built-in role in the namespaces, and nothing else.
func (w *world) developer(t *testing.T, role string, namespaces ...string) *person {
	t.Helper()
	g := NewWithT(t)
	name := "dev-" + role
	for _, namespace := range namespaces {
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		}
		g.Expect(w.admin.Create(t.Context(), binding)).To(Succeed())
		w.removeLater(t, binding)
	}
	config := rest.CopyConfig(w.cluster.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:authenticated"}}
	return w.person(t, config)
}

func (w *world) person(t *testing.T, config *rest.Config) *person {
	t.Helper()
	p := &person{}
	config = rest.CopyConfig(config)
	config.WarningHandlerWithContext = p
	var err error
	p.WithWatch, err = newClient(config)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return p
}

// attempt asks the API server for the creation of the object, which then does not happen.
func attempt(ctx context.Context, c client.Client, object client.Object) error {
	return c.Create(ctx, object.DeepCopyObject().(client.Object), client.DryRunAll)
}
