// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ConnectionReconciler keeps the connections to other clusters as the Secrets of the
// operator's namespace declare them. It writes nothing: the Secret is the platform's.
type ConnectionReconciler struct {
	Client      client.Client
	Connections *Connections
}

// SetupWithManager registers the loop. The cache holds Secrets of the operator's namespace
// and of the type of connections, and no others.
func (r *ConnectionReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("connection").For(&corev1.Secret{}).Complete(r)
}

// Reconcile opens, renews or closes one connection.
func (r *ConnectionReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var secret corev1.Secret
	err := r.Client.Get(ctx, request.NamespacedName, &secret)
	switch {
	case apierrors.IsNotFound(err):
		r.Connections.withdraw(request.Name)
		return ctrl.Result{}, nil
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("get Secret %s: %w", request.Name, err)
	}
	r.Connections.declare(ctx, &secret)
	return ctrl.Result{}, nil
}

// mayReadConnections asks whether the operator may read the Secrets that declare
// connections. A platform that has no use for them may take that right away.
func mayReadConnections(ctx context.Context, config *rest.Config, namespace string) (bool, error) {
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return false, fmt.Errorf("connect to the API server: %w", err)
	}
	for _, verb := range []string{"get", "list", "watch"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Resource: "secrets"},
		}}
		answer, err := clients.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return false, fmt.Errorf("ask whether the operator may read Secrets in namespace %s: %w", namespace, err)
		}
		if !answer.Status.Allowed {
			return false, nil
		}
	}
	return true, nil
}
