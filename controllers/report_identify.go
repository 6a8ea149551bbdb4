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
	"github.com/rampart-dev/rampart/internal/workload"
)

const (
	// maxOutcomes is how many revisions of a workload are remembered.
	maxOutcomes = 10
	// maxLabels is how many labels of a workload a report repeats.
	maxLabels = 32
)

// identify says which revision runs. A new one begins with part of the evidence of the
// one before it. A workload that is made again begins one even if it is as it was: admission
// judges it as a new one, too.
func (r *ReportReconciler) identify(l *look, now time.Time) {
	status := &l.report.Status
	l.created = status.Workload.UID != l.workload.UID // that of a workload which is gone was forgotten
	hash, ended := l.workload.RevisionHash(), l.ended(now)
	status.Workload = v1alpha1.ReportedWorkload{
		Kind: l.key.Kind, Name: l.key.Name, UID: l.workload.UID, Labels: boundedLabels(l.workload.Labels),
	}
	status.Environment, status.Targets = l.environment.Name(), l.targets
	meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionWorkloadGone)

	if l.created || status.Revision.Hash != hash {
		r.begin(l, hash, ended, now)
	}
	revision := &status.Revision
	if l.templateHash != "" {
		revision.PodTemplateHash = l.templateHash
		status.Outcomes[0].PodTemplateHash = l.templateHash
	}
	revision.Containers = withKnownDigests(l.workload.Containers(l.podsOfRevision()), revision.Containers)
	if status.Outcomes[0].Arrival == "" {
		status.Outcomes[0].Arrival = gate.Arrived(l.namespace.Annotations, gate.Key{Kind: l.key.Kind, Name: l.key.Name}, revision.Containers)
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

// begin starts a new revision, after the one before it ended.
func (r *ReportReconciler) begin(l *look, hash string, before, now time.Time) {
	status := &l.report.Status
	previous := status.Revision
	mechanism := l.workload.Mechanism()
	if len(status.Outcomes) > 0 {
		ended := evidence.Supersede(status.Evidence, before)
		left := &status.Outcomes[0]
		left.Evidence = evidence.Shown(ended)
		if left.Result == v1alpha1.RolloutRolling || left.Result == "" {
			if left.Result = evidence.Result(ended); left.Result == v1alpha1.RolloutRolling {
				left.Result = v1alpha1.RolloutSuperseded
			}
		}
		status.Evidence = evidence.Carry(ended, previous.Mechanism, mechanism)
	}
	status.Revision = v1alpha1.Revision{
		Hash: hash, Number: previous.Number + 1, Since: metav1.NewTime(now.Truncate(time.Second)), Mechanism: mechanism,
	}
	outcome := v1alpha1.RevisionOutcome{
		Number: status.Revision.Number, Hash: hash, Time: status.Revision.Since,
		Writer: lastWriter(l.workload.Annotations), Result: v1alpha1.RolloutRolling,
	}
	status.Outcomes = slices.Concat([]v1alpha1.RevisionOutcome{outcome}, status.Outcomes)
	status.Outcomes = status.Outcomes[:min(len(status.Outcomes), maxOutcomes)]
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

// withKnownDigests keeps what an image resolved to when no pod of the revision says it now.
func withKnownDigests(containers, before []v1alpha1.RevisionContainer) []v1alpha1.RevisionContainer {
	for i := range containers {
		for _, known := range before {
			same := known.Name == containers[i].Name && known.Init == containers[i].Init && known.Image == containers[i].Image
			if same && containers[i].Digest == "" {
				containers[i].Digest = known.Digest
			}
		}
	}
	return containers
}

// lastWriter is who wrote the spec last, as admission saw it; empty when not known.
func lastWriter(annotations map[string]string) string {
	stamps, err := drift.ParseStamps(annotations[v1alpha1.AnnotationSpecAuthor])
	if err != nil || len(stamps) == 0 {
		return ""
	}
	return slices.MaxFunc(stamps, func(a, b drift.Stamp) int { return int(a.Generation - b.Generation) }).User
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
