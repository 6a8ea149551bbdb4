// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/rampart-dev/rampart/internal/workload"
)

const (
	// departureRetention is how long a departed pod waits to be judged. Its workload is
	// reconciled at once, so only pods that belong to no environment wait this long.
	departureRetention = 10 * time.Minute
	// maxDepartures bounds the departed pods kept for one controller.
	maxDepartures = 1000
)

// Departures remembers the last state of pods that are gone from the cache, until it
// has been judged: how a pod ended stands in its status for a moment only. What is
// lost, by a restart for one, is censored and never guessed.
type Departures struct {
	clock clock.PassiveClock

	mu      sync.Mutex
	byOwner map[types.UID]map[string]departure
	// swept is when what nobody asked for was last forgotten.
	swept time.Time
}

type departure struct {
	pod  workload.Pod
	seen time.Time
}

// NewDepartures remembers nothing yet.
func NewDepartures(c clock.PassiveClock) *Departures {
	return &Departures{clock: c, byOwner: map[types.UID]map[string]departure{}}
}

// Add remembers a pod that was deleted. finalStateUnknown says that the watch missed
// its end, so that p is only the last state that was seen.
func (d *Departures) Add(p *corev1.Pod, finalStateUnknown bool) {
	owner := types.UID("")
	if controller := metav1.GetControllerOf(p); controller != nil {
		owner = controller.UID
	}
	pod := workload.PodFrom(p)
	pod.FinalStateSeen = !finalStateUnknown

	d.mu.Lock()
	defer d.mu.Unlock()
	d.forgetOld()
	if d.byOwner[owner] == nil {
		d.byOwner[owner] = map[string]departure{}
	}
	if len(d.byOwner[owner]) < maxDepartures {
		d.byOwner[owner][pod.UID] = departure{pod: pod, seen: d.clock.Now()}
	}
}

// Of lists the departed pods of the given controllers.
func (d *Departures) Of(owners []types.UID) []workload.Pod {
	d.mu.Lock()
	defer d.mu.Unlock()
	var pods []workload.Pod
	for _, owner := range owners {
		for _, departed := range d.byOwner[owner] {
			pods = append(pods, departed.pod)
		}
	}
	return pods
}

// Forget drops pods that have been judged and recorded.
func (d *Departures) Forget(owners []types.UID, pods []workload.Pod) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, owner := range owners {
		for _, pod := range pods {
			delete(d.byOwner[owner], pod.UID)
		}
		if len(d.byOwner[owner]) == 0 {
			delete(d.byOwner, owner)
		}
	}
}

// forgetOld drops what nobody asked for, now and then: pods of every namespace pass here.
func (d *Departures) forgetOld() {
	now := d.clock.Now()
	if now.Sub(d.swept) < departureRetention/10 {
		return
	}
	d.swept = now
	before := now.Add(-departureRetention)
	for owner, pods := range d.byOwner {
		for uid, departed := range pods {
			if departed.seen.Before(before) {
				delete(pods, uid)
			}
		}
		if len(pods) == 0 {
			delete(d.byOwner, owner)
		}
	}
}
