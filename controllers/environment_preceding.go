// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/remote"
)

// preceding is the environment that another one follows, in this cluster or in another.
type preceding struct {
	// fault says why nobody knows how it stands; usable when somebody does.
	fault remote.Standing
	// exists is false when there is no such environment.
	exists      bool
	environment environment.Environment
	reports     []v1alpha1.ReadinessReport
}

// precede gathers the environment that this one follows. The reports are all of this cluster.
func (r *EnvironmentReconciler) precede(ctx context.Context, seen *environmentLook, reports []v1alpha1.ReadinessReport) (preceding, error) {
	follows := seen.own.Spec.Follows
	switch {
	case follows == nil:
		return preceding{}, nil
	case follows.Cluster != "":
		return r.Connections.environment(ctx, *follows)
	}
	before := preceding{}
	before.environment, before.exists = seen.environments.Named(follows.Name)
	for i := range reports {
		if reports[i].Status.Environment == follows.Name {
			before.reports = append(before.reports, reports[i])
		}
	}
	return before, nil
}

// faultBefore says what is wrong with the environment that this one follows; false when
// nothing is.
func (seen *environmentLook) faultBefore() (health, bool) {
	follows := seen.own.Spec.Follows
	switch {
	case follows == nil:
		return health{}, false
	case !seen.before.fault.Usable():
		return health{
			status: metav1.ConditionFalse, reason: seen.before.fault.Reason,
			message: seen.before.fault.Message + "; no guardrail is raised until it can be read",
		}, true
	case !seen.before.exists:
		return stalled(v1alpha1.ReasonEnvironmentMissing, fmt.Sprintf(
			"follows environment %s, which does not exist: no guardrail is raised until it does", environmentName(*follows))), true
	}
	if circle := seen.environments.Circle(seen.own.Name()); circle != nil {
		return stalled(v1alpha1.ReasonFollowsItself, fmt.Sprintf(
			"follows itself, by way of the others: %s; each waits for the one before it, and no guardrail is raised in any of them: take follows out of the one that changes come to first",
			strings.Join(circle, " → "))), true
	}
	return health{}, false
}

// environmentName is an environment in words.
func environmentName(reference v1alpha1.EnvironmentReference) string {
	if reference.Cluster == "" {
		return reference.Name
	}
	return fmt.Sprintf("%s of cluster %s", reference.Name, reference.Cluster)
}

// ofCluster are the environments that a change in another cluster is about.
func (r *EnvironmentReconciler) ofCluster(ctx context.Context, change connectionChange) []reconcile.Request {
	return r.followers(ctx, func(follows v1alpha1.EnvironmentReference) bool {
		return follows.Cluster == change.cluster && (change.environment == "" || follows.Name == change.environment)
	})
}

// following are the environments that follow one of this cluster.
func (r *EnvironmentReconciler) following(ctx context.Context, environment string) []reconcile.Request {
	return r.followers(ctx, func(follows v1alpha1.EnvironmentReference) bool {
		return follows.Cluster == "" && follows.Name == environment
	})
}

// followers are the environments that follow one for which the condition holds.
func (r *EnvironmentReconciler) followers(ctx context.Context, of func(v1alpha1.EnvironmentReference) bool) []reconcile.Request {
	var list v1alpha1.EnvironmentPolicyList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list environments to look at those that follow one")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if follows := list.Items[i].Spec.Follows; follows != nil && of(*follows) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
