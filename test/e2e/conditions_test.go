// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"

	"github.com/onsi/gomega/gcustom"
	"github.com/onsi/gomega/types"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// haveCondition matches an EnvironmentPolicy whose condition speaks of its present spec.
func haveCondition(kind string, status metav1.ConditionStatus) types.GomegaMatcher {
	return gcustom.MakeMatcher(func(policy *v1alpha1.EnvironmentPolicy) (bool, error) {
		condition := meta.FindStatusCondition(policy.Status.Conditions, kind)
		return condition != nil && condition.Status == status && condition.ObservedGeneration == policy.Generation, nil
	}).WithMessage(fmt.Sprintf("have condition %s=%s", kind, status))
}
