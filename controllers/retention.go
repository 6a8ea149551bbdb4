// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

const (
	// retention is how long a report outlives what it is of, which may come back: what it
	// brought is evidence as long as that of anything that stays.
	retention = 7 * 24 * time.Hour
	// maxPassed is how many reports of what comes once and goes are kept in a namespace that
	// have outlived it. A cluster may run thousands of bare Jobs a day.
	maxPassed = 20
)

// keptUntil is when a report that begins to outlive what it is of goes, in words.
func keptUntil(report *v1alpha1.ReadinessReport, now time.Time) string {
	until := "kept until " + now.Add(retention).UTC().Format(time.RFC3339)
	if comesOnce(report) {
		until += fmt.Sprintf(", or until %d of what went later in this namespace need the room", maxPassed)
	}
	return until
}

// comesOnce says whether a report is of something whose name seldom comes back: a bare Pod
// or Job, or an object that is no workload.
func comesOnce(report *v1alpha1.ReadinessReport) bool {
	return report.Status.Object != nil || !workload.Lasting(report.Status.Workload.Kind)
}

// makeRoom deletes reports of what came once and went, in a report's namespace, so that no
// more are kept than there is room for. The report itself is counted as it is given, since
// the cache may be behind.
func makeRoom(ctx context.Context, c client.Client, report *v1alpha1.ReadinessReport) error {
	if !comesOnce(report) {
		return nil
	}
	var list v1alpha1.ReadinessReportList
	if err := c.List(ctx, &list, client.InNamespace(report.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list reports: %w", err)
	}
	passed := []*v1alpha1.ReadinessReport{report}
	for i := range list.Items {
		other := &list.Items[i]
		if other.Name != report.Name && other.Status.State == v1alpha1.ReportGone && comesOnce(other) {
			passed = append(passed, other)
		}
	}
	for _, surplus := range surplus(passed) {
		err := c.Delete(ctx, surplus, client.Preconditions{UID: &surplus.UID, ResourceVersion: ptr.To(surplus.ResourceVersion)})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete report %s: %w", client.ObjectKeyFromObject(surplus), err)
		}
	}
	return nil
}

// surplus are the reports for which there is no room, the oldest first. Those of which a
// guardrail found something when they came, and those of which none did, have half of the
// room each, as far as they need it: many clean ones must not push out the few that are
// evidence against a guardrail, nor those all that speaks for it.
func surplus(passed []*v1alpha1.ReadinessReport) []*v1alpha1.ReadinessReport {
	ordered := slices.SortedFunc(slices.Values(passed), func(a, b *v1alpha1.ReadinessReport) int {
		return cmp.Or(goneSince(a).Compare(goneSince(b)), cmp.Compare(a.Name, b.Name))
	})
	failed := slices.DeleteFunc(slices.Clone(ordered), func(r *v1alpha1.ReadinessReport) bool { return !broughtFindings(r) })
	clean := slices.DeleteFunc(slices.Clone(ordered), broughtFindings)
	var gone []*v1alpha1.ReadinessReport
	for len(failed)+len(clean) > maxPassed {
		more := &clean
		if len(failed) > len(clean) {
			more = &failed
		}
		gone = append(gone, (*more)[0])
		*more = (*more)[1:]
	}
	return gone
}

// broughtFindings says whether a report has a failed trial of any guardrail.
func broughtFindings(report *v1alpha1.ReadinessReport) bool {
	return slices.ContainsFunc(report.Status.Outcomes, func(o v1alpha1.RevisionOutcome) bool { return len(o.NewFindings) > 0 })
}
