// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drill"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/readiness"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// +kubebuilder:rbac:groups="",resources=pods/eviction,verbs=create

// drillPatience is how long a drill may take to begin before it is given up: it was
// refused, or the operator was stopped before it.
const drillPatience = 30 * time.Second

// exercise ends the drill that runs, or begins one when a gate waits for evidence that
// ordinary life has not produced.
func (r *ReportReconciler) exercise(ctx context.Context, l *look, p *plan, now time.Time) {
	status := &l.report.Status
	if status.Drill != nil && !r.followDrill(l, p, now) {
		return
	}
	switch {
	case p.action != nil || !readiness.NeedsDrill(l.readiness):
		status.DrillsBarred = ""
		return
	case len(l.gates) == 0:
		status.DrillsBarred = drill.Unawaited // a gate of another cluster may read it
		return
	}
	giveBack, taken := r.Slots.Take(l.key.Namespace)
	if !taken {
		p.lookAgain(now.Add(soonest))
		return
	}
	input, err := r.drillInput(ctx, l)
	if err != nil {
		giveBack()
		ctrl.LoggerFrom(ctx).Error(err, "cannot plan a drill")
		p.lookAgain(now.Add(drillPatience))
		return
	}
	decision := drill.Plan(input, now)
	status.DrillsBarred = drill.Barred(input)
	p.lookAgain(decision.At)
	if decision.Wait != "" {
		status.Message = message.Cut(status.Message+"; "+decision.Wait, maxText)
	}
	if decision.Pod == nil {
		giveBack()
		if decision.Wait != "" && decision.At.IsZero() {
			p.lookAgain(now.Add(askAgain))
		}
		return
	}
	p.giveBack = giveBack
	p.drill = &v1alpha1.Drill{
		Kind: decision.Kind, Pod: decision.Pod.Name, PodUID: decision.Pod.UID, Since: metav1.NewTime(now.Truncate(time.Second)),
	}
	if p.drill.Kind == v1alpha1.DrillRestart {
		p.drill.PodTemplateHash = l.templateHash
	}
	status.Drill, status.LastDrill = p.drill, &p.drill.Since
	p.lookAgain(now.Add(drillPatience))
}

// followDrill clears the drill once its trial has ended, so that another may follow, or once
// it is clear that it never began.
func (r *ReportReconciler) followDrill(l *look, p *plan, now time.Time) (ended bool) {
	status := &l.report.Status
	outcome := evidence.DrillOutcome(status.Evidence, *status.Drill)
	switch waited := now.Sub(status.Drill.Since.Time); {
	case outcome != "":
		if outcome == v1alpha1.TrialCensored && status.Drill.Kind == v1alpha1.DrillRestart {
			status.DrillRefused = &metav1.Time{Time: now.Truncate(time.Second)} // not again and again, against somebody's will
		}
		status.Drill = nil
		return true
	case evidence.DrillBegun(status.Evidence, *status.Drill):
		status.Message = message.Cut(status.Message+"; a drill runs: "+done(*status.Drill), maxText)
	case waited >= drillPatience:
		status.Drill = nil
		p.lookAgain(now.Add(soonest))
	default:
		p.lookAgain(status.Drill.Since.Add(drillPatience))
	}
	return false
}

// done says what a drill did.
func done(d v1alpha1.Drill) string {
	if d.Kind == v1alpha1.DrillRestart {
		return "the rollout was restarted, to replace pod " + d.Pod
	}
	return "pod " + d.Pod + " was evicted"
}

// drillInput reads what a drill depends on.
func (r *ReportReconciler) drillInput(ctx context.Context, l *look) (drill.Input, error) {
	status := &l.report.Status
	input := drill.Input{
		Policy:    *l.environment.Spec.Drills,
		Suspended: l.suspended(),
		Awaited:   true,
		Workload:  l.workload,
		Pods:      l.podsOfRevision(),
		Incident:  stoppedIn(l.environment.Policy, l.key.Namespace),
		Refused:   ptr.Deref(status.DrillRefused, metav1.Time{}).Time,
		Drifted:   status.Drift != nil && status.Drift.Leaves > 0,
		Failing:   status.FailingSince != nil,
		Evidence:  status.Evidence,
	}
	var list v1alpha1.ReadinessReportList
	if err := r.Client.List(ctx, &list); err != nil {
		return input, fmt.Errorf("list reports: %w", err)
	}
	workloads := ofWorkloads(list.Items)
	for i := range workloads {
		other := &workloads[i]
		here := other.Namespace == l.key.Namespace
		itself := here && other.Name == l.report.Name
		if other.Status.Drill != nil && !itself {
			input.RunningInCluster++
			if here {
				input.RunningInNamespace++
			}
		}
		if last := other.Status.LastDrill; here && last != nil && last.Time.After(input.Last) {
			input.Last = last.Time
		}
	}
	return input, nil
}

