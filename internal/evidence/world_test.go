// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// world is a Deployment that lives through random evictions and crashes, second by
// second, and counts what truly happened.
type world struct {
	random *rand.Rand
	second int
	made   int
	pods   []*worldPod
	truth  map[string]int
	// gone are the pods that went away in this second.
	gone []workload.Pod
	// lacking are the evictions after which the Deployment has not been whole yet.
	lacking []int
}

type worldPod struct {
	workload.Pod
	startAt, readyAt, resumeAt, exitAt int
	exitCode                           int32
}

const (
	worldSize = 3
	never     = 1 << 30
	stuckFor  = 700 // longer than anything allows
)

func newWorld(seed uint64) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 7)), truth: map[string]int{}}
	for range worldSize {
		w.make(false)
	}
	return w
}

func (w *world) make(stuck bool) {
	w.made++
	p := &worldPod{
		Pod:      waitingPod(fmt.Sprintf("p%d", w.made), w.second),
		startAt:  w.second + 1 + w.random.IntN(20),
		resumeAt: never, exitAt: never,
	}
	p.readyAt = p.startAt + 1 + w.random.IntN(20)
	if stuck {
		p.readyAt = p.startAt + stuckFor
	}
	w.pods = append(w.pods, p)
}

// step lives through one second.
func (w *world) step() {
	w.second++
	w.gone = nil
	var left []*worldPod
	for _, p := range w.pods {
		if w.live(p) {
			left = append(left, p)
		}
	}
	w.pods = left
	switch w.random.IntN(60) {
	case 0, 1:
		w.evictOne()
	case 2:
		w.crashOne()
	}
	w.countReplacements()
}

// live moves a pod on; false when it is gone.
func (w *world) live(p *worldPod) bool {
	switch {
	case p.Departing():
		switch w.second {
		case p.exitAt:
			p.Pod = exited(p.Pod, w.second, p.exitCode)
			if p.exitCode == exitKilled {
				w.truth["Termination Failure"]++
			} else {
				w.truth["Termination Success"]++
			}
		case p.exitAt + 1:
			w.gone = append(w.gone, p.Pod)
			return false
		}
	case w.second == p.startAt:
		created := int(p.Created.Sub(noon) / time.Second)
		p.Pod = startedPod(p.Name, created, w.second)
	case w.second == p.readyAt:
		if w.second-p.startAt < stuckFor {
			w.truth["Start Success"]++
		}
		p.Pod.Ready, p.Pod.ReadySince = true, after(w.second)
	case w.second == p.resumeAt:
		c := p.Containers[0]
		c.Waiting, c.Started = "", after(w.second)
		p.Containers = []workload.Container{c}
		p.Started = after(w.second)
		p.Pod.Ready, p.Pod.ReadySince = true, after(w.second)
	case !p.Ready && w.second == p.startAt+int(untilUsual/time.Second):
		w.truth["Start Failure"]++ // whatever is usual, this is too late
	}
	return true
}

// anyReady is a pod that has been ready for a moment: nobody can see more than one
// change a second.
func (w *world) anyReady() *worldPod {
	for _, i := range w.random.Perm(len(w.pods)) {
		if p := w.pods[i]; p.Ready && !p.Departing() && p.ReadySince.Before(after(w.second)) {
			return p
		}
	}
	return nil
}

func (w *world) evictOne() {
	p := w.anyReady()
	if p == nil {
		return
	}
	p.Pod = evicted(p.Pod, w.second)
	p.exitAt, p.exitCode = w.second+1+w.random.IntN(20), exitTerminated
	if w.random.IntN(4) == 0 {
		p.exitAt, p.exitCode = w.second+30, exitKilled
	}
	w.lacking = append(w.lacking, w.second)
	w.make(w.random.IntN(25) == 0)
}

func (w *world) crashOne() {
	p := w.anyReady()
	if p == nil {
		return
	}
	p.Restarts++
	p.Ready, p.ReadySince, p.Started = false, time.Time{}, time.Time{}
	p.resumeAt = w.second + 5
	p.Containers = []workload.Container{{
		Name: "app", Waiting: "CrashLoopBackOff", Restarts: p.Restarts,
		LastExit: &workload.Exit{Code: 1, Finished: after(w.second)},
	}}
	w.truth["Start Failure"]++
}

func (w *world) countReplacements() {
	ready, newest := 0, -1
	for _, p := range w.pods {
		if p.Ready && !p.Departing() {
			ready++
			newest = max(newest, int(p.Created.Sub(noon)/time.Second))
		}
	}
	var still []int
	for _, since := range w.lacking {
		switch {
		case ready >= worldSize && newest >= since:
			w.truth["Replacement Success"]++
		case w.second-since >= int(RecoveryObjective/time.Second):
			w.truth["Replacement Failure"]++
		default:
			still = append(still, since)
		}
	}
	w.lacking = still
}

// look is what an observer sees now.
func (w *world) look(departed []workload.Pod) Snapshot {
	var pods []workload.Pod
	for _, i := range w.random.Perm(len(w.pods)) {
		pods = append(pods, w.pods[i].Pod)
	}
	s := deployment(worldSize, pods...)
	s.Workload.Kind = v1alpha1.KindReplicaSet // no rollout: only pods
	s.Departed = departed
	return s
}
