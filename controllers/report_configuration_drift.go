// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/workload"
)

// judgeConfiguration says whether pods run by values of ConfigMaps that have changed since
// they started. A release writes its ConfigMaps before its templates, and waits in between:
// what has just changed is not spoken of yet.
func (r *ReportReconciler) judgeConfiguration(ctx context.Context, l *look, p *plan, now time.Time) error {
	status := &l.report.Status
	if l.environment.Spec.Drift.Mode == v1alpha1.DriftIgnore {
		status.Configuration = nil
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionConfigurationDrifted)
		return nil
	}
	configured := drift.Configured{
		Uses: workload.TakenAtStart(l.workload.Template.Spec), Content: l.content, Pods: l.podsOfNewestTemplate(),
	}
	var err error
	if configured.Written, err = r.written(ctx, l, configured.Unrecorded(status.Configuration)); err != nil {
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
		v1alpha1.ReasonConfigMapChanged, drift.ConfigurationMessage(outdated))
	return nil
}

// written is when ConfigMaps were last written. It is read from the API server, and only when
// one has changed: the cache keeps no field managers.
func (r *ReportReconciler) written(ctx context.Context, l *look, names []string) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	for _, name := range names {
		object := &metav1.PartialObjectMetadata{}
		object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
		err := r.Live.Get(ctx, client.ObjectKey{Namespace: l.key.Namespace, Name: name}, object)
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("get when config map %s/%s was written: %w", l.key.Namespace, name, err)
		}
		if err == nil {
			all[name] = lastWrite(object)
		}
	}
	return all, nil
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
