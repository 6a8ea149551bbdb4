// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import appsv1 "k8s.io/api/apps/v1"

// ReplacedByHand says whether a new template makes no new pods until somebody deletes the
// old ones.
func (w Workload) ReplacedByHand() bool {
	switch strategy := w.Strategy.(type) {
	case appsv1.StatefulSetUpdateStrategy:
		return strategy.Type == appsv1.OnDeleteStatefulSetStrategyType
	case appsv1.DaemonSetUpdateStrategy:
		return strategy.Type == appsv1.OnDeleteDaemonSetStrategyType
	default:
		return false
	}
}
