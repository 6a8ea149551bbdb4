// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drill"
	"github.com/rampart-dev/rampart/internal/workload"
)

var now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// awaited is a healthy workload of three pods for whose evidence a gate waits.
func awaited() drill.Input {
	pod := func(name string, ready time.Duration) workload.Pod {
		return workload.Pod{Name: name, UID: name, Ready: true, ReadySince: now.Add(-ready)}
	}
	return drill.Input{
		Policy:  v1alpha1.DrillPolicy{Mode: v1alpha1.DrillsWhenNeeded, Pause: &metav1.Duration{Duration: 20 * time.Second}},
		Awaited: true,
		Workload: workload.Workload{
			Kind: v1alpha1.KindDeployment, Replicas: 3,
			Rollout: workload.Rollout{Observed: true, Desired: 3, Updated: 3, Ready: 3, Available: 3, Total: 3},
		},
		Pods: []workload.Pod{pod("young", time.Minute), pod("old", time.Hour), pod("middle", 10*time.Minute)},
	}
}

func TestADrillTakesThePodThatHasBeenReadyTheLongest(t *testing.T) {
	g := NewWithT(t)
	decision := drill.Plan(awaited(), now)
	g.Expect(decision.Pod).NotTo(BeNil())
	g.Expect(decision.Pod.Name).To(Equal("old"))
}

func TestNoDrillWithoutNeedIsNotExplained(t *testing.T) {
	g := NewWithT(t)
	notAwaited := awaited()
	notAwaited.Awaited = false
	g.Expect(drill.Plan(notAwaited, now)).To(Equal(drill.Decision{}))
	off := awaited()
	off.Policy.Mode = v1alpha1.DrillsOff
	g.Expect(drill.Plan(off, now)).To(Equal(drill.Decision{}))
}

func TestGuards(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*drill.Input)
		says   string
	}{
		{"a suspended environment", func(in *drill.Input) { in.Suspended = true }, "suspends"},
		{"a workload that opted out", func(in *drill.Input) {
			in.Workload.Annotations = map[string]string{v1alpha1.AnnotationDrills: "Off"}
		}, "says rampart.dev/drills: Off"},
		{"a kind that is not drilled", func(in *drill.Input) { in.Workload.Kind = v1alpha1.KindDaemonSet }, "DaemonSet is not drilled"},
		{"a bare pod", func(in *drill.Input) { in.Workload.Kind = v1alpha1.KindPod }, "Pod is not drilled"},
		{"a paused workload", func(in *drill.Input) { in.Workload.Paused = true }, "paused"},
		{"a singleton", func(in *drill.Input) { in.Workload.Replicas, in.Pods = 1, in.Pods[:1] }, "at least 2 replicas"},
		{"a writable volume", func(in *drill.Input) {
			in.Workload.Template.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
			}}}
		}, "persistent volumes"},
		{"an environment in an incident", func(in *drill.Input) { in.Incident = true }, "too much of the environment fails"},
		{"an eviction that was refused a moment ago", func(in *drill.Input) { in.Refused = now.Add(-time.Minute) }, "tried again at 09:09:00"},
		{"a failing workload", func(in *drill.Input) { in.Failing = true }, "failing"},
		{"a drifted workload", func(in *drill.Input) { in.Drifted = true }, "drifted"},
		{"a rollout in progress", func(in *drill.Input) { in.Workload.Rollout.Updated = 2 }, "every replica is ready"},
		{"a pod that is leaving", func(in *drill.Input) { in.Pods[0].Deleting = now }, "every replica is ready"},
		{"a pod that is not ready", func(in *drill.Input) { in.Pods[0].Ready = false }, "every replica is ready"},
		{"a pod that is not in the cache yet", func(in *drill.Input) { in.Pods = in.Pods[:2] }, "every replica is ready"},
		{"a drill that failed on this revision", func(in *drill.Input) {
			in.Evidence.Trials = []v1alpha1.Trial{{Source: v1alpha1.SourceDrill, Outcome: v1alpha1.TrialFailure}}
		}, "one failed on this revision"},
		{"a drill in the namespace", func(in *drill.Input) { in.RunningInNamespace = 1 }, "is running in the namespace"},
		{"too many drills in the cluster", func(in *drill.Input) { in.RunningInCluster = drill.MaxRunning }, "which is the limit"},
		{"a drill a moment ago", func(in *drill.Input) { in.Last = now.Add(-5 * time.Second) }, "the next drill follows at 09:00:15"},
	} {
		t.Run(test.name+" is not drilled, and it is said why", func(t *testing.T) {
			g := NewWithT(t)
			in := awaited()
			test.change(&in)
			decision := drill.Plan(in, now)
			g.Expect(decision.Pod).To(BeNil())
			g.Expect(decision.Wait).To(ContainSubstring(test.says))
		})
	}
}

func TestThePauseSaysWhenToAskAgain(t *testing.T) {
	g := NewWithT(t)
	in := awaited()
	in.Last = now.Add(-5 * time.Second)
	decision := drill.Plan(in, now)
	g.Expect(decision.At).To(BeTemporally("==", now.Add(15*time.Second)))
	g.Expect(drill.Plan(in, decision.At).Pod).NotTo(BeNil(), "then it begins")
}

func TestAFailureThatNoDrillCausedDoesNotStopDrills(t *testing.T) {
	in := awaited()
	in.Evidence.Trials = []v1alpha1.Trial{{Outcome: v1alpha1.TrialFailure}}
	NewWithT(t).Expect(drill.Plan(in, now).Pod).NotTo(BeNil())
}
