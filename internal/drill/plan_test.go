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
		Policy:  v1alpha1.DrillPolicy{Mode: v1alpha1.DrillsWhenNeeded, Pause: &metav1.Duration{Duration: 20 * time.Second}, Singletons: v1alpha1.SingletonsRestart},
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
	g.Expect(decision.Kind).To(Equal(v1alpha1.DrillEvict))
}

func TestEveryShapeThatCanBearADrillHasOne(t *testing.T) {
	single := func(in *drill.Input) {
		in.Workload.Replicas, in.Pods = 1, in.Pods[:1]
		in.Workload.Rollout = workload.Rollout{Observed: true, Desired: 1, Updated: 1, Ready: 1, Available: 1, Total: 1}
	}
	for _, test := range []struct {
		name   string
		change func(*drill.Input)
		kind   v1alpha1.DrillKind
	}{
		{"a Deployment of three loses one pod", func(*drill.Input) {}, v1alpha1.DrillEvict},
		{"a StatefulSet of three, whose volumes belong to one replica each, loses one pod", func(in *drill.Input) {
			in.Workload.Kind = v1alpha1.KindStatefulSet
		}, v1alpha1.DrillEvict},
		{"a DaemonSet on three nodes loses the pod of one", func(in *drill.Input) { in.Workload.Kind = v1alpha1.KindDaemonSet }, v1alpha1.DrillEvict},
		{"a ReplicaSet that nobody controls loses one pod", func(in *drill.Input) { in.Workload.Kind = v1alpha1.KindReplicaSet }, v1alpha1.DrillEvict},
		{"pods that only read a shared volume lose one", func(in *drill.Input) {
			in.Workload.Template.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data", ReadOnly: true},
			}}}
		}, v1alpha1.DrillEvict},
		{"the only pod of a Deployment goes when another is ready", single, v1alpha1.DrillRestart},
		{"the only pod of a Deployment is evicted where the policy says so", func(in *drill.Input) {
			single(in)
			in.Policy.Singletons = v1alpha1.SingletonsEvict
		}, v1alpha1.DrillEvict},
		{"the only pod of a StatefulSet is evicted where the policy says so", func(in *drill.Input) {
			single(in)
			in.Workload.Kind, in.Policy.Singletons = v1alpha1.KindStatefulSet, v1alpha1.SingletonsEvict
		}, v1alpha1.DrillEvict},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			in := awaited()
			test.change(&in)
			decision := drill.Plan(in, now)
			g.Expect(decision.Pod).NotTo(BeNil(), decision.Wait)
			g.Expect(decision.Kind).To(Equal(test.kind))
		})
	}
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
		{"a bare pod", func(in *drill.Input) { in.Workload.Kind = v1alpha1.KindPod }, "nothing replaces the pods of a Pod"},
		{"a CronJob", func(in *drill.Input) { in.Workload.Kind = v1alpha1.KindCronJob }, "nothing replaces the pods of a CronJob"},
		{"a workload that is being deleted", func(in *drill.Input) { in.Workload.Deleting = true }, "being deleted"},
		{"a workload without pods", func(in *drill.Input) { in.Workload.Replicas, in.Pods = 0, nil }, "it has no pod"},
		{"a paused workload", func(in *drill.Input) { in.Workload.Paused = true }, "paused"},
		{"a singleton that the policy leaves alone", func(in *drill.Input) {
			in.Workload.Replicas, in.Pods, in.Policy.Singletons = 1, in.Pods[:1], v1alpha1.SingletonsOff
		}, "drills.singletons is Off"},
		{"a singleton whose rollout interrupts it", func(in *drill.Input) {
			in.Workload.Replicas, in.Pods, in.Workload.MaxUnavailable = 1, in.Pods[:1], 1
		}, "set drills.singletons: Evict"},
		{"a StatefulSet of one", func(in *drill.Input) {
			in.Workload.Replicas, in.Pods, in.Workload.Kind = 1, in.Pods[:1], v1alpha1.KindStatefulSet
		}, "set drills.singletons: Evict"},
		{"a shared writable volume", func(in *drill.Input) {
			in.Workload.Template.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
			}}}
		}, "write to a persistent volume"},
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

func TestWhoWaitsForOtherDrillsAsksAgain(t *testing.T) {
	for pause, want := range map[time.Duration]time.Duration{0: time.Second, 20 * time.Second: 20 * time.Second, time.Hour: 30 * time.Second} {
		g := NewWithT(t)
		in := awaited()
		in.Policy.Pause, in.RunningInNamespace = &metav1.Duration{Duration: pause}, 1
		g.Expect(drill.Plan(in, now).At).To(BeTemporally("==", now.Add(want)))
		in.RunningInNamespace, in.RunningInCluster = 0, drill.MaxRunning
		g.Expect(drill.Plan(in, now).At).To(BeTemporally("==", now.Add(want)))
	}
}

func TestAFailureThatNoDrillCausedDoesNotStopDrills(t *testing.T) {
	in := awaited()
	in.Evidence.Trials = []v1alpha1.Trial{{Outcome: v1alpha1.TrialFailure}}
	NewWithT(t).Expect(drill.Plan(in, now).Pod).NotTo(BeNil())
}
