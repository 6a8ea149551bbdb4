// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload_test

import (
	"testing"

	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestOnlyJobsThatDoWhatTheCronJobSaysAreItsRuns(t *testing.T) {
	backup := corev1.Container{Name: "backup", Image: "registry.example/backup:1", Args: []string{"--all"}}
	for name, c := range map[string]struct {
		change func(*corev1.PodSpec)
		want   bool
	}{
		"as it says":                 {func(*corev1.PodSpec) {}, true},
		"with an injected container": {func(s *corev1.PodSpec) { s.Containers = append(s.Containers, corev1.Container{Name: "proxy"}) }, true},
		"another image":              {func(s *corev1.PodSpec) { s.Containers[0].Image = "registry.example/true:1" }, false},
		"another command":            {func(s *corev1.PodSpec) { s.Containers[0].Command = []string{"true"} }, false},
		"other arguments":            {func(s *corev1.PodSpec) { s.Containers[0].Args = []string{"--help"} }, false},
		"a container less":           {func(s *corev1.PodSpec) { s.Containers = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := workload.Workload{Kind: v1alpha1.KindCronJob, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{backup}}}}
			job := &batchv1.Job{}
			job.Spec.Template.Spec.Containers = []corev1.Container{*backup.DeepCopy()}
			c.change(&job.Spec.Template.Spec)
			NewWithT(t).Expect(w.Runs(job)).To(Equal(c.want))
		})
	}
}

func TestARunOfACronJobAsksForAsManyCompletions(t *testing.T) {
	spec := func(completions, parallelism *int32) batchv1.JobSpec {
		return batchv1.JobSpec{Completions: completions, Parallelism: parallelism}
	}
	zero, one, three := ptr.To[int32](0), ptr.To[int32](1), ptr.To[int32](3)
	for name, c := range map[string]struct {
		says, does batchv1.JobSpec
		want       bool
	}{
		"what is left out is one pod, once": {spec(nil, nil), spec(one, one), true},
		"three, one at a time":              {spec(three, nil), spec(three, one), true},
		"any number, three at a time":       {spec(nil, three), spec(nil, three), true},
		"none":                              {spec(nil, nil), spec(zero, one), false},
		"fewer than it says":                {spec(three, nil), spec(one, one), false},
		"any number instead of three":       {spec(three, three), spec(nil, three), false},
		"fewer at a time":                   {spec(three, three), spec(three, one), false},
	} {
		t.Run(name, func(t *testing.T) {
			cronJob := &batchv1.CronJob{}
			cronJob.Spec.JobTemplate.Spec = c.says
			w, _ := workload.From(cronJob)
			NewWithT(t).Expect(w.Runs(&batchv1.Job{Spec: c.does})).To(Equal(c.want))
		})
	}
}

func TestAJobOfWhichNoPodSucceededDidNothing(t *testing.T) {
	for name, c := range map[string]struct {
		end       batchv1.JobConditionType
		succeeded int32
		idle      bool
	}{
		"complete":                     {batchv1.JobComplete, 1, false},
		"complete, without completion": {batchv1.JobComplete, 0, true},
		"failed":                       {batchv1.JobFailed, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			job := &batchv1.Job{Status: batchv1.JobStatus{
				Succeeded: c.succeeded, Conditions: []batchv1.JobCondition{{Type: c.end, Status: corev1.ConditionTrue}},
			}}
			g.Expect(workload.RunFrom(job).Idle).To(Equal(c.idle))
			g.Expect(workload.TestJobFrom(job).Idle).To(Equal(c.idle))
		})
	}
}
