// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// idLength is how many hexadecimal digits an id keeps. 32 bits: the chance that a new
// trial has the id of one of the 200 that are kept is 5 in 100 million.
const idLength = 8

// trialID identifies what is observed: a pod, an exit of one of its containers, or the
// revision of a workload.
func trialID(kind v1alpha1.TrialKind, observed ...string) string {
	return hash(append([]string{string(kind)}, observed...)...)
}

func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])[:idLength]
}

// How long after its first event a cause still explains others. Causes are told apart
// by the clock and not by the order of looks, so that every order gives the same
// episodes; two events across the turn of the clock count as two causes.
const (
	drainWindow  = time.Hour
	changeWindow = 5 * time.Minute
	crashWindow  = 10 * time.Minute
)

// cause is what set trials off: they share an episode, and correlate.
type cause struct {
	episode string
	source  v1alpha1.TrialSource
}

func natural(name string, parts ...string) cause {
	return cause{episode: name + "-" + hash(parts...), source: v1alpha1.SourceNatural}
}

func rolloutCause(revision string) cause { return natural("roll", revision) }

func drillCause(podUID string) cause {
	c := natural("drill", podUID)
	c.source = v1alpha1.SourceDrill
	return c
}

// drainCause groups what happens to one node, or to the pods that have none.
func drainCause(node string, at time.Time) cause {
	return natural("drain", node, window(at, drainWindow))
}

// startCause and stopCause group what nothing else explains, such as scaling.
func startCause(at time.Time) cause { return natural("start", window(at, changeWindow)) }
func stopCause(at time.Time) cause  { return natural("stop", window(at, changeWindow)) }

// crashCause groups the crashes of a workload's pods: a dependency that fails is one cause.
func crashCause(at time.Time) cause { return natural("crash", window(at, crashWindow)) }

// unreadyCause groups what makes a workload's pods lose their readiness and is not known.
// However often it comes back within the hour, it is one cause.
func unreadyCause(at time.Time) cause { return natural("unready", window(at, drainWindow)) }

func window(at time.Time, size time.Duration) string {
	return strconv.FormatInt(at.Truncate(size).Unix(), 10)
}
