// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/acts"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/workload"
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
	l.heldBefore, l.report.Status.HeldBack = l.report.Status.HeldBack, nil
	if waits, err := r.pending(ctx, l, &p, now); err != nil || waits {
		return p, err
	}
	if p.disown {
		// The last action is finished first: what an action leaves tells that it happened,
		// and must not speak for the next one.
		p.lookAgain(now.Add(soonest))
		return p, nil
	}
	r.settleRollbacks(l, now)
	if err := r.finishRollback(ctx, l, &p, now); err != nil {
		return p, fmt.Errorf("finish the rollback of %s: %w", l.key, err)
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
	p.lookAgain(acts.GivenUpAt(l.report.Status.ActTrials))
	return p, nil
}

// pending says whether an action is intended whose outcome nobody has recorded: the
// record has not reached our cache yet, or the operator was stopped at it. An action
// that shows in the workload is done. One that does not is given up after a while, unless
// the API server itself shows it, counts against the budget, and the workload is judged anew.
func (r *ReportReconciler) pending(ctx context.Context, l *look, p *plan, now time.Time) (bool, error) {
	action, intended := lastIntended(&l.report.Status)
	if !intended {
		return false, nil
	}
	seen, until := r.shows(l, action), action.Time.Add(resumeAfter)
	if !seen && now.Before(until) {
		p.lookAgain(until)
		return true, nil
	}
	done, err := seen, error(nil)
	if !seen {
		done, err = r.happened(ctx, l, action)
	}
	switch {
	case err != nil:
		return true, err
	case !done:
		abandon(&l.report.Status, action, "nothing shows that this was done, because the operator was stopped or the API server did not answer, and the workload is judged anew", now)
		return false, nil
	}
	if err := r.decidedBefore(ctx, l, action, now); err != nil {
		return true, err
	}
	action.Outcome, action.Time.Time = v1alpha1.ActionDone, now.Truncate(time.Second)
	note(&l.report.Status, action)
	return !seen, nil // what the cache does not show yet is not judged: its event brings the next look
}

// abandon gives an intended action up, and says why.
func abandon(status *v1alpha1.ReadinessReportStatus, action v1alpha1.Action, why string, now time.Time) {
	liftQuarantine(status, action)
	forgetIsolation(status, action)
	action.Outcome, action.Time.Time = v1alpha1.ActionFailed, now.Truncate(time.Second)
	action.Message = why + ": " + action.Message
	note(status, action)
}

// lastBegun is the last action that the operator has begun, which may go on: one that is
// intended or was done. What was only reported since changed nothing.
func lastBegun(status *v1alpha1.ReadinessReportStatus) (v1alpha1.Action, bool) {
	for _, action := range status.Actions {
		if action.Outcome == v1alpha1.ActionIntended || action.Outcome == v1alpha1.ActionDone {
			return action, true
		}
	}
	return v1alpha1.Action{}, false
}

// lastIntended is the last action that was begun, if nobody has recorded its outcome.
func lastIntended(status *v1alpha1.ReadinessReportStatus) (v1alpha1.Action, bool) {
	action, begun := lastBegun(status)
	return action, begun && action.Outcome == v1alpha1.ActionIntended
}

// giveUp ends an intended action whose workload is gone: nobody will see whether it was done.
func giveUp(status *v1alpha1.ReadinessReportStatus, now time.Time) {
	if action, intended := lastIntended(status); intended {
		abandon(status, action, "the workload was deleted before anybody saw whether this was done", now)
	}
}

// shows says whether an intended action can be seen.
func (r *ReportReconciler) shows(l *look, action v1alpha1.Action) bool {
	switch action.Kind {
	case v1alpha1.ActionReplacePod:
		return l.replaced(action)
	case v1alpha1.ActionIsolate:
		return l.isolated()
	case v1alpha1.ActionRelease:
		return !l.isolated()
	}
	return r.patched(l.object, action)
}

// happened says whether the API server itself shows an intended action: a cache that is behind,
// or whose watch was lost, does not.
func (r *ReportReconciler) happened(ctx context.Context, l *look, action v1alpha1.Action) (bool, error) {
	switch action.Kind {
	case v1alpha1.ActionReplacePod:
		return r.leaving(ctx, l.podOf(action))
	case v1alpha1.ActionIsolate, v1alpha1.ActionRelease:
		live := *l
		var err error
		live.isolation, err = readIsolation(ctx, r.Live, l.key)
		return r.shows(&live, action), err
	}
	live := r.current(ctx, l)
	return live.object != nil && r.patched(live.object, action), live.unread
}

