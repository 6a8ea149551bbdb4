// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/workload"
)

// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get

// rollout is what is observed of the newest revision and those before it. It is read once in a
// look, for all that judge it.
func (r *ReportReconciler) rollout(ctx context.Context, l *look, now time.Time) (remediation.Rollout, error) {
	if l.rollout == nil {
		observed, err := r.observeRollout(ctx, l, now)
		if err != nil {
			return observed, err
		}
		l.rollout = &observed
	}
	return *l.rollout, nil
}

func (r *ReportReconciler) observeRollout(ctx context.Context, l *look, now time.Time) (remediation.Rollout, error) {
	status := &l.report.Status
	policy := l.environment.Spec.Rollout
	level, atReport := l.rollbackLevel()
	observed := remediation.Rollout{
		Observed:         l.workload.Rollout.Observed,
		Kind:             l.key.Kind,
		UID:              l.workload.UID,
		Revision:         status.Revision.Hash,
		Number:           status.Revision.Number,
		Since:            status.Revision.Since.Time,
		Images:           workload.ImagesIn(l.workload.Template.Spec),
		Generation:       l.workload.Generation,
		New:              l.newPods(now),
		Old:              l.oldPods(),
		Desired:          int(l.workload.Rollout.Desired),
		Available:        int(l.workload.Rollout.Available),
		MaxUnavailable:   int(l.workload.MaxUnavailable),
		DeadlineExceeded: l.workload.Rollout.DeadlineExceeded,
		Deadline:         cmp.Or(l.workload.Rollout.Deadline, l.progressBy),
		Infrastructure:   l.infrastructure(),
		Controller:       l.workload.Controller,
		WritableVolumes:  l.workload.WritableVolumes(),
		ByHand:           l.workload.ReplacedByHand(),
		Paused:           l.workload.Paused,
		Asked:            l.workload.Annotations[v1alpha1.AnnotationOnFailure],
		RanWell:          status.Outcomes[0].Result == v1alpha1.RolloutStable,
		FailingFor:       now.Sub(status.FailingSince.Time),
		OnFailure:        policy.OnFailure,
		Level:            level,
		AtReport:         atReport,
		Suspended:        l.suspended(),
		Earlier:          l.earlier(),
	}
	if observed.Infrastructure == "" && observed.New.Total == 0 {
		observed.Infrastructure = l.onTroubledNode()
	}
	var err error
	if observed.OthersFailing, observed.OthersElsewhere, err = r.othersFailing(ctx, l); err != nil {
		return observed, err
	}
	if observed.Jobs, err = r.jobs(ctx, l); err != nil {
		return observed, err
	}
	if observed.ChangedConfigMaps, err = r.changedConfigMaps(ctx, l); err != nil {
		return observed, err
	}
	if to := observed.Target(); to != nil {
		observed.MissingConfigMaps, err = r.missingConfigMaps(ctx, l, to.Template.Spec)
	}
	return observed, err
}

// newPods counts the pods of the newest revision.
func (l *look) newPods(now time.Time) remediation.NewPods {
	usual := evidence.UsualStart(l.report.Status.Evidence)
	var pods remediation.NewPods
	for _, pod := range l.podsOfRevision() {
		if pod.Departing() || l.troubledNodes[pod.Node] != "" {
			continue
		}
		pods.Total++
		switch waiting, isWaiting := waitingOf(pod); {
		case runsWell(pod, usual, now):
			pods.Stable++
		case isWaiting:
			pods.Waiting = append(pods.Waiting, waiting)
		case pod.Crashed():
			pods.Crashed++
		case !pod.Ready && !pod.Started.IsZero() && now.Sub(pod.Started) > usual:
			pods.Unready++
		}
	}
	return pods
}

// runsWell says whether a pod has been ready for as long as is usual. One that crashed must
// have been ready for the recovery objective too: its status shows the crash for as long as it
// lives, and what it recovered from long ago says nothing about the revision now.
func runsWell(pod workload.Pod, usual time.Duration, now time.Time) bool {
	wanted := usual
	if pod.Crashed() {
		wanted = max(usual, evidence.RecoveryObjective)
	}
	return pod.Ready && now.Sub(pod.ReadySince) >= wanted
}

