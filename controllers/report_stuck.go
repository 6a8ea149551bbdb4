// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/acts"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/workload"
)

// +kubebuilder:rbac:groups="",resources=pods,verbs=delete

// finishRollback plans to delete the pod that keeps a StatefulSet from going back to the
// revision that was restored. It belongs to the rollback and is counted with it.
func (r *ReportReconciler) finishRollback(ctx context.Context, l *look, p *plan, now time.Time) error {
	pod := l.stuckPod()
	if pod == nil {
		return nil
	}
	status, id := &l.report.Status, l.replacementID(pod.Name)
	if _, done := remediation.Taken(status.Actions, id); done {
		return nil
	}
	what := fmt.Sprintf("pod %s runs what was rolled back and is not ready, and its controller does not replace it", pod.Name)
	may := answer{refused: l.replacementBarred()}
	if may.refused == "" {
		var err error
		if may, err = r.mayAct(ctx, l, p, v1alpha1.ActionReplacePod, now); err != nil || may.busy {
			return err
		}
	}
	if may.refused != "" {
		text := what + ": delete it. Rampart does not, because " + may.refused
		status.Message = message.Cut(text, maxText)
		note(status, actionAt(id, v1alpha1.ActionReplacePod, v1alpha1.ActionReported, now, text))
		return nil
	}
	intended := actionAt(id, v1alpha1.ActionReplacePod, v1alpha1.ActionIntended, now, what+": deleted, so that another is made from the restored template")
	p.action, p.pod = &intended, pod
	note(status, intended)
	return nil
}

// stuckPod is the pod that keeps a StatefulSet from going back; nil when there is none.
func (l *look) stuckPod() *corev1.Pod {
	set, ok := l.object.(*appsv1.StatefulSet)
	quarantined := l.quarantinedTemplates()
	if !ok || len(quarantined) == 0 {
		return nil
	}
	stuck := remediation.Stuck(set, l.pods, quarantined, l.troubledNodes)
	if len(stuck) == 0 {
		return nil
	}
	return l.livePod(stuck[0].UID)
}

// quarantinedTemplates are the names that the pods of revisions which were rolled back bear.
func (l *look) quarantinedTemplates() []string {
	var names []string
	for _, o := range l.report.Status.Outcomes {
		rolledBack := slices.ContainsFunc(l.report.Status.Quarantined, func(q v1alpha1.QuarantinedRevision) bool { return q.Hash == o.Hash })
		if rolledBack && o.PodTemplateHash != "" {
			names = append(names, o.PodTemplateHash)
		}
	}
	return names
}

// replacementID identifies the deletion of a pod after the last rollback.
func (l *look) replacementID(pod string) string {
	last := ""
	for _, action := range l.report.Status.Actions {
		if action.Kind == v1alpha1.ActionRollback && action.Outcome == v1alpha1.ActionDone {
			last = action.ID
			break
		}
	}
	return remediation.ReplacementID(l.workload.UID+"/"+last, pod)
}

// replaced says whether the pod that an action was to delete is gone, or going.
func (l *look) replaced(action v1alpha1.Action) bool { return l.podOf(action) == nil }

// podOf is the pod that an action is to delete; nil when it is gone, or going.
func (l *look) podOf(action v1alpha1.Action) *corev1.Pod {
	quarantined := l.quarantinedTemplates()
	i := slices.IndexFunc(l.pods, func(p workload.Pod) bool {
		return !p.Departing() && slices.Contains(quarantined, p.TemplateHash) && l.replacementID(p.Name) == action.ID
	})
	if i < 0 {
		return nil
	}
	return l.livePod(l.pods[i].UID)
}

// livePod is the pod of that UID, as it is.
func (l *look) livePod(uid string) *corev1.Pod {
	i := slices.IndexFunc(l.livePods, func(p *corev1.Pod) bool { return string(p.UID) == uid })
	if i < 0 {
		return nil
	}
	return l.livePods[i]
}

// replacementBarred says why the pod may not be deleted, whatever the blast radius allows;
// empty when it may. A rollback allows the deletions that belong to it, but none in an
// environment or a namespace where that has ended since, or against the team's will.
func (l *look) replacementBarred() string {
	policy := l.environment.Spec.Rollout
	standing := l.standing(acts.Act{Kind: v1alpha1.ActionRollback, StartLevel: policy.StartLevel})
	switch {
	case l.suspended():
		return "remediation is suspended in the EnvironmentPolicy"
	case policy.OnFailure != v1alpha1.OnFailureRollback:
		return "failed rollouts are only reported here by now (rollout.onFailure of the EnvironmentPolicy)"
	case standing.Level != v1alpha1.ActAct:
		return standing.AtReport()
	case l.workload.Annotations[v1alpha1.AnnotationOnFailure] != string(v1alpha1.OnFailureRollback):
		return "the workload does not say " + v1alpha1.AnnotationOnFailure + ": Rollback any more"
	}
	return ""
}

// carryOut does what an action consists of.
func (r *ReportReconciler) carryOut(ctx context.Context, l *look, object workload.Object, p plan) error {
	executor := remediation.Executor{Client: r.Client}
	if p.pod == nil {
		return executor.Execute(ctx, object, p.patch)
	}
	if err := r.replacementStands(ctx, l); err != nil {
		return err
	}
	return executor.Replace(ctx, p.pod)
}

// replacementStands asks at the last moment whether the pod may still be deleted; a conflict
// says that it may not. The patch of a rollback tests the workload that it answers to, and the
// deletion of a pod can test nothing but the pod.
func (r *ReportReconciler) replacementStands(ctx context.Context, l *look) error {
	latest := *l
	environments, err := readEnvironments(ctx, r.Client, r.OperatorNamespace)
	if err == nil {
		err = r.gatherNamespace(ctx, &latest, environments)
	}
	if err != nil {
		return err
	}
	live := r.current(ctx, l)
	if live.unread != nil {
		return live.unread
	}
	if !latest.enrolled || latest.replacementBarred() != "" || live.gone || live.written {
		return apierrors.NewConflict(corev1.Resource("pods"), l.key.Name, errors.New("its workload, or what is allowed there, has changed since it was judged"))
	}
	return nil
}

// leaving says whether a pod is gone or going, as the API server has it.
func (r *ReportReconciler) leaving(ctx context.Context, pod *corev1.Pod) (bool, error) {
	var live corev1.Pod
	err := r.Live.Get(ctx, client.ObjectKeyFromObject(pod), &live)
	switch {
	case apierrors.IsNotFound(err):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("get pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return live.UID != pod.UID || live.DeletionTimestamp != nil, nil
}
