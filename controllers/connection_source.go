// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/gate"
)

// Source is what the operator of another cluster says of the namespace that a gate looks
// at. It fails with errOpening while nobody knows; whatever else stands in the way is a
// fault of the source, which opens nothing.
func (c *Connections) Source(ctx context.Context, from v1alpha1.GateSource) (gate.Source, error) {
	connection, standing, err := c.use(ctx, from.Cluster)
	if err != nil {
		return gate.Source{}, err
	}
	if !standing.Usable() {
		return gate.Source{Fault: &gate.Fault{Reason: standing.Reason, Message: standing.Message}}, nil
	}
	reports, err := connection.reports(byNamespace, from.Namespace)
	if err != nil {
		return gate.Source{}, err
	}
	source := gate.Source{Exists: true, Reports: ofWorkloads(reports)}
	for i := range reports {
		if source.Environment = reports[i].Status.Environment; source.Environment != "" {
			return source, nil
		}
	}
	return gate.Source{Fault: &gate.Fault{Reason: v1alpha1.ReasonSourceUnknown, Message: fmt.Sprintf(
		"cluster %s has no report of namespace %s: correct spec.source, label the namespace there for an EnvironmentPolicy, or deploy something in it",
		from.Cluster, from.Namespace)}}, nil
}

// environment is one of another cluster, as its operator has recorded it. It fails with
// errOpening while nobody knows.
func (c *Connections) environment(ctx context.Context, reference v1alpha1.EnvironmentReference) (preceding, error) {
	connection, standing, err := c.use(ctx, reference.Cluster)
	if err != nil || !standing.Usable() {
		return preceding{fault: standing}, err
	}
	policy, err := connection.policy(reference.Name)
	if err != nil || policy == nil {
		return preceding{}, err
	}
	before := preceding{}
	before.environment, before.exists = environment.NewMap([]v1alpha1.EnvironmentPolicy{*policy}, "").Named(policy.Name)
	before.reports, err = connection.reports(byEnvironment, policy.Name)
	return before, err
}
