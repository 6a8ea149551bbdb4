// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// recogniser knows one kind of trial.
type recogniser interface {
	// begun are the trials that the look shows to have begun, whenever that was.
	begun(l look) []v1alpha1.OpenTrial
	// judge says how a trial that has begun ended.
	judge(l look, trial v1alpha1.OpenTrial) verdict
}

// recognisers by kind, in the order in which they claim room for open trials. Starts and
// tests come last: their outcome can be read from the status of pods and Jobs later, too.
var recognisers = []struct {
	kind v1alpha1.TrialKind
	recogniser
}{
	{v1alpha1.TrialRollout, rollouts{}},
	{v1alpha1.TrialContainedRollout, containedRollouts{}},
	{v1alpha1.TrialRollback, rollbacks{}},
	{v1alpha1.TrialRun, runs{}},
	{v1alpha1.TrialReplacement, replacements{}},
	{v1alpha1.TrialRenewal, renewals{}},
	{v1alpha1.TrialContainment, containments{}},
	{v1alpha1.TrialTermination, terminations{}},
	{v1alpha1.TrialRestart, restarts{}},
	{v1alpha1.TrialStart, starts{}},
	{v1alpha1.TrialTest, tests{}},
}

// look is what recognisers judge: one snapshot, and what was known before it.
type look struct {
	Snapshot
	now time.Time
	// pods are those of the current revision.
	pods []seenPod
	// known is what was known before this look. It is not to be written to.
	known *v1alpha1.Evidence
	// running are the trials that are open in this look: those known and those begun.
	running []v1alpha1.OpenTrial
	// kept counts the tests in the window, with those that this look adds.
	kept testEnds
}

// Observe returns the evidence after a look: trials that have begun are opened, those
// that ended are counted. The previous evidence is not changed. The same look gives the
// same evidence again. The evidence is that of one revision: when another one comes,
// call Supersede and Carry first.
func Observe(previous v1alpha1.Evidence, seen Snapshot, now time.Time) v1alpha1.Evidence {
	l := look{
		Snapshot: seen, now: now.Truncate(time.Second), pods: podsOfRevision(seen),
		known: &previous, running: slices.Clone(previous.Open), kept: keptTests(previous),
	}
	for _, r := range recognisers {
		for _, trial := range r.begun(l) {
			if !opened(&previous, trial.ID) && !settled(&previous, trial.ID, trial.Since.Time) {
				l.running = append(l.running, trial)
			}
		}
	}

	next := *previous.DeepCopy()
	next.Open = nil
	for _, trial := range l.running {
		switch v := judge(l, trial); {
		case v.withdrawn:
		case v.decided():
			settle(&next, trial, v)
		default:
			if !v.deadline.IsZero() {
				trial.Deadline = secondsPtr(v.deadline)
			}
			next.Open = append(next.Open, trial)
		}
	}
	slices.SortStableFunc(next.Open, func(a, b v1alpha1.OpenTrial) int { return rank(a.Kind) - rank(b.Kind) })
	for _, crash := range crashes(l, &next) {
		settle(&next, crash.trial, crash.verdict)
	}
	shorten(&next)
	return next
}

func judge(l look, trial v1alpha1.OpenTrial) verdict {
	if i := rank(trial.Kind); i < len(recognisers) {
		v := recognisers[i].judge(l, trial)
		if why := l.saysNothing(trial); v.outcome == v1alpha1.TrialSuccess && why != "" {
			v = censored(v.at, why)
		}
		if !l.kept.add(trial, v) {
			return verdict{withdrawn: true}
		}
		return v
	}
	// A newer operator opened it. What it observes is not known here.
	return censored(l.now, "this version of the operator cannot judge it")
}

// rank is the place of a kind among the recognisers, behind all of them if it is unknown.
func rank(kind v1alpha1.TrialKind) int {
	for i, r := range recognisers {
		if r.kind == kind {
			return i
		}
	}
	return len(recognisers)
}

// pod of the current revision by its uid.
func (l look) pod(uid string) (seenPod, bool) {
	i := slices.IndexFunc(l.pods, func(p seenPod) bool { return p.UID == uid })
	if i < 0 {
		return seenPod{}, false
	}
	return l.pods[i], true
}

// firstSeen says whether this look is the first to show a trial, so that nothing is
// known about the time before.
func (l look) firstSeen(trial v1alpha1.OpenTrial) bool { return !opened(l.known, trial.ID) }

// overdue says whether a trial's deadline has passed.
func (l look) overdue(trial v1alpha1.OpenTrial) bool {
	return trial.Deadline != nil && !l.now.Before(trial.Deadline.Time)
}

// lateLook is how long after a deadline the operator must have been away: while it
// runs, it looks at the deadline.
const lateLook = time.Minute

// missed says whether nobody looked when a trial's deadline passed, so that the state
// now says nothing about the state then.
func (l look) missed(trial v1alpha1.OpenTrial) bool {
	return trial.Deadline != nil && (l.firstSeen(trial) && l.overdue(trial) || l.now.Sub(trial.Deadline.Time) > lateLook)
}

// rolling says whether a rollout is being observed.
func (l look) rolling() bool {
	return slices.ContainsFunc(l.running, func(t v1alpha1.OpenTrial) bool { return t.Kind == v1alpha1.TrialRollout })
}

// blame is a failure, unless the nodes of all the pods concerned are in trouble.
func (l look) blame(at time.Time, why string, pods ...seenPod) verdict {
	trouble := ""
	for _, p := range pods {
		trouble = l.NodeTrouble[p.Node]
		if trouble == "" {
			return failure(at, why)
		}
	}
	if trouble == "" {
		return failure(at, why)
	}
	return verdict{outcome: v1alpha1.TrialExcluded, at: at, why: why + " (not counted: " + trouble + ")"}
}
