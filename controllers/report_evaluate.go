// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// evaluate judges the workload by every guardrail of its environment, and notes which of
// them the newest revision violates anew: what Enforce would have refused.
func (r *ReportReconciler) evaluate(ctx context.Context, l *look) {
	was := r.Impressions.of(l.key)
	l.impression = impressionOf(l.object, l.namespace, &l.surroundings.Surroundings)
	workload := subject{
		in:        func(*guardrail.Program) runtime.Object { return l.object },
		namespace: l.namespace, surroundings: l.surroundings, was: was, is: l.impression,
	}
	status := &l.report.Status
	arrived := status.Revision.Number == 1 && l.judgedRevision == 0 && !l.adopted()
	compliance.Record(status, workload.judge(ctx, l.guardrails, status, func(standing) bool { return arrived }), compliance.Look{
		Revision: status.Revision.Number,
		Change:   l.changed(was),
	})
}

// changed is what happened to the workload since the last look.
func (l *look) changed(was impression) compliance.Change {
	switch {
	case l.created:
		return compliance.Created
	case l.revised:
		return compliance.Revised
	case was == impression{}:
		return compliance.Unknown
	case was.content != l.impression.content:
		return compliance.Edited
	default:
		return compliance.Unchanged
	}
}
