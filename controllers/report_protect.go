// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/remediation"
)

// resumeAfter is how long an intended action may stand before it is given up: the
// operator that intended it is gone, or the API server did not answer.
const resumeAfter = 30 * time.Second

const (
	// actionSettles is how long an action counts as going on before its rollout shows.
	actionSettles = 10 * time.Second
	// actionRolls is the longest that the rollout which it set off counts as going on.
	actionRolls = 10 * time.Minute
)

// protect judges what became of the workload in the hands of others: a failing rollout,
// isolation where nothing else helps, then drift. It plans at most one action.
func (r *ReportReconciler) protect(ctx context.Context, l *look, now time.Time) (plan, error) {
	p := plan{disown: remediation.Owns(l.object)}
	if r.pending(l, &p, now) {
		return p, nil
	}
	if err := r.judgeRollout(ctx, l, &p, now); err != nil {
		return p, fmt.Errorf("judge the rollout of %s: %w", l.key, err)
	}
	if err := r.judgeIsolation(ctx, l, &p, now); err != nil {
		return p, fmt.Errorf("judge the isolation of %s: %w", l.key, err)
	}
	if err := r.judgeDrift(ctx, l, &p, now); err != nil {
		return p, fmt.Errorf("judge the drift of %s: %w", l.key, err)
	}
	return p, nil
}

// pending says whether an action is intended whose outcome nobody has recorded: the
// record has not reached our cache yet, or the operator was stopped at it. An action
// that shows in the workload is done. One that does not is given up after a while,
// counts against the budget, and the workload is judged anew.
func (r *ReportReconciler) pending(l *look, p *plan, now time.Time) bool {
	actions := l.report.Status.Actions
	if len(actions) == 0 || actions[0].Outcome != v1alpha1.ActionIntended {
		return false
	}
	action, until := actions[0], actions[0].Time.Add(resumeAfter)
	switch {
	case r.shows(l, action):
		action.Outcome = v1alpha1.ActionDone
	case now.Before(until):
		p.lookAgain(until)
		return true
	default:
		action.Outcome = v1alpha1.ActionFailed
		action.Message = "the operator was stopped before it could do this, and judges the workload anew: " + action.Message
		liftQuarantine(&l.report.Status, action)
		forgetIsolation(&l.report.Status, action)
	}
	action.Time.Time = now.Truncate(time.Second)
	note(&l.report.Status, action)
	return false
}

// shows says whether an intended action can be seen in the workload: the revision that
// was to be rolled back is gone, the NetworkPolicy that isolates is there or gone, or the
// drift was followed by a write of the operator's.
func (r *ReportReconciler) shows(l *look, action v1alpha1.Action) bool {
	switch action.Kind {
	case v1alpha1.ActionRollback:
		quarantined := l.report.Status.Quarantined
		return len(quarantined) > 0 && !l.hasTemplateOf(quarantined[0].Hash)
	case v1alpha1.ActionIsolate:
		return l.isolated()
	case v1alpha1.ActionRelease:
		return !l.isolated()
	}
	return r.OperatorUser != "" && lastWriter(l.workload.Annotations) == r.OperatorUser
}

// hasTemplateOf says whether the workload's template is that of a revision, whatever its
// ConfigMaps say now.
func (l *look) hasTemplateOf(hash string) bool {
	status := &l.report.Status
	for _, o := range status.Outcomes {
		if o.Hash == hash && o.PodTemplateHash != "" {
			return o.PodTemplateHash == status.Revision.PodTemplateHash
		}
	}
	return hash == status.Revision.Hash
}

// budget says whether the blast radius allows to change the workload now.
func (r *ReportReconciler) budget(ctx context.Context, l *look, kind v1alpha1.ActionKind, now time.Time) (remediation.Budget, error) {
	others, err := r.siblings(ctx, l)
	if err != nil {
		return remediation.Budget{}, err
	}
	usage := remediation.Usage{Kind: kind, Actions: l.report.Status.Actions}
	for _, other := range others {
		if changing(&other, now) {
			usage.InEnvironment++
			if other.Namespace == l.key.Namespace {
				usage.InNamespace = fmt.Sprintf("%s %s", other.Status.Workload.Kind, other.Status.Workload.Name)
			}
		}
	}
	usage.Breaker = remediation.Break(environmentHealth(l.environment.Policy, append(others, *l.report)), *l.environment.Spec.BlastRadius, now)
	return remediation.Allow(usage, *l.environment.Spec.BlastRadius, now), nil
}

// siblings are the reports of the other workloads of the environment.
func (r *ReportReconciler) siblings(ctx context.Context, l *look) ([]v1alpha1.ReadinessReport, error) {
	var list v1alpha1.ReadinessReportList
	if err := r.Client.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	var others []v1alpha1.ReadinessReport
	workloads := ofWorkloads(list.Items)
	for i := range workloads {
		other := &workloads[i]
		same := other.Namespace == l.report.Namespace && other.Name == l.report.Name
		if other.Status.Environment == l.environment.Name() && other.Status.State != v1alpha1.ReportGone && !same {
			others = append(others, *other)
		}
	}
	return others, nil
}

// changing says whether the operator is changing a workload now: an action is intended,
// or the rollout that one has set off goes on.
func changing(report *v1alpha1.ReadinessReport, now time.Time) bool {
	status := &report.Status
	if len(status.Actions) == 0 {
		return false
	}
	switch last, since := status.Actions[0], now.Sub(status.Actions[0].Time.Time); last.Outcome {
	case v1alpha1.ActionIntended:
		return true
	case v1alpha1.ActionDone:
		rolling := len(status.Outcomes) > 0 && status.Outcomes[0].Result == v1alpha1.RolloutRolling
		return since < actionSettles || (rolling && since < actionRolls)
	default:
		return false
	}
}

// environmentHealth is what the breaker judges.
func environmentHealth(policy *v1alpha1.EnvironmentPolicy, reports []v1alpha1.ReadinessReport) remediation.Environment {
	health := remediation.Environment{}
	if policy.Status.Breaker != nil {
		health.Tripped = policy.Status.Breaker.Tripped.Time
	}
	for i := range reports {
		if reports[i].Status.State == v1alpha1.ReportGone || reports[i].Status.Object != nil {
			continue
		}
		health.Workloads++
		if since := reports[i].Status.FailingSince; since != nil {
			health.FailingSince = append(health.FailingSince, since.Time)
		}
	}
	return health
}

// actLevel is whether an act of the given start level acts in the workload's namespace.
func (l *look) actLevel(startLevel v1alpha1.ActLevel) v1alpha1.ActLevel {
	return environment.ActLevel(l.namespace.Annotations, l.environment.Name(), startLevel)
}

// suspended says whether the policy suspends remediation.
func (l *look) suspended() bool {
	return l.environment.Spec.Suspend != v1alpha1.SuspendNone
}
