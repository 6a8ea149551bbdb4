// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

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
