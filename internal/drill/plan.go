// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

// Package drill decides when the operator may disturb a workload to see it recover. It
// is pure.
package drill

import (
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

const (
	// MaxRunning is how many drills run in a cluster at one time.
	MaxRunning = 5
	// leastReady is how many pods must be ready before one of them is taken away.
	leastReady = 2
	// refusedPause follows an eviction that the API server refused.
	refusedPause = 10 * time.Minute
)

// Input is what a drill depends on.
type Input struct {
	// Policy is the effective drill policy of the environment.
	Policy v1alpha1.DrillPolicy
	// Suspended is true when the policy suspends remediation.
	Suspended bool
	// Awaited is true when a gate waits for evidence that a drill would bring.
	Awaited bool

	// Workload, and its live pods of the current revision.
	Workload workload.Workload
	Pods     []workload.Pod
	// Drifted is true while the workload differs from its baseline.
	Drifted bool
	// Incident is true while so much of the environment fails that its breaker is open.
	Incident bool
	// Refused is when an eviction for a drill was last refused; zero when none was.
	Refused time.Time
	// Failing is true while it fails.
	Failing bool
	// Evidence of the current revision.
	Evidence v1alpha1.Evidence
	// Last is when the last drill in the namespace began; zero when there was none.
	Last time.Time
	// RunningInNamespace and RunningInCluster count the drills that run now.
	RunningInNamespace, RunningInCluster int
}

// Decision is whether to begin a drill.
type Decision struct {
	// Pod to evict; nil when there is no drill.
	Pod *workload.Pod
	// Wait says why there is none although evidence is awaited; empty when none is.
	Wait string
	// At is when to ask again; zero when only an event can change the answer.
	At time.Time
}

// Plan says whether to begin a drill now, and with which pod: the one that has been
// ready the longest, so that every pod has its turn. Each guard that holds it back is
// said, because the gate waits for it.
func Plan(in Input, now time.Time) Decision {
	if !in.Awaited || in.Policy.Mode != v1alpha1.DrillsWhenNeeded {
		return Decision{}
	}
	if why := in.unsafe(); why != "" {
		return Decision{Wait: "no drill: " + why}
	}
	if next := in.Refused.Add(refusedPause); !in.Refused.IsZero() && now.Before(next) {
		return Decision{Wait: "no drill: the last eviction was refused, likely by a disruption budget; it is tried again at " + next.UTC().Format(time.TimeOnly), At: next}
	}
	if in.RunningInNamespace > 0 {
		return Decision{Wait: "a drill is running in the namespace"}
	}
	if in.RunningInCluster >= MaxRunning {
		return Decision{Wait: fmt.Sprintf("%d drills are running in the cluster, which is the limit", in.RunningInCluster)}
	}
	if next := in.Last.Add(in.Policy.Pause.Duration); !in.Last.IsZero() && now.Before(next) {
		return Decision{Wait: "the next drill follows at " + next.UTC().Format(time.TimeOnly), At: next}
	}
	pod := in.longestReady()
	return Decision{Pod: &pod, Wait: "a drill begins: pod " + pod.Name + " is evicted"}
}

// unsafe is the first reason why a drill could hurt or would teach nothing.
func (in Input) unsafe() string {
	w := in.Workload
	switch {
	case in.Suspended:
		return "the EnvironmentPolicy suspends them"
	case w.Annotations[v1alpha1.AnnotationDrills] == string(v1alpha1.DrillsOff):
		return "the workload says " + v1alpha1.AnnotationDrills + ": Off"
	case !w.Progressing() || w.Kind == v1alpha1.KindDaemonSet:
		return fmt.Sprintf("a %s is not drilled", w.Kind)
	case w.Paused:
		return "the workload is paused"
	case w.WritableVolumes():
		return "its pods write to persistent volumes"
	case w.Replicas < leastReady:
		return fmt.Sprintf("it needs at least %d replicas to lose one safely", leastReady)
	case in.Incident:
		return "too much of the environment fails"
	case in.Failing:
		return "it is failing"
	case in.Drifted:
		return "it has drifted"
	case !w.Rollout.Complete() || in.unsettled():
		return "wait until every replica is ready"
	case in.failedBefore():
		return "one failed on this revision, and the next revision is drilled again"
	}
	return ""
}

// unsettled says whether any pod is on its way in or out.
func (in Input) unsettled() bool {
	ready := 0
	for _, pod := range in.Pods {
		if pod.Departing() || !pod.Ready {
			return true
		}
		ready++
	}
	return ready < leastReady || ready < int(in.Workload.Replicas)
}

func (in Input) failedBefore() bool {
	return slices.ContainsFunc(in.Evidence.Trials, func(t v1alpha1.Trial) bool {
		return t.Source == v1alpha1.SourceDrill && t.Outcome == v1alpha1.TrialFailure
	})
}

func (in Input) longestReady() workload.Pod {
	return slices.MinFunc(in.Pods, func(a, b workload.Pod) int { return a.ReadySince.Compare(b.ReadySince) })
}
