// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
)

// tokenLifetime outlives every demo and test run, so that nobody has to renew tokens.
const tokenLifetime = 12 * time.Hour

// ConfigFor returns a config that authenticates as the ServiceAccount, by a token that the
// API server issued for it (valid for 12 hours), and so with exactly its RBAC rights. The
// ServiceAccount must exist.
func (c *Cluster) ConfigFor(ctx context.Context, serviceAccount types.NamespacedName) (*rest.Config, error) {
	clients, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return nil, err
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: ptr.To(int64(tokenLifetime.Seconds())),
	}}
	issued, err := clients.CoreV1().ServiceAccounts(serviceAccount.Namespace).
		CreateToken(ctx, serviceAccount.Name, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("request a token for service account %s: %w", serviceAccount, err)
	}
	return c.configWith(issued.Status.Token), nil
}

// KubeconfigFor writes ConfigFor's config to a file in the cluster's folder and returns its path.
func (c *Cluster) KubeconfigFor(ctx context.Context, serviceAccount types.NamespacedName) (string, error) {
	config, err := c.ConfigFor(ctx, serviceAccount)
	if err != nil {
		return "", err
	}
	path := c.folder.kubeconfig(serviceAccount.Namespace + "." + serviceAccount.Name)
	return path, writeKubeconfig(path, c.name, config)
}
