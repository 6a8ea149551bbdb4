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

// containments observes whether a pod that did its work and is not ready any more gets no
// more traffic, while at least one other does. A pod that a rollout, a smaller number of
// replicas or somebody's hand deletes is no trial: nothing has failed, and what a rollout
// may take away is observed as such.
//
// One look shows it, however late, because pods say since when they are ready: another pod
// that has been ready since before and is in the EndpointSlices has been there all the time.
//
// A pod whose readiness comes and goes proves the same thing again and again. Within an
// hour only its first loss can be a success; further ones count when they open a gap.
type containments struct{}

const (
	// leaveTime is how long the EndpointSlices may take to follow a pod.
	leaveTime = time.Minute
	// crashSlack is how much later than the exit of its container a pod may seem to lose
	// its readiness.
	crashSlack = 30 * time.Second
)

func (containments) begun(l look) []v1alpha1.OpenTrial {
	if !Applies(v1alpha1.TrialContainment, l.Workload, l.Serving) || len(l.Endpoints) == 0 {
		return nil
	}
	var trials []v1alpha1.OpenTrial
	for _, p := range l.pods {
		since, lost := l.lost(p)
		if !lost {
			continue
		}
		c := l.lossCause(p, since)
		id := trialID(v1alpha1.TrialContainment, p.UID, window(since, drainWindow))
		if l.settledBefore(id, since) {
			if l.gap(since, p.UID) == "" {
				continue
			}
			id = trialID(v1alpha1.TrialContainment, p.UID, strconv.FormatInt(since.Unix(), 10))
		}
		trials = append(trials, v1alpha1.OpenTrial{
			ID:         id,
			Kind:       v1alpha1.TrialContainment,
			Subject:    p.Name,
			SubjectUID: p.UID,
			Episode:    c.episode, Source: c.source,
			Since:    seconds(since),
			Deadline: secondsPtr(since.Add(leaveTime)),
		})
	}
	return trials
}

// lost says since when a pod that did its work does not: since it is not ready any more,
// or since something outside takes it away.
func (l look) lost(p seenPod) (since time.Time, lost bool) {
	unready := p.LostReady()
	if !p.Departing() {
		return unready, !unready.IsZero() && !p.departed
	}
	// When its deletion was asked for is not known for ever: the last one, without any grace,
	// hides it.
	since, disrupted := l.disrupted(p)
	return since, disrupted && (p.Ready || !unready.IsZero() && !unready.Before(since))
}

// lossCause is the disruption that takes the pod away, the crash, rollout or node by which
// it lost its readiness, or whatever happens to its siblings too.
func (l look) lossCause(p seenPod, since time.Time) cause {
	exit := lastExit(p, time.Time{})
	switch {
	case p.Departing():
		return l.stopCause(p)
	case !exit.IsZero() && since.Sub(exit).Abs() <= crashSlack:
		return l.crashCause(p, exit)
	case l.NodeTrouble[p.Node] != "":
		return drainCause(p.Node, since)
	case l.rolling():
		return rolloutCause(l.Revision.Hash)
	default:
		return unreadyCause(since)
	}
}

// settledBefore says whether a trial ended before the given time, so that what began then
// is something else.
func (l look) settledBefore(id string, since time.Time) bool {
	return slices.ContainsFunc(l.known.Trials, func(t v1alpha1.Trial) bool { return t.ID == id && t.Time.Time.Before(since) })
}

func (containments) judge(l look, trial v1alpha1.OpenTrial) verdict {
	since := trial.Since.Time
	p, found := l.pod(trial.SubjectUID)
	unseen := fmt.Sprintf("nobody looked when pod %s should have left its EndpointSlices", trial.Subject)
	switch {
	case l.Workload.Deleting:
		return censored(l.now, "the workload is being deleted")
	case !Applies(v1alpha1.TrialContainment, l.Workload, l.Serving) || len(l.Endpoints) == 0:
		return censored(l.now, fmt.Sprintf("no Service has other pods to turn to, where pod %s was not ready", trial.Subject))
	case l.missed(trial):
		return censored(l.now, unseen)
	case found && p.present() && p.Ready:
		return censored(l.now, fmt.Sprintf("pod %s was ready again before it was seen to leave its EndpointSlices", trial.Subject))
	}
	if service := l.listedBy(trial.SubjectUID); service != "" {
		if !l.overdue(trial) {
			return open
		}
		return verdict{outcome: v1alpha1.TrialExcluded, at: trial.Deadline.Time, why: fmt.Sprintf(
			"Service %s still sent traffic to pod %s %s after it was not ready (not counted: its EndpointSlices did not follow)", service, trial.Subject, leaveTime)}
	}
	service := l.gap(since, trial.SubjectUID)
	switch {
	case service != "":
		unready := slices.DeleteFunc(slices.Clone(l.pods), func(p seenPod) bool { return p.serving() })
		return l.blame(l.now, fmt.Sprintf("Service %s had no ready endpoint when pod %s was not ready", service, trial.Subject), unready...)
	case l.covered(since, trial.SubjectUID) && l.provesNothing():
		return verdict{withdrawn: true}
	case l.covered(since, trial.SubjectUID):
		return success(l.now, 0, fmt.Sprintf("pod %s got no more traffic while it was not ready, others did", trial.Subject))
	case l.overdue(trial):
		return censored(l.now, fmt.Sprintf("nothing shows that another pod was ready all the time while pod %s was not", trial.Subject))
	default:
		return open
	}
}

// listedBy is a Service that sends traffic to the pod, or empty.
func (l look) listedBy(podUID string) string {
	for _, e := range l.Endpoints {
		if slices.Contains(e.Ready, podUID) {
			return e.Service
		}
	}
	return ""
}

// gap is a Service that sends traffic to nobody, or empty. While another pod has been ready
// since before, its EndpointSlices are of another moment than the pods.
func (l look) gap(since time.Time, podUID string) string {
	if len(l.steady(since, podUID)) > 0 {
		return ""
	}
	for _, e := range l.Endpoints {
		if len(e.Ready) == 0 {
			return e.Service
		}
	}
	return ""
}

// covered says whether every Service sends traffic to a pod of the workload that has been
// ready since before.
func (l look) covered(since time.Time, podUID string) bool {
	steady := l.steady(since, podUID)
	for _, e := range l.Endpoints {
		if !slices.ContainsFunc(steady, func(uid string) bool { return slices.Contains(e.Ready, uid) }) {
			return false
		}
	}
	return true
}

// steady are the other pods of the workload, of all revisions, that have been ready since
// before the given time.
func (l look) steady(since time.Time, podUID string) []string {
	var uids []string
	for _, p := range l.Pods {
		if p.UID != podUID && steadySince(p, since) {
			uids = append(uids, p.UID)
		}
	}
	return uids
}

func steadySince(p workload.Pod, since time.Time) bool {
	return p.Ready && !p.Departing() && p.ReadySince.Before(since)
}
