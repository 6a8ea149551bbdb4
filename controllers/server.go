// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// server is what the operator must know of the API server before it starts.
type server struct {
	version *version.Version
	// user is the operator's own name, as the API server sees it.
	user string
	// mutating is true when MutatingAdmissionPolicies are served.
	mutating bool
}

// inspect asks the API server who we are and what it can do.
func inspect(ctx context.Context, config *rest.Config) (server, error) {
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return server{}, fmt.Errorf("connect to the API server: %w", err)
	}
	info, err := clients.Discovery().ServerVersion()
	if err != nil {
		return server{}, fmt.Errorf("ask the API server for its version: %w", err)
	}
	parsed, err := version.ParseSemantic(info.GitVersion)
	if err != nil {
		return server{}, fmt.Errorf("read the API server's version: %w", err)
	}
	self, err := clients.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return server{}, fmt.Errorf("ask the API server who the operator is: %w", err)
	}
	mutating, err := servesMutating(clients)
	return server{version: version.MajorMinor(parsed.Major(), parsed.Minor()), user: self.Status.UserInfo.Username, mutating: mutating}, err
}

// servesMutating says whether the API server has MutatingAdmissionPolicy v1.
func servesMutating(clients kubernetes.Interface) (bool, error) {
	resources, err := clients.Discovery().ServerResourcesForGroupVersion(admissionv1.SchemeGroupVersion.String())
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask the API server for its admission resources: %w", err)
	}
	for _, resource := range resources.APIResources {
		if resource.Name == "mutatingadmissionpolicies" {
			return true, nil
		}
	}
	return false, nil
}
