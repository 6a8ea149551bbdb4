// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// terminations observes whether the containers of a deleted pod end by themselves within
// its grace period.
type terminations struct{}

const (
	// finalStatusSlack is how long after the grace period the last status of a pod may arrive.
	finalStatusSlack = 30 * time.Second
	// killSlack is how much shorter than the grace period the time until the kill may
	// seem, because two clocks with whole seconds measure it.
	killSlack = 2 * time.Second
	// usualGrace is the grace period of a pod that does not state one.
	usualGrace = 30

	exitClean      = 0
	exitKilled     = 128 + 9  // SIGKILL
	exitTerminated = 128 + 15 // SIGTERM, by the default action
)

func (terminations) begun(l look) []v1alpha1.OpenTrial {
	if !keepsRunning(l.Workload) {
		return nil // a pod that completes is not stopped
	}
	var trials []v1alpha1.OpenTrial
	for _, p := range l.pods {
		if !p.Departing() || p.Started.IsZero() || endedBefore(p.Pod) {
			continue
		}
		c := l.stopCause(p)
		trials = append(trials, v1alpha1.OpenTrial{
			ID:         trialID(v1alpha1.TrialTermination, p.UID),
			Kind:       v1alpha1.TrialTermination,
			Subject:    p.Name,
			SubjectUID: p.UID,
			Episode:    c.episode, Source: c.source,
			Since:    seconds(p.Asked),
			Deadline: secondsPtr(p.Deleting.Add(finalStatusSlack)),
		})
	}
	return trials
}

// endedBefore says whether the pod's containers had all ended when its deletion was asked for.
func endedBefore(p workload.Pod) bool {
	for _, c := range p.Containers {
		if !c.Init && (c.Exit == nil || !c.Exit.Finished.Before(p.Asked)) {
			return false
		}
	}
	return true
}

// stopCause is the disruption or the drill that takes the pod away, or whatever stops its
// siblings at the same time.
func (l look) stopCause(p seenPod) cause {
	ids := []string{replacementID(p.UID), renewalID(p.UID)}
	for _, t := range l.running {
		if slices.Contains(ids, t.ID) {
			return cause{episode: t.Episode, source: t.Source}
		}
	}
	for _, t := range l.known.Trials {
		if slices.Contains(ids, t.ID) {
			return cause{episode: t.Episode, source: t.Source}
		}
	}
	switch {
	case l.drilled(p):
		return drillCause(p.UID)
	case p.Disruption != "":
		return drainCause(p.Node, p.DisruptedSince)
	default:
		return stopCause(p.Asked)
	}
}

func (terminations) judge(l look, trial v1alpha1.OpenTrial) verdict {
	p, found := l.pod(trial.SubjectUID)
	unseen := fmt.Sprintf("the end of pod %s was not seen", trial.Subject)
	switch {
	case found && allExited(p.Pod):
		return l.judgeExits(p, trial.Since.Time)
	case found && p.departed, l.overdue(trial):
		return censored(l.now, unseen)
	default:
		return open
	}
}

// allExited says whether the status shows how every regular container ended.
func allExited(p workload.Pod) bool {
	regular := 0
	for _, c := range p.Containers {
		if c.Init {
			continue
		}
		regular++
		if c.Exit == nil {
			return false
		}
	}
	return regular > 0
}

// judgeExits is the verdict about a pod of which every container has ended. The exit
// code alone tells a kill: nothing else ends with 137 but one for lack of memory.
func (l look) judgeExits(p seenPod, asked time.Time) verdict {
	grace := time.Duration(ptr.Deref(l.Workload.Template.Spec.TerminationGracePeriodSeconds, usualGrace)) * time.Second
	var last time.Time
	for _, c := range p.Containers {
		if c.Init || c.Exit.Finished.Before(asked) {
			continue // it had ended before
		}
		ran := c.Exit.Finished.Sub(asked)
		if c.Exit.Finished.After(last) {
			last = c.Exit.Finished
		}
		what := fmt.Sprintf("container %s of pod %s", c.Name, p.Name)
		switch {
		case c.Exit.Code == exitClean || c.Exit.Code == exitTerminated:
		case c.Exit.Code != exitKilled || c.Exit.Reason == "OOMKilled":
			return l.blame(c.Exit.Finished, fmt.Sprintf("%s stopped with exit code %d%s", what, c.Exit.Code, reasonWords(*c.Exit)), p)
		case ran >= grace-killSlack:
			return l.blame(c.Exit.Finished, fmt.Sprintf("%s ignored SIGTERM and was killed after %s (exit code 137)", what, ran), p)
		default:
			return censored(c.Exit.Finished, fmt.Sprintf("%s was killed after %s of its %s", what, ran, grace))
		}
	}
	if last.IsZero() {
		return censored(l.now, fmt.Sprintf("the containers of pod %s had ended before", p.Name))
	}
	return success(last, last.Sub(asked), fmt.Sprintf("pod %s stopped by itself in %s", p.Name, last.Sub(asked)))
}
