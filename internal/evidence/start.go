// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// starts observes whether a pod becomes ready in its usual time after its containers
// started, without a restart. Scheduling and image pull come before that and do not count.
type starts struct{}

func (starts) begun(l look) []v1alpha1.OpenTrial {
	if !keepsRunning(l.Workload) {
		return nil
	}
	var trials []v1alpha1.OpenTrial
	for _, p := range l.pods {
		if !p.present() || !l.madeFor(p.Pod) {
			continue
		}
		since := p.Started
		if since.IsZero() {
			if !restarted(p.Pod) {
				continue
			}
			since = p.Created // an init container failed
		}
		c := l.startCause(p)
		trials = append(trials, v1alpha1.OpenTrial{
			ID:         startID(p.Pod),
			Kind:       v1alpha1.TrialStart,
			Subject:    p.Name,
			SubjectUID: p.UID,
			Episode:    c.episode, Source: c.source,
			Since:    seconds(since),
			Deadline: secondsPtr(since.Add(band(l.known.StartSeconds))),
		})
	}
	return trials
}

func startID(p workload.Pod) string { return trialID(v1alpha1.TrialStart, p.UID) }

// keepsRunning says whether pods of the workload are meant to become ready and stay.
func keepsRunning(w workload.Workload) bool {
	return w.Kind != v1alpha1.KindJob && w.Kind != v1alpha1.KindCronJob
}

// startCause is the disruption that a pod replaces another after, the rollout that made
// it, or whatever made its siblings at the same time.
func (l look) startCause(p seenPod) cause {
	for _, kind := range []v1alpha1.TrialKind{v1alpha1.TrialReplacement, v1alpha1.TrialRenewal, v1alpha1.TrialRollout} {
		i := slices.IndexFunc(l.running, func(t v1alpha1.OpenTrial) bool {
			// A rollout may be seen later than the first of its pods was made.
			return t.Kind == kind && t.SubjectUID != p.UID && (kind == v1alpha1.TrialRollout || !p.Created.Before(t.Since.Time))
		})
		if i >= 0 {
			return cause{episode: l.running[i].Episode, source: l.running[i].Source}
		}
	}
	return startCause(p.Created)
}

func (starts) judge(l look, trial v1alpha1.OpenTrial) verdict {
	p, found := l.pod(trial.SubjectUID)
	if !found {
		if l.overdue(trial) {
			return censored(trial.Deadline.Time, fmt.Sprintf("pod %s was gone before its start was seen to end", trial.Subject))
		}
		return open // its last state may still arrive
	}
	if restarted(p.Pod) {
		return l.blame(lastExit(p, l.now), fmt.Sprintf("start failed: %s of pod %s", exitWords(p), p.Name), p)
	}
	allowed := trial.Deadline.Sub(trial.Since.Time)
	if p.Ready {
		took := max(0, p.ReadySince.Sub(trial.Since.Time))
		switch {
		case l.Serving && !l.Workload.HasReadinessProbe():
			return verdict{withdrawn: true} // ready at once, whatever it does: it proves nothing
		case took <= allowed:
			return success(p.ReadySince, took, fmt.Sprintf("pod %s became ready in %s", p.Name, took))
		case l.missed(trial):
			return censored(p.ReadySince, fmt.Sprintf("pod %s was not observed while it started", p.Name))
		default:
			return l.blame(p.ReadySince, fmt.Sprintf("pod %s became ready in %s, expected within %s", p.Name, took, allowed), p)
		}
	}
	switch {
	case !p.present():
		return censored(l.now, fmt.Sprintf("pod %s was deleted before it was ready", p.Name))
	case p.Finished():
		return censored(l.now, fmt.Sprintf("pod %s ended before it was ready", p.Name))
	case !l.overdue(trial):
		return open
	case l.missed(trial):
		return censored(trial.Deadline.Time, fmt.Sprintf("pod %s was not observed while it started", p.Name))
	default:
		return l.blame(trial.Deadline.Time,
			fmt.Sprintf("pod %s was not ready %s after its containers started: see its readiness probe and its log", p.Name, allowed), p)
	}
}
