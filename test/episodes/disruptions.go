// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package episodes

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// disruptions happen to pods from outside, or while they run.
func disruptions() []Episode {
	return []Episode{
		{
			Name: "readiness-flapping",
			play: func(t *testing.T, s Scene) {
				s.run(t, s.deployment())
				s.settle(t)
				wake := s.Platform.Hang(t, s, s.pods(t)[0])
				s.learns(t, v1alpha1.TrialContainment, 1)
				wake()
				s.serves(t, 3)
			},
			want: firstRollout(contained(unready, 1)),
		},
		{
			Name: "eviction",
			play: func(t *testing.T, s Scene) {
				s.run(t, s.deployment())
				s.evict(t, s.pods(t)[0])
			},
			want: firstRollout(append(replaced(1), contained(disruption, 1))...),
		},
		{
			Name:  "node-drain",
			Alone: true,
			play: func(t *testing.T, s Scene) {
				d := s.deployment()
				node := s.pin(t, d)
				s.run(t, d)
				uncordon := s.cordon(t, node)
				for i, pod := range s.pods(t) {
					s.evict(t, pod)
					s.learns(t, v1alpha1.TrialContainment, i+1)
				}
				s.waitForANode(t, 3)
				uncordon()
			},
			// Once the last pod is gone, there is no other.
			want: firstRollout(append(replaced(3), contained(disruption, 2),
				trials{kind: v1alpha1.TrialContainment, outcome: v1alpha1.TrialFailure, cause: disruption, times: 1})...),
		},
	}
}

// contained are the trials of pods that get no traffic any more, while others do.
func contained(cause string, pods int) trials {
	return trials{kind: v1alpha1.TrialContainment, outcome: v1alpha1.TrialSuccess, cause: cause, times: pods}
}

// replaced are the trials of pods that are evicted, end in order and come back.
func replaced(pods int) []trials {
	return []trials{
		{kind: v1alpha1.TrialReplacement, outcome: v1alpha1.TrialSuccess, cause: disruption, times: pods},
		{kind: v1alpha1.TrialTermination, outcome: v1alpha1.TrialSuccess, cause: disruption, times: pods},
		{kind: v1alpha1.TrialStart, outcome: v1alpha1.TrialSuccess, cause: disruption, times: pods},
	}
}

// learns waits until so many trials of the kind have ended.
func (s Scene) learns(t *testing.T, kind v1alpha1.TrialKind, count int) {
	t.Helper()
	NewWithT(t).Eventually(func() []v1alpha1.TrialKind {
		var kinds []v1alpha1.TrialKind
		for _, trial := range s.Report(t).Evidence.Trials {
			if trial.Kind == kind {
				kinds = append(kinds, kind)
			}
		}
		return kinds
	}).Should(HaveLen(count))
}

// evict asks for the eviction of a pod, as the drain of its node does.
func (s Scene) evict(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	s.settle(t)
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}}
	NewWithT(t).Expect(s.Admin.SubResource("eviction").Create(t.Context(), pod, eviction)).To(Succeed())
}

// settle waits until what happens next is later than that the pods became ready. Times in the
// API are whole seconds: which came first shows only in a later one.
func (s Scene) settle(t *testing.T) {
	t.Helper()
	NewWithT(t).Eventually(func() bool { return s.lastReady(t).Before(time.Now().Truncate(time.Second)) }).Should(BeTrue())
}

// lastReady is when the last of the pods that are ready became so.
func (s Scene) lastReady(t *testing.T) (last time.Time) {
	t.Helper()
	for _, pod := range s.pods(t) {
		for _, condition := range pod.Status.Conditions {
			ready := condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
			if ready && condition.LastTransitionTime.After(last) {
				last = condition.LastTransitionTime.Time
			}
		}
	}
	return last
}

// waitForANode waits until no node takes so many pods.
func (s Scene) waitForANode(t *testing.T, count int) {
	t.Helper()
	NewWithT(t).Eventually(func() (waiting int) {
		for _, pod := range s.pods(t) {
			for _, condition := range pod.Status.Conditions {
				if condition.Type == corev1.PodScheduled && condition.Reason == corev1.PodReasonUnschedulable {
					waiting++
				}
			}
		}
		return waiting
	}).Should(Equal(count))
}
