// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// TestJob is a Job by which a team tests a workload of its namespace.
type TestJob struct {
	Run
	// Quality that its end speaks of; empty when the Job's label names none.
	Quality v1alpha1.Quality
}

// TestJobFrom reads a Job whose label names a workload.
func TestJobFrom(job *batchv1.Job) TestJob {
	test := TestJob{Run: RunFrom(job)}
	switch quality := v1alpha1.Quality(job.Labels[v1alpha1.LabelQuality]); quality {
	case v1alpha1.Predictability, v1alpha1.Recoverability, v1alpha1.SafeFailure:
		test.Quality = quality
	}
	return test
}

// tested are the kinds whose workloads can be tested: those with revisions that keep running.
var tested = []v1alpha1.WorkloadKind{v1alpha1.KindDeployment, v1alpha1.KindStatefulSet, v1alpha1.KindDaemonSet}

// TestLabels are the values by which the label rampart.dev/tests names a workload; none when
// workloads of the kind cannot be tested.
func TestLabels(kind v1alpha1.WorkloadKind, name string) []string {
	if !slices.Contains(tested, kind) {
		return nil
	}
	return []string{name, string(kind) + "." + name}
}

// Tested are the kind and name of the workloads that a Job may test; none for other Jobs.
// Names of objects begin with a small letter and kinds do not, so that the two are told apart.
func Tested(job *batchv1.Job) (kinds []v1alpha1.WorkloadKind, name string) {
	value := job.Labels[v1alpha1.LabelTests]
	if value == "" {
		return nil, ""
	}
	for _, kind := range tested {
		if of, ok := strings.CutPrefix(value, string(kind)+"."); ok {
			return []v1alpha1.WorkloadKind{kind}, of
		}
	}
	return tested, value
}
