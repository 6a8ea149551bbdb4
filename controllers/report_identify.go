// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/gate"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/workload"
)

const (
	// maxOutcomes is how many revisions of a workload are remembered.
	maxOutcomes = 10
	// maxLabels is how many labels of a workload a report repeats.
	maxLabels = 32
	// maxWriter is the longest name of a writer. An identity provider may give a longer one.
	maxWriter = 256
	// appliedTogether is how long after a template its ConfigMaps may be seen to change and
	// still be part of what brought it: events of different kinds come in any order.
	appliedTogether = 10 * time.Second
	// appliedBefore is how long before a template the change of its ConfigMaps may be seen:
	// tools write those first, and may wait in between.
	appliedBefore = time.Minute
)

// identify says which revision runs. A new one begins with part of the evidence of the
// one before it. A workload that is made again begins one even if it is as it was: admission
// judges it as a new one, too.
func (r *ReportReconciler) identify(l *look, now time.Time) {
	status := &l.report.Status
	l.created = status.Workload.UID != l.workload.UID // that of a workload which is gone was forgotten
	ended := l.ended(now)
	status.Workload = v1alpha1.ReportedWorkload{
		Kind: l.key.Kind, Name: l.key.Name, UID: l.workload.UID, Labels: boundedLabels(l.workload.Labels),
	}
	status.Environment, status.Targets = l.environment.Name(), l.targets
	meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionWorkloadGone)

	is := l.identity()
	switch {
	case !l.created && status.Revision.Hash == is.hash:
	case is.partOf(status, now):
		l.amend(is, now)
	default:
		l.begin(is, ended, now)
	}
	l.takeOver()
	revision := &status.Revision
	if l.templateHash != "" {
		revision.PodTemplateHash = l.templateHash
		status.Outcomes[0].PodTemplateHash = l.templateHash
		status.Outcomes[0].TemplateDigest = workload.TemplateDigest(l.workload.Template)
	}
	revision.Containers = is.containers
	l.sayWhetherTagsMoved()
	if status.Outcomes[0].Cause.ByWrite() && status.Outcomes[0].Arrival == "" {
		newest := &status.Outcomes[0]
		newest.Arrival = gate.Arrived(l.namespace.Annotations, gate.Key{Kind: l.key.Kind, Name: l.key.Name}, revision.Containers)
		if newest.Arrival == v1alpha1.ArrivalUnproven {
			newest.Bypass = message.Cut(l.workload.Annotations[v1alpha1.AnnotationBypass], maxBypass)
		}
	}
}

// ended is when the revision that the report speaks of ended, if another one begins now.
// What was not complete when its workload was deleted had no more time after that.
func (l *look) ended(now time.Time) time.Time {
	switch {
	case !l.created:
		return now
	case l.report.Status.State == v1alpha1.ReportGone:
		return goneSince(l.report)
	case l.workload.Created.Before(now):
		return l.workload.Created
	default:
		return now
	}
}

// identity is what runs now.
type identity struct {
	hash       string
	mechanism  v1alpha1.RevisionMechanism
	containers []v1alpha1.RevisionContainer
	// cause is why it is another revision than the one that the report speaks of, if it is.
	cause v1alpha1.RevisionCause
}

// identity of what runs, given what the report knows. A template says nothing about what its
// tags resolve to: what they did before is remembered, and when it changes, other code runs.
func (l *look) identity() identity {
	status := &l.report.Status
	previous, known := status.Revision, status.Revision.Containers
	is := identity{mechanism: l.workload.Mechanism(l.configuration, previous.Mechanism.Images)}
	if l.workload.CauseOf(is.mechanism, previous.Hash, previous.Mechanism) == v1alpha1.CauseTemplate {
		is.mechanism.Images = ""
		if proven := provenAs(status, l.workload.RevisionHash(is.mechanism)); proven != nil {
			known = proven
		}
	}
	is.containers = l.workload.Containers(l.podsThatTell(), known)
	if workload.Moved(known, is.containers) {
		is.mechanism.Images = workload.ImagesOf(is.containers)
	}
	is.hash = l.workload.RevisionHash(is.mechanism)
	is.cause = l.workload.CauseOf(is.mechanism, previous.Hash, previous.Mechanism)
	if l.created {
		is.cause = v1alpha1.CauseCreated
	}
	return is
}

