// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/internal/drift"
)

// RollbackPatch is the JSON Patch that brings a Deployment, StatefulSet or DaemonSet back to
// the template of an earlier revision. It replaces the pod template and nothing else, and
// only while the workload is the one that was judged: its resourceVersion is tested. What the
// Deployment controller wrote into the ReplicaSet's template is left out, and what was
// injected since stays out: the template comes back as it was persisted.
func RollbackPatch(current metav1.Object, target corev1.PodTemplateSpec) ([]byte, error) {
	if current.GetResourceVersion() == "" {
		return nil, fmt.Errorf("roll back %s: it has no resourceVersion, so that it was never persisted", current.GetName())
	}
	template := *target.DeepCopy()
	delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return json.Marshal([]drift.Operation{
		{Op: "test", Path: "/metadata/resourceVersion", Value: current.GetResourceVersion()},
		{Op: "replace", Path: "/spec/template", Value: template},
	})
}
