// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
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

// createReport makes an empty report.
func createReport(ctx context.Context, c client.Client, name client.ObjectKey) (*v1alpha1.ReadinessReport, error) {
	report := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{
		Namespace: name.Namespace, Name: name.Name,
		Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy},
	}}
	if err := c.Create(ctx, report); err != nil {
		return nil, fmt.Errorf("create report %s: %w", name, err)
	}
	return report, nil
}

// deleteReport deletes a report; nil is deleted already.
func deleteReport(ctx context.Context, c client.Client, report *v1alpha1.ReadinessReport) error {
	if report == nil {
		return nil
	}
	if err := client.IgnoreNotFound(c.Delete(ctx, report)); err != nil {
		return fmt.Errorf("delete report %s: %w", client.ObjectKeyFromObject(report), err)
	}
	return nil
}

// recordReportFailure says in a report, if there is one, why what it is of could not be
// judged, and returns the cause.
func recordReportFailure(ctx context.Context, c client.Client, report *v1alpha1.ReadinessReport, cause error) error {
	if report == nil || apierrors.IsConflict(cause) {
		return cause
	}
	before := report.DeepCopy()
	changed := before.DeepCopy()
	failing(cause).set(&changed.Status.Conditions, changed.Generation)
	_, err := recordStatus(ctx, c, before, changed)
	return firstError(cause, client.IgnoreNotFound(err))
}

// markGone makes a report that of something that was deleted.
func markGone(report *v1alpha1.ReadinessReport, what string, now time.Time) {
	report.Status.State = v1alpha1.ReportGone
	compliance.Depart(&report.Status)
	meta.SetStatusCondition(&report.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionWorkloadGone, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonDeleted, Message: what,
		ObservedGeneration: report.Generation, LastTransitionTime: metav1.NewTime(now.Truncate(time.Second)),
	})
}

// goneSince is when the subject of a report was found to be gone.
func goneSince(report *v1alpha1.ReadinessReport) time.Time {
	for _, c := range report.Status.Conditions {
		if c.Type == v1alpha1.ConditionWorkloadGone {
			return c.LastTransitionTime.Time
		}
	}
	return report.CreationTimestamp.Time
}
