// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
)

// A tool that applies what it has every second brings a revision back between its rollback
// and the moment at which the API servers refuse it. Whoever rolled it back again at once
// would only repeat that, and use up the blast radius.

const (
	// quarantineLoads is how long the refusal of a revision may take to be in force: the
	// API servers load a changed policy within a second or two.
	quarantineLoads = 5 * time.Second
	// quarantineStands is how long a policy that should refuse the revision is waited for.
	// After that it is rolled back without: somebody who brings it once is answered by that.
	quarantineStands = 2 * time.Minute
)

// inForceBy is when API servers refuse the revision that runs, if it was rolled back
// before; else it is the zero time. The policy itself says so: an operator that was stopped
// after the rollback may not have written it yet.
func (r *ReportReconciler) inForceBy(ctx context.Context, l *look, now time.Time) (time.Time, error) {
	quarantined := quarantineOf(&l.report.Status)
	if quarantined == nil {
		return time.Time{}, nil
	}
	by := quarantined.Time.Add(quarantineLoads)
	wanted, _, err := remediation.QuarantinePolicy(l.key.Namespace, []remediation.Quarantined{{
		Kind: l.key.Kind, Name: l.key.Name, Revision: *quarantined,
	}})
	if err != nil || wanted == nil {
		return by, nil //nolint:nilerr // a revision that cannot be recognised is never refused
	}
	var policy admissionv1.ValidatingAdmissionPolicy
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(wanted), &policy); client.IgnoreNotFound(err) != nil {
		return by, fmt.Errorf("get policy %s: %w", wanted.Name, err)
	} else if apierrors.IsNotFound(err) || !refuses(policy, wanted.Spec.Validations[0].Expression) {
		if awaited := l.report.Status.FailingSince.Add(quarantineStands); now.Before(awaited) {
			return now.Add(time.Second), nil
		}
		return by, nil
	}
	if since := lastWrite(&policy).Add(quarantineLoads); since.After(by) {
		return since, nil
	}
	return by, nil
}

// refuses says whether a policy has a rule.
func refuses(policy admissionv1.ValidatingAdmissionPolicy, expression string) bool {
	return slices.ContainsFunc(policy.Spec.Validations, func(v admissionv1.Validation) bool { return v.Expression == expression })
}

// quarantineOf the revision that runs; nil when it was never rolled back.
func quarantineOf(status *v1alpha1.ReadinessReportStatus) *v1alpha1.QuarantinedRevision {
	i := slices.IndexFunc(status.Quarantined, func(q v1alpha1.QuarantinedRevision) bool { return q.Hash == status.Revision.Hash })
	if i < 0 {
		return nil
	}
	return &status.Quarantined[i]
}

// spent are the actions that count against the budget of an action of the kind. The
// rollback of a revision that came again before it could be refused is part of the one
// before it, so that of the two the last is left out: once, and not each time. The deletions
// of pods are part of the rollback that they finish, so that only the failed ones count.
func spent(status *v1alpha1.ReadinessReportStatus, kind v1alpha1.ActionKind) []v1alpha1.Action {
	if kind == v1alpha1.ActionReplacePod {
		return slices.DeleteFunc(slices.Clone(status.Actions), func(a v1alpha1.Action) bool { return a.Outcome != v1alpha1.ActionFailed })
	}
	quarantined := quarantineOf(status)
	if kind != v1alpha1.ActionRollback || quarantined == nil || status.Revision.Since.After(quarantined.Time.Add(quarantineLoads)) {
		return status.Actions
	}
	last := slices.IndexFunc(status.Actions, func(a v1alpha1.Action) bool {
		return a.Kind == v1alpha1.ActionRollback && a.Outcome == v1alpha1.ActionDone
	})
	if last < 0 {
		return status.Actions
	}
	return slices.Delete(slices.Clone(status.Actions), last, last+1)
}
