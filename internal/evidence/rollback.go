// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// rollbacks observes whether a workload that goes back to an earlier revision, by whoever's
// hand, is available in its budget: the recovery objective, or what is usual for its
// rollouts where that is longer. The trial is one of the revision that it went back to.
type rollbacks struct{}

func (rollbacks) begun(l look) []v1alpha1.OpenTrial {
	if !l.Returned || l.Kept || !Applies(v1alpha1.TrialRollback, l.Workload, l.Serving) {
		return nil
	}
	c := rolloutCause(l.Revision.Hash)
	since := l.Revision.Since.Time
	return []v1alpha1.OpenTrial{{
		ID:      trialID(v1alpha1.TrialRollback, l.Workload.UID, l.Revision.Hash, strconv.FormatInt(l.Revision.Number, 10)),
		Kind:    v1alpha1.TrialRollback,
		Subject: l.Revision.Hash,
		Episode: c.episode, Source: c.source,
		Since:    seconds(since),
		Deadline: secondsPtr(since.Add(l.rollbackBudget())),
	}}
}

// rollbackBudget is how long a rollback may take.
func (l look) rollbackBudget() time.Duration {
	return max(RecoveryObjective, band(l.known.RolloutSeconds))
}

func (rollbacks) judge(l look, trial v1alpha1.OpenTrial) verdict {
	if v, stopped := l.stopped(trial); stopped {
		return v
	}
	since, budget := trial.Since.Time, l.rollbackBudget()
	pods := l.presentPods()
	if crashed := crashedSince(pods, since); len(crashed) > 0 {
		return l.blame(lastExit(crashed[0], l.now),
			fmt.Sprintf("rollback failed: %s of pod %s", exitWords(crashed[0]), crashed[0].Name), crashed...)
	}
	missing := slices.DeleteFunc(slices.Clone(pods), func(p seenPod) bool { return p.Ready })
	unseen := fmt.Sprintf("nobody looked when the rollback to revision %d should have been complete", l.Revision.Number)
	if l.Workload.Rollout.Complete() && len(pods)-len(missing) >= int(l.Workload.Rollout.Desired) {
		end := lastReady(pods, since)
		took := end.Sub(since)
		switch {
		case l.provesNothing():
			return verdict{withdrawn: true}
		case took <= budget:
			return success(end, took, fmt.Sprintf("back at an earlier revision in %s", took))
		case l.missed(trial):
			return censored(end, unseen)
		default:
			return l.blame(end, fmt.Sprintf("the rollback took %s, expected within %s", took, budget), pods...)
		}
	}
	switch {
	case !l.overdue(trial):
		return open
	case l.missed(trial):
		return censored(trial.Deadline.Time, unseen)
	default:
		return l.stuck("rollback", trial.Deadline.Time, fmt.Sprintf("not complete after %s", budget), missing)
	}
}
