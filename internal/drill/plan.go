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
	// refusedPause follows a drill that the API server refused, or that somebody took back.
	refusedPause = 10 * time.Minute
	// A workload asks again for its turn no sooner and no later than this.
	shortestTurn, longestTurn = time.Second, 30 * time.Second
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
	// Incident is true while so much of the environment fails that its breaker is open here.
	Incident bool
	// Refused is when a drill was last refused or taken back; zero when none was.
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
	// Kind of the drill, and the pod that it disturbs; nil when there is no drill.
	Kind v1alpha1.DrillKind
	Pod  *workload.Pod
	// Wait says why there is none although evidence is awaited; empty when none is.
	Wait string
	// At is when to ask again; zero when only an event can change the answer.
	At time.Time
}

// Plan says whether to begin a drill now, of which kind and with which pod: the one that
// has been ready the longest, so that every pod has its turn. Each guard that holds it
// back is said, because the gate waits for it.
func Plan(in Input, now time.Time) Decision {
	if !in.Awaited || in.Policy.Mode != v1alpha1.DrillsWhenNeeded {
		return Decision{}
	}
	if why := in.unsafe(); why != "" {
		return Decision{Wait: "no drill: " + why}
	}
	if next := in.Refused.Add(refusedPause); !in.Refused.IsZero() && now.Before(next) {
		return Decision{Wait: "no drill: the last one was refused, likely by a disruption budget, or taken back; it is tried again at " + next.UTC().Format(time.TimeOnly), At: next}
	}
	if in.RunningInNamespace > 0 {
		return Decision{Wait: "a drill is running in the namespace", At: now.Add(in.turn())}
	}
	if in.RunningInCluster >= MaxRunning {
		return Decision{Wait: fmt.Sprintf("%d drills are running in the cluster, which is the limit", in.RunningInCluster), At: now.Add(in.turn())}
	}
	if next := in.Last.Add(in.Policy.Pause.Duration); !in.Last.IsZero() && now.Before(next) {
		return Decision{Wait: "the next drill follows at " + next.UTC().Format(time.TimeOnly), At: next}
	}
	pod, kind := in.longestReady(), in.kind()
	return Decision{Kind: kind, Pod: &pod, Wait: beginning(kind, pod)}
}

// turn is how long to wait while other workloads are drilled: nothing tells this one that
// they are done. A pause between drills is about as long as one takes.
func (in Input) turn() time.Duration {
	return min(max(in.Policy.Pause.Duration, shortestTurn), longestTurn)
}

// kind of drill that the workload can bear. The loss of one pod of several shows the most
// and costs the least. Where there is only one, its rollout is restarted instead, which
// takes it away only when another is ready, unless the policy says otherwise.
func (in Input) kind() v1alpha1.DrillKind {
	if in.Workload.Replicas > 1 || in.Policy.Singletons == v1alpha1.SingletonsEvict {
		return v1alpha1.DrillEvict
	}
	return v1alpha1.DrillRestart
}

func beginning(kind v1alpha1.DrillKind, pod workload.Pod) string {
	if kind == v1alpha1.DrillRestart {
		return "a drill begins: the rollout is restarted, to replace pod " + pod.Name
	}
	return "a drill begins: pod " + pod.Name + " is evicted"
}

// Barred says why no drill will come as things stand, so that a gate which waits for one
// waits until ordinary life brings the evidence, or somebody changes something. Empty
// while one may come.
func Barred(in Input) string {
	switch {
	case !in.Awaited:
		return ""
	case in.Policy.Mode != v1alpha1.DrillsWhenNeeded:
		return "drills are Off here"
	case in.barred() != "":
		return in.barred()
	case in.failedBefore():
		return failedOnce
	default:
		return ""
	}
}

// Unawaited is why nothing is drilled that no gate of the same cluster waits for.
const Unawaited = "no gate in the workload's own cluster waits for it"

const failedOnce = "one failed on this revision, and the next revision is drilled again"

// unsafe is the first reason why a drill could hurt or would teach nothing.
func (in Input) unsafe() string {
	switch {
	case in.barred() != "":
		return in.barred()
	case in.Incident:
		return "too much of the environment fails"
	case in.Failing:
		return "it is failing"
	case in.Drifted:
		return "it has drifted"
	case !in.Workload.Rollout.Complete() || in.unsettled():
		return "wait until every replica is ready"
	case in.failedBefore():
		return failedOnce
	}
	return ""
}

// barred is the first reason that does not pass by itself.
func (in Input) barred() string {
	w := in.Workload
	switch {
	case in.Suspended:
		return "the EnvironmentPolicy suspends them"
	case w.Annotations[v1alpha1.AnnotationDrills] == string(v1alpha1.DrillsOff):
		return "the workload says " + v1alpha1.AnnotationDrills + ": Off"
	case !w.Replaces():
		return fmt.Sprintf("nothing replaces the pods of a %s", w.Kind)
	case w.Deleting:
		return "it is being deleted"
	case w.Paused:
		return "the workload is paused"
	case w.Replicas == 0:
		return "it has no pod"
	case w.SharedVolumes():
		return "its pods write to a persistent volume that a replacement may have to wait for, or share with the old pod"
	case w.Replicas == 1 && in.unbearable() != "":
		return in.unbearable()
	default:
		return ""
	}
}

// unbearable says why the only pod of a workload is left alone, and what to do; empty when
// it is not.
func (in Input) unbearable() string {
	switch {
	case in.Policy.Singletons == v1alpha1.SingletonsEvict:
		return ""
	case in.Policy.Singletons == v1alpha1.SingletonsOff:
		return "it has a single pod, and drills.singletons is Off"
	case !in.Workload.Surges():
		return "it has a single pod, and nothing brings another before that goes: run 2, or set drills.singletons: Evict in the EnvironmentPolicy"
	default:
		return ""
	}
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
	return ready < int(in.Workload.Replicas)
}

func (in Input) failedBefore() bool {
	return slices.ContainsFunc(in.Evidence.Trials, func(t v1alpha1.Trial) bool {
		return t.Source == v1alpha1.SourceDrill && t.Outcome == v1alpha1.TrialFailure
	})
}

func (in Input) longestReady() workload.Pod {
	return slices.MinFunc(in.Pods, func(a, b workload.Pod) int { return a.ReadySince.Compare(b.ReadySince) })
}
