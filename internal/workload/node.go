// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import corev1 "k8s.io/api/core/v1"

// NodeTrouble says why failures on a node are not its pods' fault: it is not ready or
// under pressure. It is empty for a healthy node. A node that says nothing about its
// readiness is not ready.
func NodeTrouble(node *corev1.Node) string {
	ready := false
	for _, c := range node.Status.Conditions {
		switch c.Type {
		case corev1.NodeReady:
			ready = c.Status == corev1.ConditionTrue
		case corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure:
			if c.Status == corev1.ConditionTrue {
				return "node has " + string(c.Type)
			}
		}
	}
	if !ready {
		return "node is not ready"
	}
	return ""
}