// provenAs are the containers of a revision as they were proven; none when it was not.
func provenAs(status *v1alpha1.ReadinessReportStatus, hash string) []v1alpha1.RevisionContainer {
	for _, p := range status.Proven {
		if p.Hash == hash {
			return p.Containers
		}
	}
	return nil
}

// podsThatTell are the pods that tell what the images of the newest template resolve to. Of
// pods that run to their end, the newest does: the others are history.
func (l *look) podsThatTell() []workload.Pod {
	pods := slices.DeleteFunc(l.podsOfRevision(), func(p workload.Pod) bool { return !l.workload.Made(p) })
	if l.key.Kind != v1alpha1.KindCronJob && l.key.Kind != v1alpha1.KindJob {
		return pods
	}
	for i := range slices.Backward(pods) {
		if slices.ContainsFunc(pods[i].Containers, func(c workload.Container) bool { return c.ImageID != "" }) {
			return pods[i : i+1]
		}
	}
	return nil
}

// partOf says whether what is seen now belongs to the change that brought the revision which
// the report speaks of: a template and its ConfigMaps, written one after the other, or what
// its tags resolve to, which its first pods tell. Nothing that was shown meanwhile may be
// taken over, so that nothing may have been shown.
func (is identity) partOf(status *v1alpha1.ReadinessReportStatus, now time.Time) bool {
	if len(status.Outcomes) == 0 || len(status.Evidence.Trials) > 0 {
		return false
	}
	age, by := now.Sub(status.Revision.Since.Time), status.Outcomes[0].Cause
	switch is.cause {
	case v1alpha1.CauseConfigMaps:
		return by.ByWrite() && age <= appliedTogether || by == v1alpha1.CauseConfigMaps && age <= appliedBefore
	case v1alpha1.CauseTemplate:
		return by == v1alpha1.CauseConfigMaps && age <= appliedBefore
	case v1alpha1.CauseImages:
		return by == v1alpha1.CauseCreated || by == v1alpha1.CauseTemplate
	default:
		return false
	}
}

// amend makes the rest of a change part of the revision that its beginning brought.
func (l *look) amend(is identity, now time.Time) {
	status := &l.report.Status
	revision, outcome := &status.Revision, &status.Outcomes[0]
	if revision.Previous != nil && len(status.Outcomes) > 1 {
		status.Evidence = evidence.Recarry(status.Evidence, status.Outcomes[1].Evidence, *revision.Previous, is.mechanism)
	}
	status.Evidence.Open = nil // what goes on is seen again, under the new name of the revision
	revision.Hash, revision.Mechanism, outcome.Hash = is.hash, is.mechanism, is.hash
	if outcome.Cause == v1alpha1.CauseConfigMaps {
		revision.Since = metav1.NewTime(now.Truncate(time.Second))
		revision.PodTemplateHash, outcome.PodTemplateHash = "", ""
		outcome.Cause, outcome.Time, outcome.Writer = is.cause, revision.Since, l.writer(is.cause)
		l.revised = is.cause.ByWrite()
	}
}

