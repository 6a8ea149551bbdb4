// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// rollouts observes whether a new revision becomes updated and available in its usual
// time, without a restart. Waiting for a node or an image is not the revision's fault:
// that time does not count.
type rollouts struct{}

func (rollouts) begun(l look) []v1alpha1.OpenTrial {
	if !rollsOut(l.Workload) || l.Revision.Hash == "" || l.Kept {
		return nil
	}
	began := l.Revision.Since.Time
	if l.Workload.Created.After(began) {
		began = l.Workload.Created // the workload was made again
	}
	for _, p := range l.pods {
		if l.madeFor(p.Pod) && p.Created.Before(began) && !p.Created.Before(l.Workload.Created) {
			began = p.Created
		}
	}
	c := rolloutCause(l.Revision.Hash)
	return []v1alpha1.OpenTrial{{
		ID:      rolloutID(l.Workload.UID, l.Revision.Hash),
		Kind:    v1alpha1.TrialRollout,
		Subject: l.Revision.Hash,
		Episode: c.episode, Source: c.source,
		Since:    seconds(began),
		Deadline: secondsPtr(began.Add(band(l.known.RolloutSeconds))),
	}}
}

func rolloutID(workloadUID, revision string) string {
	return trialID(v1alpha1.TrialRollout, workloadUID, revision)
}

// rollsOut says whether a new revision replaces all pods by itself.
func rollsOut(w workload.Workload) bool {
	switch strategy := w.Strategy.(type) {
	case appsv1.StatefulSetUpdateStrategy:
		if strategy.RollingUpdate != nil && ptr.Deref(strategy.RollingUpdate.Partition, 0) > 0 {
			return false
		}
		return strategy.Type != appsv1.OnDeleteStatefulSetStrategyType
	case appsv1.DaemonSetUpdateStrategy:
		return strategy.Type != appsv1.OnDeleteDaemonSetStrategyType
	default:
		return w.Progressing()
	}
}

func (rollouts) judge(l look, trial v1alpha1.OpenTrial) verdict {
	w, since := l.Workload, trial.Since.Time
	if l.firstSeen(trial) && l.Revision.Since.Sub(since) > untilUsual && !w.Deleting && !w.Paused {
		return censored(l.now, "the rollout was over before it was observed")
	}
	if v, stopped := l.stopped(trial); stopped {
		return v
	}
	pods := l.presentPods()
	if crashed := crashedSince(pods, since); len(crashed) > 0 {
		return l.blame(lastExit(crashed[0], l.now),
			fmt.Sprintf("rollout failed: %s of pod %s", exitWords(crashed[0]), crashed[0].Name), crashed...)
	}
	missing := slices.DeleteFunc(slices.Clone(pods), func(p seenPod) bool { return p.Ready })
	if w.Rollout.DeadlineExceeded {
		return l.stuck("rollout", l.now, "its progress deadline has passed", missing)
	}

	if w.Rollout.Complete() && len(pods)-len(missing) >= int(w.Rollout.Desired) {
		return l.completed(trial, pods)
	}
	if !l.overdue(trial) {
		return open
	}
	if first, ok := firstWaiting(missing); ok {
		if patience := first.Created.Add(untilUsual); l.now.Before(patience) {
			return verdict{deadline: patience}
		}
		return l.stuck("rollout", trial.Deadline.Time, fmt.Sprintf("pod %s has not started for %s", first.Name, untilUsual), missing)
	}
	allowed := band(l.known.RolloutSeconds)
	if extended := since.Add(allowed + waiting(pods, since, l.now)); l.now.Before(extended) {
		return verdict{deadline: extended}
	}
	if l.missed(trial) && w.Rollout.Updated >= w.Rollout.Desired {
		return censored(trial.Deadline.Time, "nobody looked when the rollout should have been complete")
	}
	return l.stuck("rollout", trial.Deadline.Time, fmt.Sprintf("not complete after %s", allowed), missing)
}

// stopped is the verdict about a rollout that cannot be judged now, or ever.
func (l look) stopped(trial v1alpha1.OpenTrial) (v verdict, stopped bool) {
	w := l.Workload
	switch {
	case w.Deleting:
		return censored(l.now, "the workload is being deleted"), true
	case w.Paused:
		return censored(l.now, "the rollout is paused"), true
	case !w.Rollout.Observed && l.overdue(trial):
		return censored(l.now, "the workload's controller does not act"), true
	case !w.Rollout.Observed:
		return open, true
	case w.Replicas == 0:
		return censored(l.now, "the workload is scaled to zero"), true
	default:
		return open, false
	}
}

