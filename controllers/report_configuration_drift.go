// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/workload"
)

// judgeConfiguration says whether pods run by values of ConfigMaps or Secrets that have
// changed since they started. A release writes these before its templates, and waits in
// between: what has just changed is not spoken of yet.
func (r *ReportReconciler) judgeConfiguration(ctx context.Context, l *look, p *plan, now time.Time) error {
	status := &l.report.Status
	if l.environment.Spec.Drift.Mode == v1alpha1.DriftIgnore {
		status.Configuration = nil
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionConfigurationDrifted)
		return nil
	}
	configured := drift.Configured{
		Uses: workload.TakenAtStart(l.workload.Template.Spec), Pods: l.podsOfNewestTemplate(),
		Content: map[workload.Source]workload.Content{}, Unread: map[workload.Source]bool{}, Written: map[workload.Source]time.Time{},
		Writes: map[workload.Source]workload.Writes{},
	}
	for name, content := range l.content {
		configured.Content[workload.Source{Kind: v1alpha1.ConfigurationFromConfigMap, Name: name}] = content
	}
	if err := r.gatherSecrets(ctx, l, &configured); err != nil {
		return err
	}
	if err := r.gatherWrites(ctx, l, &configured, status.Configuration); err != nil {
		return err
	}
	status.Configuration = configured.Record(status.Configuration, now)
	outdated := slices.DeleteFunc(configured.Outdated(status.Configuration), func(o drift.Outdated) bool {
		due := o.Since.Add(appliedBefore)
		if now.Before(due) {
			p.lookAgain(due)
		}
		return now.Before(due)
	})
	if len(outdated) == 0 {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionConfigurationDrifted)
		return nil
	}
	setCondition(&status.Conditions, l.report.Generation, v1alpha1.ConditionConfigurationDrifted, metav1.ConditionTrue,
		drift.ConfigurationReason(outdated), drift.ConfigurationMessage(outdated))
	return nil
}

// gatherWrites reads when the ConfigMaps that have changed were last written. It asks the API
// server, because the cache keeps no field managers.
func (r *ReportReconciler) gatherWrites(ctx context.Context, l *look, configured *drift.Configured, recorded []v1alpha1.ConfigurationSource) error {
	for _, source := range configured.Unrecorded(recorded) {
		if source.Kind != v1alpha1.ConfigurationFromConfigMap {
			continue
		}
		object := &metav1.PartialObjectMetadata{}
		object.SetGroupVersionKind(configMapKeys.GroupVersionKind)
		err := r.Live.Get(ctx, client.ObjectKey{Namespace: l.key.Namespace, Name: source.Name}, object)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("get when config map %s/%s was written: %w", l.key.Namespace, source.Name, err)
		}
		if err == nil {
			configured.Written[source] = lastWrite(object)
		}
	}
	return nil
}

// podsOfNewestTemplate leaves out those of earlier ones: a rollout replaces them.
func (l *look) podsOfNewestTemplate() []workload.Pod {
	return slices.DeleteFunc(slices.Clone(l.pods), func(p workload.Pod) bool {
		return l.templateHash == "" || p.TemplateHash != l.templateHash
	})
}

// configurationDriftedSince says what has drifted, when nothing had before.
func configurationDriftedSince(was, is *v1alpha1.ReadinessReportStatus) string {
	drifted := meta.FindStatusCondition(is.Conditions, v1alpha1.ConditionConfigurationDrifted)
	if drifted == nil || meta.IsStatusConditionTrue(was.Conditions, v1alpha1.ConditionConfigurationDrifted) {
		return ""
	}
	return drifted.Message
}