// waitingOf is why a pod cannot start, if it is the image or the configuration.
func waitingOf(pod workload.Pod) (remediation.Waiting, bool) {
	if pod.ImageError() == "" && pod.ConfigurationError() == "" {
		return remediation.Waiting{}, false
	}
	reason := cmp.Or(pod.ImageError(), pod.ConfigurationError())
	for _, c := range pod.Containers {
		if c.Waiting == reason {
			return remediation.Waiting{Pod: pod.Name, Reason: reason, Image: pod.ImageOf(c.Name), Message: c.WaitingMessage}, true
		}
	}
	return remediation.Waiting{}, false
}

// oldPods counts the pods of the revisions before.
func (l *look) oldPods() remediation.OldPods {
	var pods remediation.OldPods
	for _, pod := range l.pods {
		if pod.TemplateHash == l.templateHash || pod.Departing() || l.troubledNodes[pod.Node] != "" {
			continue
		}
		pods.Total++
		switch {
		case pod.Ready:
			pods.Ready++
		case pod.Crashed() || !pod.Started.IsZero():
			pods.Failing++
		}
	}
	return pods
}

// infrastructure says why pods could not be made or placed; empty when they could.
func (l *look) infrastructure() string {
	for _, pod := range l.podsOfRevision() {
		if pod.Unschedulable {
			return "no node has room for pod " + pod.Name
		}
	}
	deployment, ok := l.object.(*appsv1.Deployment)
	if !ok {
		return l.unmade()
	}
	for _, c := range deployment.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return "pods are refused: " + c.Message
		}
	}
	return ""
}

// onTroubledNode names a pod of the newest revision that is left out of the evidence because
// of its node; empty when there is none.
func (l *look) onTroubledNode() string {
	for _, pod := range l.podsOfRevision() {
		if trouble := l.troubledNodes[pod.Node]; trouble != "" && !pod.Departing() {
			return fmt.Sprintf("pod %s is on node %s: %s", pod.Name, pod.Node, trouble)
		}
	}
	return ""
}

// earlier are the revisions that could be returned to, the newest first: those that ran
// before and are not what runs now.
func (l *look) earlier() []remediation.Revision {
	now := l.report.Status.Revision
	return l.kept(slices.DeleteFunc(l.past(), func(o v1alpha1.RevisionOutcome) bool {
		return o.Hash == now.Hash || o.PodTemplateHash == now.PodTemplateHash
	}))
}

// past are what became of the revisions before the newest one, which may be one of them again.
func (l *look) past() []v1alpha1.RevisionOutcome {
	outcomes := l.report.Status.Outcomes
	return slices.Clone(outcomes[min(len(outcomes), 1):])
}

// kept are those of the revisions whose template is still kept. Who may edit the workload may
// edit that too, or make another one of the same name: only what ran is to be brought back.
func (l *look) kept(outcomes []v1alpha1.RevisionOutcome) []remediation.Revision {
	status := &l.report.Status
	var revisions []remediation.Revision
	for _, outcome := range outcomes {
		templates := l.templatesOf(outcome.PodTemplateHash)
		if len(templates) == 0 {
			continue
		}
		ran := slices.IndexFunc(templates, func(t corev1.PodTemplateSpec) bool { return workload.TemplateDigest(t) == outcome.TemplateDigest })
		revisions = append(revisions, remediation.Revision{
			Hash: outcome.Hash, Number: outcome.Number, Since: outcome.Time.Time, Template: templates[max(ran, 0)],
			Altered:     outcome.TemplateDigest != "" && ran < 0,
			Proven:      outcome.Arrival == v1alpha1.ArrivalProven || slices.ContainsFunc(status.Proven, func(p v1alpha1.ProvenRevision) bool { return p.Hash == outcome.Hash }),
			Stable:      outcome.Result == v1alpha1.RolloutStable,
			Quarantined: slices.ContainsFunc(status.Quarantined, func(q v1alpha1.QuarantinedRevision) bool { return q.Hash == outcome.Hash }),
		})
	}
	return revisions
}

// templatesOf are the pod templates that the workload's controller keeps under the name that
// it gives to the pods of a revision: in a ReplicaSet, or in a ControllerRevision. There is
// more than one only if somebody else made them.
func (l *look) templatesOf(podTemplateHash string) []corev1.PodTemplateSpec {
	var templates []corev1.PodTemplateSpec
	if podTemplateHash == "" {
		return nil
	}
	for _, rs := range l.replicaSets {
		if rs.Labels[appsv1.DefaultDeploymentUniqueLabelKey] == podTemplateHash {
			templates = append(templates, rs.Spec.Template)
		}
	}
	for _, revision := range l.revisions {
		if template, readable := workload.TemplateIn(revision); readable && workload.HashOf(revision) == podTemplateHash {
			templates = append(templates, template)
		}
	}
	return templates
}

