// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
)

// +kubebuilder:rbac:groups=rampart.dev,resources=environmentpolicies;promotiongates;readinessreports,verbs=get;list;watch

// readEnvironments reads all policies: which environment a namespace belongs to
// depends on all of them.
func readEnvironments(ctx context.Context, c client.Reader, operatorNamespace string) (environment.Map, error) {
	var policies v1alpha1.EnvironmentPolicyList
	if err := c.List(ctx, &policies); err != nil {
		return environment.Map{}, fmt.Errorf("list environment policies: %w", err)
	}
	return environment.NewMap(policies.Items, operatorNamespace), nil
}

// namespacesConcerned are those in which a change of a rule or of a policy matters: they
// belong to an environment, or did when they were looked at last.
func namespacesConcerned(ctx context.Context, c client.Reader, operatorNamespace string) ([]string, error) {
	environments, err := readEnvironments(ctx, c, operatorNamespace)
	if err != nil {
		return nil, err
	}
	var namespaces corev1.NamespaceList
	if err := c.List(ctx, &namespaces, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	var concerned []string
	for i := range namespaces.Items {
		_, enrolled := environments.Of(&namespaces.Items[i])
		if enrolled || namespaces.Items[i].Annotations[v1alpha1.AnnotationJoined] != "" {
			concerned = append(concerned, namespaces.Items[i].Name)
		}
	}
	return concerned, nil
}
