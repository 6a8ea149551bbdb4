// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/workload"
)

// secretWrites are Secrets, of which only the metadata is watched, and only while an
// environment asks for it.
var secretWrites = watchedKind{corev1.SchemeGroupVersion.WithKind("Secret"), "secrets", namesOnly}

// toDateSecrets is what Secrets are watched for: to tell when they were written.
const toDateSecrets purpose = "date"

// watchesSecrets says whether an environment asks when Secrets were written.
func watchesSecrets(policy *v1alpha1.DriftPolicy) bool {
	return policy.Mode != v1alpha1.DriftIgnore && policy.Secrets == v1alpha1.SecretsWatch
}

// gatherSecrets reads when the Secrets were written from which containers take something when
// they start. Where the environment does not ask for that, the workload has none. Nobody knows
// of a Secret while the operator may not read it, or when it says nothing about its writes.
func (r *ReportReconciler) gatherSecrets(ctx context.Context, l *look, configured *drift.Configured) error {
	isSecret := func(use workload.StartUse) bool { return use.Kind == v1alpha1.ConfigurationFromSecret }
	if !watchesSecrets(l.environment.Spec.Drift) {
		configured.Uses = slices.DeleteFunc(configured.Uses, isSecret)
		return nil
	}
	for _, use := range configured.Uses {
		if !isSecret(use) {
			continue
		}
		writes, found, err := r.writesOfSecret(ctx, client.ObjectKey{Namespace: l.key.Namespace, Name: use.Name})
		switch {
		case errors.Is(err, errUnread):
			configured.Unread[use.Source] = true
		case err != nil:
			return err
		case !found:
			configured.Content[use.Source] = nil
		default:
			configured.Content[use.Source], configured.Writes[use.Source] = writes.Content(), writes
		}
	}
	return nil
}

// errUnread says that nobody knows when a Secret was written.
var errUnread = errors.New("it is not known when the secret was written")

func (r *ReportReconciler) writesOfSecret(ctx context.Context, key client.ObjectKey) (writes workload.Writes, found bool, err error) {
	if !r.Kinds.of(secretWrites).readable {
		return nil, false, errUnread
	}
	object, notWatched := secretWrites.new(r.Client.Scheme()), &cache.ErrResourceNotCached{}
	switch err := r.SecretWrites.Get(ctx, key, object); {
	case apierrors.IsNotFound(err):
		return nil, false, nil
	case errors.As(err, &notWatched):
		return nil, false, errUnread
	case err != nil:
		return nil, false, fmt.Errorf("get when secret %s was written: %w", key, err)
	}
	if writes = workload.WritesOf(object); len(writes) == 0 {
		return nil, true, errUnread
	}
	return writes, true, nil
}

// followSecrets leads from a Secret that was written to the workloads whose containers take
// something from it, as long as some environment asks for it.
func (r *ReportReconciler) followSecrets(watches *KindReconciler, c controller.TypedController[Key]) {
	watches.follow(toDateSecrets, func(_ watchedKind, informer cache.Informer) error {
		return tell(c, informer, mapTo(r.keysTakingSecret), secretWritten)
	})
}

// keysTakingSecret are the workloads whose containers take something from a Secret when they
// start.
func (r *ReportReconciler) keysTakingSecret(ctx context.Context, object client.Object) []Key {
	return r.keysWhose(ctx, object.GetNamespace(), func(w workload.Workload) bool {
		return slices.ContainsFunc(workload.TakenAtStart(w.Template.Spec), func(use workload.StartUse) bool {
			return use.Source == workload.Source{Kind: v1alpha1.ConfigurationFromSecret, Name: object.GetName()}
		})
	})
}

// secretWritten passes Secrets that come and go, and those whose values were written. When the
// watch begins, every workload is looked at in any case.
var secretWritten = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return !maps.EqualFunc(workload.WritesOf(e.ObjectOld), workload.WritesOf(e.ObjectNew), time.Time.Equal)
	},
}
