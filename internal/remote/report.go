// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// kinds of workloads that a report may speak of.
var kinds = []v1alpha1.WorkloadKind{
	v1alpha1.KindDeployment, v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet, v1alpha1.KindCronJob,
	v1alpha1.KindJob, v1alpha1.KindReplicaSet, v1alpha1.KindReplicationController, v1alpha1.KindPod,
}

// Sound says whether a report speaks of something that could stand in this cluster too. The
// API server that validated it is not ours: a name that no object here can have must not
// come as far as the ledger, where it would spoil what other gates say.
func Sound(report v1alpha1.ReadinessReport) bool {
	if report.Status.Object != nil {
		return true // a gate does not look at it
	}
	w := report.Status.Workload
	return slices.Contains(kinds, w.Kind) && len(validation.IsDNS1123Subdomain(w.Name)) == 0
}
