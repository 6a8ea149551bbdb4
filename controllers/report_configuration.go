// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/internal/workload"
)

// gatherConfiguration reads what the template uses of ConfigMaps: it is part of what runs.
func (r *ReportReconciler) gatherConfiguration(ctx context.Context, l *look) error {
	uses := workload.ConfigMapsUsed(l.workload.Template.Spec)
	content := make(map[string]workload.Content, len(uses))
	for _, use := range uses {
		var configMap corev1.ConfigMap
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: l.key.Namespace, Name: use.Name}, &configMap)
		switch {
		case err == nil:
			content[use.Name] = workload.ContentOf(&configMap)
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("get config map %s/%s: %w", l.key.Namespace, use.Name, err)
		}
	}
	l.configuration, l.content = workload.Configuration(uses, content), content
	return nil
}

// keysConfiguredBy are the workloads whose pods get files or environment from a ConfigMap.
func (r *ReportReconciler) keysConfiguredBy(ctx context.Context, object client.Object) []Key {
	return r.keysWhose(ctx, object.GetNamespace(), func(w workload.Workload) bool {
		return slices.ContainsFunc(workload.ConfigMapsUsed(w.Template.Spec), func(use workload.SourceUse) bool {
			return use.Name == object.GetName()
		})
	})
}

// contentChanged passes ConfigMaps that come and go, and changes of what is in them.
var contentChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*corev1.ConfigMap), e.ObjectNew.(*corev1.ConfigMap)
		return !maps.Equal(workload.ContentOf(before), workload.ContentOf(after))
	},
}