// patched says whether an intended patch of a workload can be seen in it. It answers to one
// generation and to no other state, so that the next generation is the operator's if it
// happened. Admission's stamp says so, or says that it is not: the field managers are what
// each client calls itself. Only where nothing has been stamped, because the API server cannot
// or the policy is not in force yet, or where so many have written since that its stamp has made
// room for theirs, they are believed, by whoever writes.
func (r *ReportReconciler) patched(object client.Object, action v1alpha1.Action) bool {
	answered, known := generationOf(action)
	if !known || object.GetGeneration() <= answered {
		return false
	}
	stamps, err := drift.ParseStamps(object.GetAnnotations()[v1alpha1.AnnotationSpecAuthor])
	if r.Stamping && (err != nil || len(stamps) > 0 && !stamps.Forgotten(answered)) {
		return stampedBy(object, answered+1, r.OperatorUser)
	}
	return remediation.Owns(object)
}

// generationOf is the generation of the workload that an action answers to, with which its
// id ends.
func generationOf(action v1alpha1.Action) (generation int64, known bool) {
	generation, err := strconv.ParseInt(action.ID[strings.LastIndexByte(action.ID, '-')+1:], 10, 64)
	return generation, err == nil
}

// stampedBy says whether admission saw the user bring the workload to a generation.
func stampedBy(object client.Object, generation int64, user string) bool {
	stamps, err := drift.ParseStamps(object.GetAnnotations()[v1alpha1.AnnotationSpecAuthor])
	return err == nil && user != "" && slices.ContainsFunc(stamps, func(s drift.Stamp) bool { return s.Generation == generation && s.By(user) })
}

// budget says whether the blast radius allows to change the workload now. begun are those
// whose change may not stand in the reports yet.
func (r *ReportReconciler) budget(ctx context.Context, l *look, kind v1alpha1.ActionKind, begun func(Key) bool, now time.Time) (remediation.Budget, error) {
	others, err := r.siblings(ctx, l)
	if err != nil {
		return remediation.Budget{}, err
	}
	usage := remediation.Usage{Kind: kind, Actions: spent(&l.report.Status, kind)}
	for _, other := range others {
		if changing(&other, now) || begun(keyOf(&other)) {
			usage.InEnvironment++
			if other.Namespace == l.key.Namespace {
				usage.InNamespace = fmt.Sprintf("%s %s", other.Status.Workload.Kind, other.Status.Workload.Name)
			}
		}
	}
	health := environmentHealth(l.environment.Policy, append(others, *l.report))
	usage.Breaker = remediation.Break(health, *l.environment.Spec.BlastRadius, now).In(l.key.Namespace)
	return remediation.Allow(usage, *l.environment.Spec.BlastRadius, now), nil
}

// keyOf is the workload that a report speaks of.
func keyOf(report *v1alpha1.ReadinessReport) Key {
	return Key{Kind: report.Status.Workload.Kind, Namespace: report.Namespace, Name: report.Status.Workload.Name}
}

// nobody began a change that does not stand in the reports yet: for whoever only asks.
func nobody(Key) bool { return false }

// siblings are the reports of the other workloads of the environment.
func (r *ReportReconciler) siblings(ctx context.Context, l *look) ([]v1alpha1.ReadinessReport, error) {
	var list v1alpha1.ReadinessReportList
	// Each action asks for all workloads. Nothing that is read here is written to.
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
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
	last, begun := lastBegun(status)
	if !begun || last.Outcome == v1alpha1.ActionIntended {
		return begun
	}
	rolling, since := len(status.Outcomes) > 0 && status.Outcomes[0].Result == v1alpha1.RolloutRolling, now.Sub(last.Time.Time)
	return since < actionSettles || (rolling && since < actionRolls)
}

// environmentHealth is what the breaker judges.
func environmentHealth(policy *v1alpha1.EnvironmentPolicy, reports []v1alpha1.ReadinessReport) remediation.Environment {
	environment := remediation.Environment{Namespaces: map[string]remediation.Health{}}
	if open := policy.Status.Breaker; open != nil {
		environment.Tripped, environment.TrippedIn = open.Tripped.Time, open.Namespace
	}
	for i := range reports {
		if reports[i].Status.State == v1alpha1.ReportGone || reports[i].Status.Object != nil || !keptUp(&reports[i]) {
			continue
		}
		health := environment.Namespaces[reports[i].Namespace]
		health.Workloads++
		if since := reports[i].Status.FailingSince; since != nil {
			health.FailingSince = append(health.FailingSince, since.Time)
		}
		environment.Namespaces[reports[i].Namespace] = health
	}
	return environment
}

// keptUp says whether a controller brings lost pods of the workload back. A bare Pod with a wrong
// command, or a Job, fails for a reason of its own, and stops the protection of nobody else.
func keptUp(report *v1alpha1.ReadinessReport) bool {
	return workload.Workload{Kind: report.Status.Workload.Kind}.Replaces()
}

// suspended says whether the policy suspends remediation.
func (l *look) suspended() bool {
	return l.environment.Spec.Suspend != v1alpha1.SuspendNone
}
