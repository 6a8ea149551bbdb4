// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// newLists are empty lists of each workload kind.
func newLists() []client.ObjectList {
	return []client.ObjectList{
		&appsv1.DeploymentList{}, &appsv1.StatefulSetList{}, &appsv1.DaemonSetList{},
		&batchv1.CronJobList{}, &batchv1.JobList{},
		&appsv1.ReplicaSetList{}, &corev1.ReplicationControllerList{}, &corev1.PodList{},
	}
}

// topWorkloads are the workloads of a namespace that no other workload controls:
// those that evidence belongs to. They may be shared and must not be written to.
func topWorkloads(ctx context.Context, c client.Reader, namespace string) ([]workload.Object, error) {
	var top []workload.Object
	for _, list := range newLists() {
		if err := c.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("list workloads of namespace %s: %w", namespace, err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			object, isObject := item.(workload.Object)
			if isObject && workload.OwnerOf(object) == nil && object.GetDeletionTimestamp() == nil {
				top = append(top, object)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read workloads of namespace %s: %w", namespace, err)
		}
	}
	return top, nil
}

// anyBy says whether one of the workloads was there by a time. One of the same second
// counts, because nobody can tell which came first.
func anyBy(workloads []workload.Object, t time.Time) bool {
	for _, w := range workloads {
		if !w.GetCreationTimestamp().After(t) {
			return true
		}
	}
	return false
}

// Key names a workload: the unit that a ReadinessReport speaks of.
type Key struct {
	Kind      v1alpha1.WorkloadKind
	Namespace string
	Name      string
}

func (k Key) String() string { return fmt.Sprintf("%s %s/%s", k.Kind, k.Namespace, k.Name) }

// reportName is the name of the workload's report.
func (k Key) reportName() client.ObjectKey {
	return client.ObjectKey{Namespace: k.Namespace, Name: workload.ReportName(k.Kind, k.Name)}
}
