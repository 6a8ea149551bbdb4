// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// world is a Deployment that lives through random evictions and crashes, second by
// second, and counts what truly happened.
type world struct {
	random *rand.Rand
	// pace is, in seconds, the time in which about three things happen.
	pace   int
	second int
	made   int
	pods   []*worldPod
	truth  map[string]int
	// atMost is the truth of what an observer who misses nothing may still not see.
	atMost map[string]int
	// mending are the crashes of which it is not certain yet that the pod recovers.
	mending []*worldCrash
	// losses are the pods that stopped to serve a moment ago.
	losses []*worldLoss
	// served are the pods that its Service sent traffic to a second ago: slices lag.
	served, serving []string
	// gone are the pods that went away in this second.
	gone []workload.Pod
	// lacking are the evictions after which the Deployment has not been whole yet.
	lacking []int
}

type worldPod struct {
	workload.Pod
	startAt, readyAt, resumeAt, exitAt int
	exitCode                           int32
	// runs is since when its container runs.
	runs int
}

type worldCrash struct {
	pod *worldPod
	at  int
}

type worldLoss struct {
	pod     *worldPod
	at      int
	counted bool
}

const (
	worldSize = 3
	never     = 1 << 30
	stuckFor  = 700 // longer than anything allows
)

// paces of a busy world, and of a calm one in which pods have the time to recover.
var paces = [2]int{60, 300}

func newWorld(seed uint64) *world {
	w := &world{pace: paces[seed%2], random: rand.New(rand.NewPCG(seed, 7)), truth: map[string]int{}, atMost: map[string]int{}}
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
	switch w.random.IntN(w.pace) {
	case 0, 1:
		w.evictOne()
	case 2:
		w.crashOne()
	}
	w.countReplacements()
	w.countRestarts()
	w.countGaps()
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
		p.runs = w.second
	case w.second == p.readyAt:
		if w.second-p.startAt < stuckFor {
			w.truth["Start Success"]++
		}
		p.Pod.Ready, p.Pod.ReadySince = true, after(w.second)
	case w.second == p.resumeAt:
		c := p.Containers[0]
		c.Waiting, c.Started = "", after(w.second)
		p.Containers = []workload.Container{c}
		p.Started, p.runs = after(w.second), w.second
		p.Pod.Ready, p.Pod.ReadySince, p.UnreadySince = true, after(w.second), time.Time{}
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
	w.lose(p)
	w.mending = slices.DeleteFunc(w.mending, func(c *worldCrash) bool { return c.pod == p })
	w.make(w.random.IntN(25) == 0)
}

func (w *world) crashOne() {
	p := w.anyReady()
	if p == nil {
		return
	}
	w.lose(p)
	w.mending = slices.DeleteFunc(w.mending, func(c *worldCrash) bool {
		if c.pod == p {
			w.truth["Restart Failure"]++
		}
		return c.pod == p
	})
	if p.readyAt-p.startAt < stuckFor {
		w.mending = append(w.mending, &worldCrash{pod: p, at: w.second})
	}
	p.Restarts++
	p.UnreadySince = after(w.second)
	p.Ready, p.ReadySince, p.Started = false, time.Time{}, time.Time{}
	p.resumeAt = w.second + 5
	p.Containers = []workload.Container{{
		Name: "app", Waiting: "CrashLoopBackOff", Restarts: p.Restarts,
		LastExit: &workload.Exit{Code: 1, Started: after(p.runs), Finished: after(w.second)},
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

func (w *world) countRestarts() {
	w.mending = slices.DeleteFunc(w.mending, func(c *worldCrash) bool {
		over := w.second-c.at >= int(RecoveryObjective/time.Second)
		if over {
			w.truth["Restart Success"]++
		}
		return over
	})
}

// lose is the moment at which a pod stops to serve. Whether another one serves on is all
// that matters then.
func (w *world) lose(p *worldPod) {
	w.losses = append(w.losses, &worldLoss{pod: p, at: w.second})
	for _, other := range w.pods {
		if other != p && other.Ready && !other.Departing() {
			w.atMost["Containment Success"]++
			return
		}
	}
}

// countGaps counts the pods that were out of service when nobody was in it.
func (w *world) countGaps() {
	w.served, w.serving = w.serving, nil
	for _, p := range w.pods {
		if p.Ready && !p.Departing() {
			w.serving = append(w.serving, p.UID)
		}
	}
	w.losses = slices.DeleteFunc(w.losses, func(l *worldLoss) bool {
		if len(w.serving) == 0 && !l.counted {
			l.counted = true
			w.atMost["Containment Failure"]++
		}
		return w.second-l.at > int((leaveTime+lateLook)/time.Second)
	})
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
	s.Endpoints = []workload.Endpoints{{Service: "shop", Ready: w.served}}
	return s
}
