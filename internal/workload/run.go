// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Run is one Job: a piece of work with an end. A zero time means that it has not happened.
type Run struct {
	Name string
	UID  string
	// Created is when the Job was made, Started when its controller began to work on it.
	Created, Started time.Time
	// Finished is when it ended for good.
	Finished time.Time
	// Failed is true for a run that ended without completing; Why says what its
	// controller said about it.
	Failed bool
	Why    string
}

// RunFrom reads a Job.
func RunFrom(job *batchv1.Job) Run {
	run := Run{Name: job.Name, UID: string(job.UID), Created: job.CreationTimestamp.Time}
	if job.Status.StartTime != nil {
		run.Started = job.Status.StartTime.Time
	}
	for _, c := range job.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case batchv1.JobComplete:
			run.Finished = c.LastTransitionTime.Time
		case batchv1.JobFailed:
			run.Finished, run.Failed, run.Why = c.LastTransitionTime.Time, true, c.Reason
		}
	}
	return run
}

// Lasting says whether workloads of the kind are there to stay. A bare Pod or Job is
// not: its name seldom comes back, and nothing that it shows is of use to the next one.
func Lasting(kind v1alpha1.WorkloadKind) bool {
	return kind != v1alpha1.KindPod && kind != v1alpha1.KindJob
}
