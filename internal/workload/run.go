// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

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
	// Idle is true for a run that completed though none of its pods succeeded: it asked for
	// no completion, and did nothing.
	Idle bool
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
			run.Finished, run.Idle = c.LastTransitionTime.Time, job.Status.Succeeded == 0
		case batchv1.JobFailed:
			run.Finished, run.Failed, run.Why = c.LastTransitionTime.Time, true, c.Reason
		}
	}
	return run
}

// Runs says whether a Job does what the CronJob's newest template says, as often. Whoever may create
// Jobs may also write their owner: one that does something else says nothing about the
// revision.
func (w Workload) Runs(job *batchv1.Job) bool {
	if !sameAmount(job.Spec, w.Run) {
		return false
	}
	var does, says []string
	for _, c := range containersOf(job.Spec.Template.Spec) {
		does = append(does, doing(c))
	}
	for _, c := range containersOf(w.Template.Spec) {
		says = append(says, doing(c))
	}
	return slices.IndexFunc(says, func(s string) bool { return !slices.Contains(does, s) }) < 0
}

// sameAmount says whether two Jobs ask for as many completions, by as many pods at a time. Only
// one of them may have been through the API server, which fills in what is left out.
func sameAmount(a, b batchv1.JobSpec) bool {
	aTimes, aWidth := amount(a)
	bTimes, bWidth := amount(b)
	return ptr.Equal(aTimes, bTimes) && aWidth == bWidth
}

// amount is how many completions a Job asks for, nil for any, and how many pods it runs at a
// time, with the API server's defaults.
func amount(spec batchv1.JobSpec) (completions *int32, parallelism int32) {
	if spec.Completions == nil && spec.Parallelism == nil {
		return ptr.To[int32](1), 1
	}
	return spec.Completions, ptr.Deref(spec.Parallelism, 1)
}

// doing is what a container was made to do.
func doing(c corev1.Container) string {
	return strings.Join(slices.Concat([]string{c.Name, c.Image}, c.Command, []string{""}, c.Args), "\x00")
}

// Lasting says whether workloads of the kind are there to stay. A bare Pod or Job is
// not: its name seldom comes back, and nothing that it shows is of use to the next one.
func Lasting(kind v1alpha1.WorkloadKind) bool {
	return kind != v1alpha1.KindPod && kind != v1alpha1.KindJob
}
