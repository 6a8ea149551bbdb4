// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// breaker is whether all remediation stops, for status. Each action asks again for itself.
func breaker(seen *environmentLook, now time.Time) *v1alpha1.Breaker {
	judged := remediation.Break(environmentHealth(seen.own.Policy, seen.reports), *seen.own.Spec.BlastRadius, now)
	if !judged.Open {
		return nil
	}
	before := seen.own.Policy.Status.Breaker
	tripped := metav1.NewTime(judged.Tripped.Truncate(time.Second))
	if before != nil && before.Open && tripped.Sub(before.Tripped.Time) < trippedResolution {
		tripped = before.Tripped // said already; at rest nothing is written
	}
	return &v1alpha1.Breaker{Open: true, Tripped: tripped, Reason: message.Cut(judged.Reason, maxText)}
}

// recordBreaker says in the policy whether remediation has stopped, and why.
func recordBreaker(policy *v1alpha1.EnvironmentPolicy, breaker *v1alpha1.Breaker) {
	policy.Status.Breaker = breaker
	status, reason, text := metav1.ConditionFalse, v1alpha1.ReasonCalm, "so little fails here that what fails is remediated as the policy says"
	if breaker != nil {
		status, reason, text = metav1.ConditionTrue, v1alpha1.ReasonTooMuchFails, "all remediation here has stopped: "+breaker.Reason
	}
	setCondition(&policy.Status.Conditions, policy.Generation, v1alpha1.ConditionBreakerOpen, status, reason, text)
}

// announceBreaker tells, after it was recorded, that remediation stopped, or goes on.
func (r *EnvironmentReconciler) announceBreaker(before, policy *v1alpha1.EnvironmentPolicy) {
	switch was, is := before.Status.Breaker, policy.Status.Breaker; {
	case was == nil && is != nil:
		r.Events.Eventf(policy, nil, telemetry.Warning, telemetry.ReasonBreakerOpened, telemetry.ActionRemediate, "all remediation here has stopped: %s", is.Reason)
	case was != nil && is == nil:
		r.Events.Eventf(policy, nil, telemetry.Normal, telemetry.ReasonBreakerClosed, telemetry.ActionRemediate, "remediation goes on: what failed together has been calm for long enough")
	}
}
