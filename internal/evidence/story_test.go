// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// noon is when every story begins.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// after is a moment of the story.
func after(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

const (
	revision = "r1"
	current  = "hash-1"
)

// deployment is a look at a Deployment of the given size, made at noon, whose rollout
// is complete if all the pods given are ready. It serves, and has a readiness probe.
func deployment(replicas int32, pods ...workload.Pod) Snapshot {
	s := Snapshot{
		Workload: workload.Workload{
			Kind: v1alpha1.KindDeployment, Namespace: "staging", Name: "shop", UID: "w1", Replicas: replicas, Created: noon,
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "app", ReadinessProbe: &corev1.Probe{}}},
			}},
		},
		Revision: v1alpha1.Revision{Hash: revision, Number: 1, Since: metav1.NewTime(noon), PodTemplateHash: current},
		Pods:     pods,
		Serving:  true,
	}
	return settledRollout(s)
}

// grown is the look at a workload that was made long before noon.
func grown(s Snapshot) Snapshot {
	s.Workload.Created = after(-100000)
	return s
}

// settledRollout derives the rollout's numbers from the pods, as the controller would.
func settledRollout(s Snapshot) Snapshot {
	r := workload.Rollout{Observed: true, Desired: s.Workload.Replicas}
	for _, p := range s.Pods {
		if p.Departing() {
			continue
		}
		r.Total++
		if p.TemplateHash == s.Revision.PodTemplateHash {
			r.Updated++
		}
		if p.Ready {
			r.Ready++
			r.Available++
		}
	}
	s.Workload.Rollout = r
	return s
}

// waitingPod waits for its image.
func waitingPod(name string, created int) workload.Pod {
	return workload.Pod{
		Name: name, UID: "uid-" + name, Node: "node-1", TemplateHash: current, Phase: corev1.PodPending,
		Created: after(created), Grace: 30 * time.Second, FinalStateSeen: true,
		Containers: []workload.Container{{Name: "app", Waiting: "ContainerCreating"}},
	}
}

// startedPod runs and is not ready yet.
func startedPod(name string, created, started int) workload.Pod {
	p := waitingPod(name, created)
	p.Phase = corev1.PodRunning
	p.Started = after(started)
	p.Containers = []workload.Container{{Name: "app", ID: "containerd://" + name, Started: after(started)}}
	return p
}

// readyPod became ready.
func readyPod(name string, created, started, ready int) workload.Pod {
	p := startedPod(name, created, started)
	p.Ready, p.ReadySince = true, after(ready)
	p.Containers[0].Ready = true
	return p
}

// crashedPod is pod a, made at noon. It has a container that ended with exit code 1 and waits to be restarted.
func crashedPod(crashed int, restarts int32) workload.Pod {
	p := startedPod("a", 0, 0)
	p.Started = time.Time{}
	p.Restarts = restarts
	p.Containers = []workload.Container{{
		Name: "app", ID: "containerd://a", Waiting: "CrashLoopBackOff", Restarts: restarts,
		LastExit: &workload.Exit{Code: 1, Reason: "Error", Finished: after(crashed)},
	}}
	return p
}

// departing is asked to go within its grace period.
func departing(p workload.Pod, asked int) workload.Pod {
	p.Asked = after(asked)
	p.Deleting = p.Asked.Add(p.Grace)
	return p
}

// evicted is taken away by the eviction API.
func evicted(p workload.Pod, at int) workload.Pod {
	p.Disruption, p.DisruptedSince = "EvictionByEvictionAPI", after(at)
	return departing(p, at)
}

// exited shows how its container ended.
func exited(p workload.Pod, at int, code int32) workload.Pod {
	p = unready(p, at)
	c := p.Containers[0]
	c.Ready, c.Exit = false, &workload.Exit{Code: code, Finished: after(at)}
	p.Containers = []workload.Container{c}
	return p
}

// drillOf is a drill that evicts a pod.
func drillOf(p workload.Pod, at int) *v1alpha1.Drill {
	return &v1alpha1.Drill{Kind: v1alpha1.DrillEvict, Pod: p.Name, PodUID: p.UID, Since: metav1.NewTime(after(at))}
}

// summary are the trials as "Kind Outcome", in order.
func summary(e v1alpha1.Evidence) []string {
	all := make([]string, 0, len(e.Trials))
	for _, t := range e.Trials {
		all = append(all, fmt.Sprintf("%s %s", t.Kind, t.Outcome))
	}
	return all
}

// openKinds are the kinds of the open trials.
func openKinds(e v1alpha1.Evidence) []v1alpha1.TrialKind {
	var all []v1alpha1.TrialKind
	for _, t := range e.Open {
		all = append(all, t.Kind)
	}
	return all
}

// at is a look at a moment of a story.
type at struct {
	second int
	look   Snapshot
}

// tell observes look after look.
func tell(looks ...at) v1alpha1.Evidence { return resume(v1alpha1.Evidence{}, looks...) }

func resume(e v1alpha1.Evidence, looks ...at) v1alpha1.Evidence {
	for _, l := range looks {
		e = Observe(e, l.look, after(l.second))
	}
	return e
}

// unready lost its readiness.
func unready(p workload.Pod, at int) workload.Pod {
	p.Ready, p.ReadySince, p.UnreadySince = false, time.Time{}, after(at)
	return p
}

// restartedPod is a pod of which the container failed and runs again, since it is ready.
func restartedPod(p workload.Pod, failed, ready int, restarts int32) workload.Pod {
	c := p.Containers[0]
	c.LastExit = &workload.Exit{Code: 1, Reason: "Error", Started: c.Started, Finished: after(failed)}
	c.Started, c.Restarts = after(ready), restarts
	p.Containers = []workload.Container{c}
	p.Restarts, p.Started, p.ReadySince = restarts, after(ready), after(ready)
	return p
}

// routed is a look at what a Service sends traffic to besides.
func routed(s Snapshot, pods ...workload.Pod) Snapshot {
	e := workload.Endpoints{Service: "shop"}
	for _, p := range pods {
		e.Ready = append(e.Ready, p.UID)
	}
	s.Endpoints = append(s.Endpoints, e)
	return s
}
