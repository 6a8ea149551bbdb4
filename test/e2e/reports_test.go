// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// report of a Deployment; empty while there is none.
func (w *world) report(t *testing.T, deployment *appsv1.Deployment) v1alpha1.ReadinessReportStatus {
	t.Helper()
	var report v1alpha1.ReadinessReport
	name := client.ObjectKey{Namespace: deployment.Namespace, Name: workload.ReportName(v1alpha1.KindDeployment, deployment.Name)}
	NewWithT(t).Expect(client.IgnoreNotFound(w.admin.Get(t.Context(), name, &report))).To(Succeed())
	return report.Status
}

// actions of a kind that stand in the report of a Deployment with the outcome.
func (w *world) actions(t *testing.T, deployment *appsv1.Deployment, kind v1alpha1.ActionKind, outcome v1alpha1.ActionOutcome) []v1alpha1.Action {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(w.report(t, deployment).Actions), func(a v1alpha1.Action) bool {
		return a.Kind != kind || a.Outcome != outcome
	})
}

// released creates the Deployment and returns when the operator has seen it run well, so
// that it can be gone back to.
func (w *world) released(t *testing.T, as client.Client, deployment *appsv1.Deployment) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(as.Create(t.Context(), deployment.DeepCopy())).To(Succeed())
	g.Eventually(func() []v1alpha1.RevisionOutcome { return w.report(t, deployment).Outcomes }).
		Should(ContainElement(HaveField("Result", v1alpha1.RolloutStable)))
}

// service is a Deployment of two probed pods, whose new revisions start all their pods at
// once: by two crashes, and not by one, a revision is known to fail.
func service(name, namespace string, options ...testenv.DeploymentOption) *appsv1.Deployment {
	options = append([]testenv.DeploymentOption{testenv.Replicas(2), testenv.Probed(), testenv.GracePeriod(1)}, options...)
	deployment := testenv.Deployment(name, namespace, options...)
	deployment.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{
		MaxSurge: ptr.To(intstr.FromString("100%")), MaxUnavailable: ptr.To(intstr.FromInt32(0)),
	}
	return deployment
}