// presentPods are the pods of the revision that are there to stay.
func (l look) presentPods() []seenPod {
	return slices.DeleteFunc(slices.Clone(l.pods), func(p seenPod) bool { return !p.present() })
}

// completed is the verdict about a rollout of which all pods are ready.
func (l look) completed(trial v1alpha1.OpenTrial, pods []seenPod) verdict {
	since := trial.Since.Time
	end := lastReady(pods, since)
	if !slices.ContainsFunc(pods, func(p seenPod) bool { return l.madeFor(p.Pod) }) {
		return censored(end, "the rollout had no pod to make")
	}
	allowed := band(l.known.RolloutSeconds)
	took := max(0, end.Sub(since)-waiting(pods, since, l.now))
	switch {
	case l.provesNothing():
		return censored(end, "rollout complete, which proves nothing: a Service sends traffic to pods without a readiness probe")
	case took <= allowed:
		return success(end, took, fmt.Sprintf("rollout complete in %s", took))
	case l.missed(trial):
		return censored(end, "nobody looked when the rollout should have been complete")
	default:
		return l.blame(end, fmt.Sprintf("rollout took %s, expected within %s", took, allowed), pods...)
	}
}

// stuck is the verdict about a rollout, or a rollback, that ran out of time: the fault of
// the revision, unless its pods found no place, could not even be made, or run something else.
func (l look) stuck(what string, at time.Time, why string, missing []seenPod) verdict {
	if l.replaced() {
		return censored(at, what+": "+why+", because its pods run something else than the template says: see what changes their images or commands on the way, such as a webhook")
	}
	if len(missing) == 0 && l.Workload.Rollout.Updated < l.Workload.Rollout.Desired {
		return censored(at, what+": "+why+", because its pods were not made: see the events of the workload")
	}
	if len(missing) > 0 && !slices.ContainsFunc(missing, func(p seenPod) bool { return !p.Unschedulable }) {
		return censored(at, what+": "+why+", because no node takes its pods")
	}
	for _, p := range missing {
		if reason := trouble(p.Pod); reason != "" {
			why += fmt.Sprintf(": pod %s is in %s", p.Name, reason)
			break
		}
	}
	return l.blame(at, what+" failed: "+why, missing...)
}

// replaced says whether the controller counts pods of the revision, and none of them runs
// what its template says: such pods are left out of what is seen, because they say nothing
// about it.
func (l look) replaced() bool {
	return len(l.pods) == 0 && l.Revision.PodTemplateHash != "" && l.Workload.Rollout.Updated > 0
}

// waiting is how long at least one pod waited for a node, an image or its sandbox since
// the given time: the union of the spans from each pod's creation to its first container.
func waiting(pods []seenPod, since, now time.Time) time.Duration {
	var total time.Duration
	covered := since
	for _, p := range pods { // oldest first
		from, to := p.Created, firstStarted(p.Pod)
		if to.IsZero() {
			to = now
		}
		if from.Before(covered) {
			from = covered
		}
		if to.After(from) {
			total += to.Sub(from)
			covered = to
		}
	}
	return total
}

// firstStarted is when the first container of a pod started, init containers included.
func firstStarted(p workload.Pod) time.Time {
	var first time.Time
	for _, c := range p.Containers {
		if !c.Started.IsZero() && (first.IsZero() || c.Started.Before(first)) {
			first = c.Started
		}
	}
	return first
}

// firstWaiting is the oldest pod of which no container has started.
func firstWaiting(pods []seenPod) (seenPod, bool) {
	i := slices.IndexFunc(pods, func(p seenPod) bool { return firstStarted(p.Pod).IsZero() })
	if i < 0 {
		return seenPod{}, false
	}
	return pods[i], true
}

// lastReady is when the last pod became ready, and not before the given time.
func lastReady(pods []seenPod, since time.Time) time.Time {
	last := since
	for _, p := range pods {
		if p.ReadySince.After(last) {
			last = p.ReadySince
		}
	}
	return last
}