// drill does what one consists of.
func (r *ReportReconciler) drill(ctx context.Context, l *look, d *v1alpha1.Drill, now time.Time) error {
	if d.Kind == v1alpha1.DrillRestart {
		return r.restart(ctx, l, d, now)
	}
	return r.evict(ctx, l, d, now)
}

// evict asks the API server to take one pod away, as a node drain would: disruption
// budgets are respected, and a refusal teaches nothing about the workload.
func (r *ReportReconciler) evict(ctx context.Context, l *look, d *v1alpha1.Drill, now time.Time) error {
	for _, pod := range l.livePods {
		if string(pod.UID) != d.PodUID {
			continue
		}
		err := r.Client.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{
			ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
			DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: ptr.To(types.UID(d.PodUID))}},
		})
		switch gone := apierrors.IsNotFound(err) || apierrors.IsConflict(err); {
		case err == nil:
			r.Events.Eventf(l.object, l.report, telemetry.Normal, telemetry.ReasonDrillBegun, telemetry.ActionDrill,
				"evicting pod %s to see whether the workload recovers: a promotion gate waits for it", d.Pod)
			return nil
		case apierrors.IsTooManyRequests(err):
			return r.recordRefusal(ctx, l, now)
		case gone:
			return r.forgoDrill(ctx, l)
		}
		return fmt.Errorf("evict pod %s for a drill: %w", pod.Name, err)
	}
	return nil
}

// restart makes the Deployment replace its pods by others of the same revision, and owns
// nothing of it afterwards.
func (r *ReportReconciler) restart(ctx context.Context, l *look, d *v1alpha1.Drill, now time.Time) error {
	deployment, ok := l.writable().(*appsv1.Deployment)
	if !ok {
		return fmt.Errorf("restart the rollout of %s for a drill: only that of a Deployment brings a new pod first", l.key)
	}
	patch, err := remediation.Restart(deployment)
	if err != nil {
		return fmt.Errorf("restart the rollout of %s for a drill: %w", l.key, err)
	}
	executor := remediation.Executor{Client: r.Client}
	err = executor.Execute(ctx, deployment, patch)
	if apierrors.IsConflict(err) || apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
		if r.overtaken(ctx, l) {
			return r.forgoDrill(ctx, l)
		}
		return r.recordRefusal(ctx, l, now)
	}
	if err != nil {
		return fmt.Errorf("restart the rollout of %s for a drill: %w", l.key, err)
	}
	r.Events.Eventf(l.object, l.report, telemetry.Normal, telemetry.ReasonDrillBegun, telemetry.ActionDrill,
		"restarting the rollout to see whether pod %s is replaced: a promotion gate waits for it", d.Pod)
	return executor.ReleaseOwnership(ctx, deployment)
}

// recordRefusal ends a drill that was refused, so that the next one waits.
func (r *ReportReconciler) recordRefusal(ctx context.Context, l *look, now time.Time) error {
	before := l.report.DeepCopy()
	l.report.Status.Drill, l.report.Status.DrillRefused = nil, &metav1.Time{Time: now.Truncate(time.Second)}
	_, err := recordStatus(ctx, r.Client, before, l.report)
	return err
}

// forgoDrill ends a drill that was not begun, because somebody was first: what they wrote or
// deleted brings the next look, which plans anew.
func (r *ReportReconciler) forgoDrill(ctx context.Context, l *look) error {
	before := l.report.DeepCopy()
	l.report.Status.Drill = nil
	_, err := recordStatus(ctx, r.Client, before, l.report)
	return err
}
