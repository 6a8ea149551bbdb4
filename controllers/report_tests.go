// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// gatherTests finds the Jobs by which the team tests the workload, oldest first. In production
// there are none: nothing follows it that would wait for them, and whoever can make a Job there
// must not be able to say that what runs there fails.
func (r *ReportReconciler) gatherTests(ctx context.Context, l *look) error {
	values := workload.TestLabels(l.key.Kind, l.key.Name)
	if len(values) == 0 || l.environment.Spec.Stage == v1alpha1.Production {
		return nil
	}
	named, err := labels.NewRequirement(v1alpha1.LabelTests, selection.In, values)
	if err != nil {
		return nil //nolint:nilerr // no label can hold a name that long: no Job can have it
	}
	var list batchv1.JobList
	if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace),
		client.MatchingLabelsSelector{Selector: labels.NewSelector().Add(*named)}); err != nil {
		return fmt.Errorf("list the jobs that test %s: %w", l.key, err)
	}
	for i := range list.Items {
		l.tests = append(l.tests, workload.TestJobFrom(&list.Items[i]))
	}
	slices.SortFunc(l.tests, func(a, b workload.TestJob) int { return a.Created.Compare(b.Created) })
	return nil
}

// keysOfJob leads to the workload that a Job is, or is of, and to those that it may test.
func (r *ReportReconciler) keysOfJob(ctx context.Context, object client.Object) []Key {
	keys := r.keyOf(ctx, object)
	job, ok := object.(*batchv1.Job)
	if !ok {
		return keys
	}
	kinds, name := workload.Tested(job)
	for _, kind := range kinds {
		keys = append(keys, Key{Kind: kind, Namespace: job.Namespace, Name: name})
	}
	return keys
}