// begin starts a new revision, after the one before it ended.
func (l *look) begin(is identity, before, now time.Time) {
	status := &l.report.Status
	previous := status.Revision
	next := v1alpha1.Revision{
		Hash: is.hash, Number: previous.Number + 1, Since: metav1.NewTime(now.Truncate(time.Second)), Mechanism: is.mechanism,
	}
	if len(status.Outcomes) > 0 {
		ended := evidence.Supersede(status.Evidence, l.snapshot(), before) // judged as the revision that it is of
		left := &status.Outcomes[0]
		left.Evidence = evidence.Shown(ended)
		if left.Result == v1alpha1.RolloutRolling || left.Result == "" {
			if left.Result = evidence.Result(ended); left.Result == v1alpha1.RolloutRolling {
				left.Result = v1alpha1.RolloutSuperseded
			}
		}
		status.Evidence = evidence.Carry(ended, previous.Mechanism, is.mechanism)
		next.Previous = &previous.Mechanism
		if status.RenamedTo != "" { // what it had shown is another one's now
			status.Evidence = evidence.WithoutSuccesses(status.Evidence)
			left.Evidence = nil
		}
	}
	status.RenamedTo = ""
	status.Revision = next
	outcome := v1alpha1.RevisionOutcome{
		Number: next.Number, Hash: is.hash, Cause: is.cause, Time: next.Since,
		Writer: l.writer(is.cause), Result: v1alpha1.RolloutRolling,
	}
	status.Outcomes = forget(slices.Concat([]v1alpha1.RevisionOutcome{outcome}, status.Outcomes))
	l.revised = is.cause.ByWrite()
}

// forget leaves out what is too much to remember: the oldest of the revisions that nobody
// wrote, from which neither guardrails nor gates learn anything, and only then the oldest. A
// ConfigMap that changes each hour pushes out no change of a template. The newest two stay:
// what the current revision shows is told apart by the one before it.
func forget(outcomes []v1alpha1.RevisionOutcome) []v1alpha1.RevisionOutcome {
	for len(outcomes) > maxOutcomes {
		least := len(outcomes) - 1
		for i := least; i > 1; i-- {
			if !outcomes[i].Cause.ByWrite() {
				least = i
				break
			}
		}
		outcomes = slices.Delete(outcomes, least, least+1)
	}
	return outcomes
}

// writer is who brought a revision, as far as the workload says: who wrote a ConfigMap or
// moved a tag is not known.
func (l *look) writer(cause v1alpha1.RevisionCause) string {
	if !cause.ByWrite() {
		return ""
	}
	return lastWriter(l.workload.Annotations)
}

// podsSince is since when the pods of the current revision were made; the zero time when
// their name tells what they are. Older ones of the same template are of an earlier time of
// it, to which somebody rolled back, or have been kept.
func (l *look) podsSince() time.Time {
	outcomes := l.report.Status.Outcomes
	if len(outcomes) < 2 {
		return time.Time{}
	}
	switch is := outcomes[0]; {
	case is.Cause.KeepsPods():
		return is.Time.Add(time.Second) // a pod of the same second may have been before it
	case is.Cause == v1alpha1.CauseCreated:
		return l.workload.Created // it may have taken over the pods of the one before it
	case !l.workload.Progressing():
		return is.Time.Time // the name of its pods does not tell
	default:
		return outcomes[1].Time.Time
	}
}

// adopted says whether the current revision ran before the environment came: it is then
// no change that a guardrail could have refused. To the second, as the API server keeps
// times; when in doubt it did, because what was there before is no evidence.
func (l *look) adopted() bool {
	joined, found := environment.ParseJoined(l.namespace.Annotations)
	return l.report.Status.Revision.Number == 1 && (!found || (joined.Busy && !l.workload.Created.After(joined.Since)))
}

// podsOfRevision are the live pods of the newest revision.
func (l *look) podsOfRevision() []workload.Pod {
	var pods []workload.Pod
	for _, pod := range l.pods {
		if l.templateHash == "" && !l.workload.Progressing() || l.templateHash != "" && pod.TemplateHash == l.templateHash {
			pods = append(pods, pod)
		}
	}
	return pods
}

// lastWriter is who wrote the spec last, as admission saw it; empty when not known.
func lastWriter(annotations map[string]string) string {
	stamps, err := drift.ParseStamps(annotations[v1alpha1.AnnotationSpecAuthor])
	if err != nil || len(stamps) == 0 {
		return ""
	}
	last := slices.MaxFunc(stamps, func(a, b drift.Stamp) int { return int(a.Generation - b.Generation) })
	return workload.Apart(last.User, maxWriter)
}

func boundedLabels(labels map[string]string) map[string]string {
	if len(labels) <= maxLabels {
		return labels
	}
	bounded := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(labels))[:maxLabels] {
		bounded[name] = labels[name]
	}
	return bounded
}
