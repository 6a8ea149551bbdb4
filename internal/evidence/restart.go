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

// restarts observes whether a pod of which a container failed is ready again, by itself,
// and has no second restart of that container within the recovery objective. That the
// container failed is a failed start besides: see crashes.
//
// Only a pod whose start was seen to succeed can recover; before that, the start and the
// rollout tell what is wrong. A container that ends with exit code 0 proves nothing: it may
// be a program that had nothing more to do. CrashLoopBackOff comes and goes between two
// looks, so that the second exit decides, which stays in the status of the pod.
type restarts struct{}

func (restarts) begun(l look) []v1alpha1.OpenTrial {
	if !Applies(v1alpha1.TrialRestart, l.Workload, l.Serving) {
		return nil
	}
	var trials []v1alpha1.OpenTrial
	for _, p := range l.pods {
		started, ok := l.startedWell(p)
		if !ok {
			continue
		}
		for _, c := range p.Containers {
			for _, exit := range crashesOf(p, c) {
				if exit.Code == exitClean || exit.Finished.Before(started) {
					continue
				}
				cause := l.crashCause(p, exit.Finished)
				trials = append(trials, v1alpha1.OpenTrial{
					ID:         restartID(p.UID, c.Name, exit.Finished),
					Kind:       v1alpha1.TrialRestart,
					Subject:    p.Name,
					SubjectUID: p.UID,
					Episode:    cause.episode, Source: cause.source,
					Since:    seconds(exit.Finished),
					Deadline: secondsPtr(exit.Finished.Add(RecoveryObjective)),
				})
			}
		}
	}
	return trials
}

func restartID(podUID, container string, exit time.Time) string {
	return trialID(v1alpha1.TrialRestart, podUID, container, strconv.FormatInt(exit.Unix(), 10))
}

// startedWell is when the pod became ready, if its start was a success.
func (l look) startedWell(p seenPod) (ready time.Time, ok bool) {
	id := startID(p.Pod)
	i := slices.IndexFunc(l.known.Trials, func(t v1alpha1.Trial) bool {
		return t.ID == id && t.Outcome == v1alpha1.TrialSuccess
	})
	if i < 0 {
		return time.Time{}, false
	}
	return l.known.Trials[i].Time.Time, true
}

func (restarts) judge(l look, trial v1alpha1.OpenTrial) verdict {
	since, deadline := trial.Since.Time, trial.Deadline.Time
	p, found := l.pod(trial.SubjectUID)
	if !found {
		if l.overdue(trial) {
			return censored(deadline, fmt.Sprintf("pod %s was gone before its recovery was seen to last", trial.Subject))
		}
		return open // its last state may still arrive
	}
	i := slices.IndexFunc(p.Containers, func(c workload.Container) bool { return restartID(p.UID, c.Name, since) == trial.ID })
	if i < 0 {
		return censored(l.now, fmt.Sprintf("pod %s does not say any more what restarted", p.Name))
	}
	container := p.Containers[i]
	second, again := exitAfter(p, container, since)
	switch {
	case again && !second.Finished.After(deadline):
		return l.blame(second.Finished, fmt.Sprintf("container %s of pod %s was restarted and ended again after %s, with exit code %d%s",
			container.Name, p.Name, second.Finished.Sub(since), second.Code, reasonWords(second)), p)
	case !p.present():
		return censored(l.now, fmt.Sprintf("pod %s was deleted before its recovery was seen to last", p.Name))
	case !l.overdue(trial):
		return open
	case again:
		return censored(deadline, fmt.Sprintf("nobody looked when pod %s should have recovered", p.Name))
	case p.Ready && !p.ReadySince.After(deadline):
		took := max(0, p.ReadySince.Sub(since))
		return success(deadline, took, fmt.Sprintf("pod %s was ready again %s after container %s failed, and stayed so", p.Name, took, container.Name))
	case l.missed(trial):
		return censored(deadline, fmt.Sprintf("nobody looked when pod %s should have recovered", p.Name))
	default:
		return l.blame(deadline, fmt.Sprintf("pod %s was not ready %s after container %s failed", p.Name, RecoveryObjective, container.Name), p)
	}
}

// exitAfter is the first exit after the given time that the container's status shows.
func exitAfter(p seenPod, c workload.Container, since time.Time) (exit workload.Exit, found bool) {
	for _, e := range crashesOf(p, c) { // the earlier one first
		if e.Finished.Truncate(time.Second).After(since) {
			return e, true
		}
	}
	return workload.Exit{}, false
}
