// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/remediation"
)

// breaker is whether all remediation stops, or that of a namespace, for status. Each action
// asks again for itself.
func breaker(seen *environmentLook, now time.Time) *v1alpha1.Breaker {
	judged := remediation.Break(environmentHealth(seen.own.Policy, seen.reports), *seen.own.Spec.BlastRadius, now)
	if !judged.Open {
		return nil
	}
	before := seen.own.Policy.Status.Breaker
	tripped := metav1.NewTime(judged.Tripped.Truncate(time.Second))
	if before != nil && before.Open && before.Namespace == judged.Namespace && tripped.Sub(before.Tripped.Time) < trippedResolution {
		tripped = before.Tripped // said already; at rest nothing is written
	}
	return &v1alpha1.Breaker{Open: true, Namespace: judged.Namespace, Tripped: tripped, Reason: message.Cut(judged.Reason, maxText)}
}
