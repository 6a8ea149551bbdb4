// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/acts"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/telemetry"
)

// actsMoved are the acts that come to another level in a namespace.
type actsMoved struct {
	policy *v1alpha1.EnvironmentPolicy
	steps  []acts.Output
}

// acts says how far each act may go in the namespace, as its annotation keeps it; empty when
// the policy asks for none.
func (r *NamespaceReconciler) acts(
	ctx context.Context, namespace *corev1.Namespace, own environment.Environment, joined environment.Joined, now time.Time,
) (annotation string, moved actsMoved, err error) {
	asked := acts.Of(own.Spec)
	if len(asked) == 0 {
		return "", actsMoved{}, nil
	}
	trials, err := r.actTrials(ctx, namespace.Name)
	if err != nil {
		return "", actsMoved{}, err
	}
	var kept []acts.Standing
	if was, found := environment.ParseJoined(namespace.Annotations); found && was.Environment == joined.Environment {
		kept = acts.Parse(namespace.Annotations)
	}
	moved.policy = own.Policy
	standings := make([]acts.Standing, 0, len(asked))
	for _, act := range asked {
		in := acts.Input{
			Act: act, Joined: joined, Trials: trials, Progression: *own.Spec.Progression, Suspend: own.Spec.Suspend, Now: now,
		}
		if i := slices.IndexFunc(kept, func(s acts.Standing) bool { return s.Kind == act.Kind }); i >= 0 {
			in.Previous = &kept[i]
		}
		step := acts.Step(in)
		if step.Change != "" {
			moved.steps = append(moved.steps, step)
		}
		standings = append(standings, step.Standing)
	}
	return acts.Annotation(standings), moved, nil
}

// actTrials are the decisions about all workloads of a namespace, those that are gone included.
func (r *NamespaceReconciler) actTrials(ctx context.Context, namespace string) ([]v1alpha1.ActTrial, error) {
	var reports v1alpha1.ReadinessReportList
	if err := r.Client.List(ctx, &reports, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list reports of namespace %s: %w", namespace, err)
	}
	var trials []v1alpha1.ActTrial
	for i := range reports.Items {
		trials = append(trials, reports.Items[i].Status.ActTrials...)
	}
	return trials, nil
}

// announceActs tells, after it was written, which acts came to another level: what follows
// from now on has always been told.
func (r *NamespaceReconciler) announceActs(moved actsMoved, namespace *corev1.Namespace) {
	for _, step := range moved.steps {
		kind, reason, from := telemetry.Normal, telemetry.ReasonActRaised, v1alpha1.ActReport
		if step.Level == v1alpha1.ActReport {
			kind, reason, from = telemetry.Warning, telemetry.ReasonActLowered, v1alpha1.ActAct
		}
		r.Events.Eventf(moved.policy, namespace, kind, reason, telemetry.ActionProgress,
			"%s in %s: %s → %s: %s", acts.Plural(step.Kind), namespace.Name, from, step.Level, step.Change)
	}
}
