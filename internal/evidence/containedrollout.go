// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// containedRollouts observes whether a rollout that fails takes away no more pods than its
// strategy lets it: then probes and strategy have kept a bad revision from its users. A
// rollout that does not fail is no trial of it.
//
// That nothing was missing in between is read from what the API server keeps, not from
// looks, which may be lost: from when the Deployment's condition Available last changed, and
// for other kinds from pods that have been ready since before the rollout. Where that shows
// nothing the trial is censored.
//
// It is a trial of the revision that failed. What it says about probes and strategy is as
// true for the next revision that has the same: see Carry.
type containedRollouts struct{}

func (containedRollouts) begun(l look) []v1alpha1.OpenTrial {
	if !Applies(v1alpha1.TrialContainedRollout, l.Workload, l.Serving) {
		return nil
	}
	i := slices.IndexFunc(l.running, func(t v1alpha1.OpenTrial) bool { return t.Kind == v1alpha1.TrialRollout })
	if i < 0 {
		return nil
	}
	rollout := l.running[i]
	if supply := l.supplySince(rollout.Since.Time); supply != kept && supply != fell {
		return nil // too few were available before: it is not the rollout that took them away
	}
	return []v1alpha1.OpenTrial{{
		ID:      containedRolloutID(l.Workload.UID, rollout.Subject),
		Kind:    v1alpha1.TrialContainedRollout,
		Subject: rollout.Subject,
		Episode: rollout.Episode, Source: rollout.Source,
		Since: rollout.Since,
	}}
}

func containedRolloutID(workloadUID, revision string) string {
	return trialID(v1alpha1.TrialContainedRollout, workloadUID, revision)
}

// supply is what is known of the pods that a rollout must leave available.
type supply int

const (
	// unknown: nothing shows that they were available all the time, or that they were not.
	unknown supply = iota
	// kept: they have been available all the time.
	kept
	// fell: they were available when the time began, and then they were not.
	fell
	// short: they are not available, and perhaps were not when the time began.
	short
)

// supplySince is what is known of them since the given time.
func (l look) supplySince(since time.Time) supply {
	rollout := l.Workload.Rollout
	if changed := rollout.MinimumSince; !changed.IsZero() {
		switch {
		case rollout.Minimum && !changed.After(since):
			return kept
		case rollout.Minimum:
			return unknown // it fell and recovered, or recovered from what was before
		case changed.After(since):
			return fell
		default:
			return short
		}
	}
	least, steady := int(l.leastAvailable()), 0
	for _, p := range l.Pods {
		if p.Ready && !p.Departing() && !p.ReadySince.After(since) {
			steady++
		}
	}
	switch {
	case steady >= least:
		return kept
	case rollout.Observed && int(rollout.Available) < least:
		return short
	default:
		return unknown
	}
}

// leastAvailable is how many pods a rollout must leave available.
func (l look) leastAvailable() int32 { return l.Workload.Replicas - l.Workload.MaxUnavailable }

func (containedRollouts) judge(l look, trial v1alpha1.OpenTrial) verdict {
	failed, undecided := l.failedRollout(trial)
	switch {
	case undecided:
		return open
	case failed.IsZero():
		return verdict{withdrawn: true}
	}
	// What made the rollout fail may take pods away that it has replaced already.
	end := failed.Add(RecoveryObjective)
	v := l.contained(trial, end)
	taken := v.outcome == v1alpha1.TrialFailure || v.outcome == v1alpha1.TrialExcluded
	switch {
	case taken && l.now.Sub(end) > lateLook:
		return censored(end, "nobody looked how many pods the failed rollout left available")
	case taken || !l.now.Before(end):
		return v
	default:
		return verdict{deadline: end}
	}
}

// failedRollout is when the rollout of the trial failed; zero when it did not.
func (l look) failedRollout(trial v1alpha1.OpenTrial) (at time.Time, undecided bool) {
	id := rolloutID(l.Workload.UID, trial.Subject)
	for _, t := range l.running {
		if t.ID == id {
			v := rollouts{}.judge(l, t)
			if v.outcome == v1alpha1.TrialFailure {
				return v.at, false
			}
			return time.Time{}, !v.decided() && !v.withdrawn
		}
	}
	for _, t := range l.known.Trials {
		if t.ID == id && t.Outcome == v1alpha1.TrialFailure {
			return t.Time.Time, false
		}
	}
	return time.Time{}, false
}

// contained is the verdict about a failed rollout at its end. A trial is opened only when
// enough pods were available, so that anything else means that they were taken away.
func (l look) contained(trial v1alpha1.OpenTrial, end time.Time) verdict {
	least := l.leastAvailable()
	supply := l.supplySince(trial.Since.Time)
	if supply == unknown && !l.Workload.Rollout.MinimumSince.IsZero() {
		supply = fell // and it has recovered
	}
	switch {
	case supply == fell || supply == short:
		unready := slices.DeleteFunc(l.presentPods(), func(p seenPod) bool { return p.Ready })
		return l.blame(l.now, fmt.Sprintf("a failed rollout left fewer than %d of %d pods available", least, l.Workload.Replicas), unready...)
	case supply == unknown:
		return censored(end, "nothing shows how many pods were available during the failed rollout")
	case l.provesNothing():
		return verdict{withdrawn: true}
	default:
		return success(end, 0, fmt.Sprintf("a failed rollout left at least %d of %d pods available", least, l.Workload.Replicas))
	}
}

// superseded is the verdict about a trial whose revision is replaced by another one; failed
// says whether its rollout did. Of a workload that was made again nothing is known.
func (containedRollouts) superseded(l look, trial v1alpha1.OpenTrial, failed bool) verdict {
	switch {
	case !failed:
		return verdict{withdrawn: true}
	case trial.ID != containedRolloutID(l.Workload.UID, trial.Subject):
		return censored(l.now, "the workload was made again")
	default:
		return l.contained(trial, l.now)
	}
}