// othersFailing are the other workloads of the environment that began to fail at about the
// same time: those of the namespace in the order of their names, and how many elsewhere.
func (r *ReportReconciler) othersFailing(ctx context.Context, l *look) (here []string, elsewhere int, err error) {
	others, err := r.siblings(ctx, l)
	if err != nil {
		return nil, 0, err
	}
	began := l.report.Status.FailingSince.Time
	for i := range others {
		since := others[i].Status.FailingSince
		switch {
		case since == nil || since.Sub(began).Abs() > remediation.Together || !keptUp(&others[i]):
		case others[i].Namespace == l.key.Namespace:
			here = append(here, keyOf(&others[i]).String())
		default:
			elsewhere++
		}
	}
	slices.Sort(here)
	return here, elsewhere, nil
}

// jobs are those of the namespace that somebody started, in whatever state they are.
func (r *ReportReconciler) jobs(ctx context.Context, l *look) ([]remediation.Job, error) {
	var list batchv1.JobList
	if err := r.Client.List(ctx, &list, client.InNamespace(l.key.Namespace)); err != nil {
		return nil, fmt.Errorf("list jobs of namespace %s: %w", l.key.Namespace, err)
	}
	var jobs []remediation.Job
	for i := range list.Items {
		if job := &list.Items[i]; !scheduled(job) && begun(job) {
			jobs = append(jobs, remediation.Job{
				Name: job.Name, Images: workload.ImagesIn(job.Spec.Template.Spec), Created: job.CreationTimestamp.Time,
			})
		}
	}
	return jobs, nil
}

// scheduled says whether the clock started a Job. What runs each night runs with every image,
// so that it is no migration; who starts the Job of a CronJob by hand may mean one.
func scheduled(job *batchv1.Job) bool {
	return workload.OwnerOf(job) != nil && job.Annotations["cronjob.kubernetes.io/instantiate"] != "manual"
}

// begun says whether a Job did something, or does soon: it is not suspended since it was made.
func begun(job *batchv1.Job) bool {
	return !ptr.Deref(job.Spec.Suspend, false) || job.Status.StartTime != nil || job.Status.Succeeded+job.Status.Failed > 0
}

// changedConfigMaps are those that the template refers to and that were written since
// shortly before the revision came. They are read from the API server, and only here:
// the operator keeps the values of no ConfigMap in memory.
func (r *ReportReconciler) changedConfigMaps(ctx context.Context, l *look) ([]string, error) {
	since := l.report.Status.Revision.Since.Add(-remediation.Together)
	var changed []string
	for _, use := range workload.ConfigMapsUsed(l.workload.Template.Spec) {
		name := use.Name
		var configMap corev1.ConfigMap
		err := r.Live.Get(ctx, client.ObjectKey{Namespace: l.key.Namespace, Name: name}, &configMap)
		if apierrors.IsNotFound(err) {
			continue // a reference that does not resolve is a fault of the revision
		}
		if err != nil {
			return nil, fmt.Errorf("get config map %s: %w", name, err)
		}
		if lastWrite(&configMap).After(since) {
			changed = append(changed, name)
		}
	}
	return changed, nil
}

// missingConfigMaps are those without which a pod does not start and that do not exist: tools
// that name ConfigMaps by their content delete those of earlier revisions.
func (r *ReportReconciler) missingConfigMaps(ctx context.Context, l *look, spec corev1.PodSpec) ([]string, error) {
	var missing []string
	for _, needs := range workload.ReferencesOf(spec) {
		if needs.Kind != workload.RefersToConfigMap || slices.Contains(missing, needs.Name) {
			continue
		}
		err := r.Live.Get(ctx, client.ObjectKey{Namespace: l.key.Namespace, Name: needs.Name}, &corev1.ConfigMap{})
		switch {
		case apierrors.IsNotFound(err):
			missing = append(missing, needs.Name)
		case err != nil:
			return nil, fmt.Errorf("get config map %s: %w", needs.Name, err)
		}
	}
	return missing, nil
}

// lastWrite is when an object was last written, as its field managers say.
func lastWrite(object client.Object) time.Time {
	last := object.GetCreationTimestamp().Time
	for _, entry := range object.GetManagedFields() {
		if entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
