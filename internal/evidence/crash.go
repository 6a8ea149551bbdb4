// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// crash is a container that ended although it should have gone on: a failed start of
// its pod, which is decided when it is seen.
type crash struct {
	trial   v1alpha1.OpenTrial
	verdict verdict
}

// crashes are the failures of pods whose start has ended already. Each exit counts
// once, under the time at which it happened. Exits between two looks that its status
// no longer shows are lost.
func crashes(l look, e *v1alpha1.Evidence) []crash {
	if !keepsRunning(l.Workload) {
		return nil
	}
	var found []crash
	for _, p := range l.pods {
		if !restarted(p.Pod) || p.departed {
			continue
		}
		for _, c := range p.Containers {
			for _, exit := range crashesOf(p, c) {
				id := trialID(v1alpha1.TrialStart, p.UID, c.Name, strconv.FormatInt(exit.Finished.Unix(), 10))
				if exit.Finished.Before(l.Revision.Since.Time) && !l.madeFor(p.Pod) {
					continue
				}
				if settled(e, id, exit.Finished) || endedStart(e, p.Pod, exit.Finished) {
					continue
				}
				cause := l.crashCause(p, exit.Finished)
				found = append(found, crash{
					trial: v1alpha1.OpenTrial{ID: id, Kind: v1alpha1.TrialStart, Episode: cause.episode, Source: cause.source},
					verdict: l.blame(exit.Finished,
						fmt.Sprintf("container %s of pod %s ended with exit code %d%s", c.Name, p.Name, exit.Code, reasonWords(exit)), p),
				})
			}
		}
	}
	return found
}

// crashCause is the rollout in which a container ends, what made its pod start a moment
// before, or whatever makes its siblings end at the same time.
func (l look) crashCause(p seenPod, at time.Time) cause {
	if l.rolling() {
		return rolloutCause(l.Revision.Hash)
	}
	id := startID(p.Pod)
	i := slices.IndexFunc(l.known.Trials, func(t v1alpha1.Trial) bool { return t.ID == id })
	if i >= 0 && at.Sub(l.known.Trials[i].Time.Time) < settling {
		return cause{episode: l.known.Trials[i].Episode, source: v1alpha1.SourceNatural}
	}
	return crashCause(at)
}

// endedStart says whether the failure of the pod's start is about that exit, or a later one.
func endedStart(e *v1alpha1.Evidence, p workload.Pod, finished time.Time) bool {
	return slices.ContainsFunc(e.Trials, func(t v1alpha1.Trial) bool {
		failed := t.Outcome == v1alpha1.TrialFailure || t.Outcome == v1alpha1.TrialExcluded
		return t.ID == startID(p) && failed && !finished.After(t.Time.Time)
	})
}

// crashesOf are the exits of a container that its status shows and that should not have
// been: any before a restart, and one with an error. How it ends when its pod is deleted
// is none of them. The last deletion of a pod, without any grace, comes when its containers
// have ended, and hides when it was first asked for.
func crashesOf(p seenPod, c workload.Container) []workload.Exit {
	var exits []workload.Exit
	for _, exit := range []*workload.Exit{c.LastExit, c.Exit} {
		switch {
		case exit == nil, p.Departing() && !exit.Finished.Before(p.Asked):
		case p.Departing() && p.Grace == 0 && exit == c.Exit:
		case exit == c.Exit && exit.Code == 0, exit == c.LastExit && c.Restarts == 0:
		default:
			exits = append(exits, *exit)
		}
	}
	return exits
}

// restarted says whether a container of the pod ended although it should have gone on.
func restarted(p workload.Pod) bool { return p.Restarts > 0 || p.Crashed() }

// crashedSince are the pods with a restart after the given time.
func crashedSince(pods []seenPod, since time.Time) []seenPod {
	var crashed []seenPod
	for _, p := range pods {
		if restarted(p.Pod) && !lastExit(p, since).Before(since) {
			crashed = append(crashed, p)
		}
	}
	return crashed
}

// lastExit is when a container of the pod last ended with a restart or an error, or
// the given time when its status does not say.
func lastExit(p seenPod, unknown time.Time) time.Time {
	var last time.Time
	for _, c := range p.Containers {
		for _, exit := range crashesOf(p, c) {
			if exit.Finished.After(last) {
				last = exit.Finished
			}
		}
	}
	if last.IsZero() {
		return unknown
	}
	return last
}

// exitWords say how a container of the pod last ended.
func exitWords(p seenPod) string {
	words, last := "a restart", time.Time{}
	for _, c := range p.Containers {
		for _, exit := range crashesOf(p, c) {
			if exit.Finished.After(last) {
				words = fmt.Sprintf("exit %d%s in container %s", exit.Code, reasonWords(exit), c.Name)
				last = exit.Finished
			}
		}
	}
	return words
}

// reasonWords tell the reason of an exit where it says more than the code does.
func reasonWords(exit workload.Exit) string {
	if exit.Reason == "" || exit.Reason == "Error" || exit.Reason == "Completed" {
		return ""
	}
	return " (" + exit.Reason + ")"
}

// trouble is the reason why a pod cannot start, or empty.
func trouble(p workload.Pod) string {
	if reason := p.ImageError(); reason != "" {
		return reason
	}
	if reason := p.ConfigurationError(); reason != "" {
		return reason
	}
	for _, c := range p.Containers {
		if c.Waiting == "CrashLoopBackOff" {
			return c.Waiting
		}
	}
	return ""
}
