// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"sync"
	"time"

	"github.com/rampart-dev/rampart/internal/guardrail"
)

const (
	// answersNeeded is how many times in a row a policy must answer. Several API servers
	// may stand behind one address, and each loads policies by itself.
	answersNeeded = 3
	// answerPause is how far apart these answers are: API servers look for new policies
	// every second.
	answerPause = time.Second
	// patientFailures is how many probes in a row may stay unanswered before the pauses
	// between them grow, each to twice the one before, up to 64 times.
	patientFailures = 10
	maxDoublings    = 6
)

// Liveness sees native policies live, by probing them. It is in memory only: what has been
// seen is recorded in the status of the environment, so that nothing is asked at rest.
type Liveness struct {
	prober Prober

	mu            sync.Mutex
	byEnvironment map[string]map[string]sighting
}

// NewLiveness probes with the given prober.
func NewLiveness(prober Prober) *Liveness {
	return &Liveness{prober: prober, byEnvironment: map[string]map[string]sighting{}}
}

// sighting is how often one version of a policy has answered.
type sighting struct {
	probe   guardrail.Probe
	version string
	// answers and failures are in a row: one of them is 0.
	answers, failures int
	// last is when it was probed, and cause what the API server answered instead.
	last  time.Time
	cause error
}

// live says that it has answered often enough.
func (s sighting) live() bool { return s.answers >= answersNeeded }

// due is when it is to be probed again.
func (s sighting) due() time.Time {
	return s.last.Add(answerPause << min(max(s.failures-patientFailures, 0), maxDoublings))
}

// look probes those policies of an environment for which it is time, each in the version
// that is given by its name, and returns those that have not been seen live yet.
func (l *Liveness) look(ctx context.Context, environment string, probes []guardrail.Probe, versions map[string]string, now time.Time) []sighting {
	before := l.of(environment)
	after := make(map[string]sighting, len(probes))
	var unseen []sighting
	for _, probe := range probes {
		s := before[probe.Policy]
		if s.version != versions[probe.Policy] || s.probe.Report != probe.Report {
			s = sighting{version: versions[probe.Policy]}
		}
		s.probe = probe
		if !s.live() && !now.Before(s.due()) {
			s = l.ask(ctx, s, now)
		}
		after[probe.Policy] = s
		if !s.live() {
			unseen = append(unseen, s)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byEnvironment[environment] = after
	return unseen
}

func (l *Liveness) of(environment string) map[string]sighting {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byEnvironment[environment]
}

// ask probes once, in another namespace each time: one may be in the way by itself.
func (l *Liveness) ask(ctx context.Context, s sighting, now time.Time) sighting {
	namespace := s.probe.Namespaces[(s.answers+s.failures)%len(s.probe.Namespaces)]
	answered, err := l.prober.Probe(ctx, namespace, s.probe)
	if answered {
		s.answers, s.failures = s.answers+1, 0
	} else {
		s.answers, s.failures = 0, s.failures+1
	}
	s.last, s.cause = now, err
	return s
}

// Forget an environment that is gone.
func (l *Liveness) Forget(environment string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byEnvironment, environment)
}
