// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Objects that are not workloads have reports too, of what guardrails find in them. They
// run nothing, so that nothing but guardrails goes by them.

// ofWorkloads are the reports that speak of workloads.
func ofWorkloads(reports []v1alpha1.ReadinessReport) []v1alpha1.ReadinessReport {
	return slices.DeleteFunc(reports, func(r v1alpha1.ReadinessReport) bool { return r.Status.Object != nil })
}

// aboutWorkload passes the reports that speak of workloads.
var aboutWorkload = predicate.NewPredicateFuncs(func(object client.Object) bool {
	return object.(*v1alpha1.ReadinessReport).Status.Object == nil
})
