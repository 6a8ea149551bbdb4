// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
	"github.com/rampart-dev/rampart/internal/environment"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/workload"
)

// objectSettles is how long an object that changes again and again keeps its revision:
// what some controller writes every few seconds is one change, and one trial. A change
// that brings a finding is a revision at once.
const objectSettles = 10 * time.Minute

// maxObjectName is how much a report shows of the name of what it is about. Names of the RBAC
// API have no limit.
const maxObjectName = 253

// judge asks the guardrails, and says how soon to look again; 0 when that waits for a change.
func (r *ObjectReconciler) judge(ctx context.Context, l *objectLook, now time.Time) time.Duration {
	status := &l.report.Status
	was := r.Impressions.of(l.key)
	l.impression = impressionOf(l.object(), l.namespace, &l.surroundings.Surroundings)
	judgements := subject{
		in:        l.asReadBy,
		namespace: l.namespace, surroundings: l.surroundings, was: was, is: l.impression,
	}.judge(ctx, l.guardrails, status, l.arrived)

	next := l.record(judgements, now)
	status.Environment, status.State = l.environment.Name(), v1alpha1.ReportJudged
	status.Object = &v1alpha1.ReportedObject{
		Group: l.key.Group, Version: l.kinds[0].Version, Kind: l.key.Kind, Name: workload.Apart(l.key.Name, maxObjectName), UID: string(l.object().GetUID()),
	}
	status.Message = compliance.Summary(status.Guardrails)
	meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionWorkloadGone)
	return next
}

// asReadBy is the object in the version in which a rule reads it.
func (l *objectLook) asReadBy(program *guardrail.Program) runtime.Object {
	kind, _ := l.key.judgedBy(program.Spec())
	return l.objects[slices.Index(l.kinds, kind)]
}

// record writes the judgements into the report, as those of a new revision if the object
// has one.
func (l *objectLook) record(judgements []compliance.Judgement, now time.Time) time.Duration {
	status := &l.report.Status
	hash := compliance.RevisionOf(l.object().Object)
	isNew := status.Revision.Number == 0 || status.State == v1alpha1.ReportGone
	switch {
	case !isNew && status.Revision.Hash == hash:
		compliance.Record(status, judgements, compliance.Look{Revision: status.Revision.Number, Change: compliance.Unchanged})
		return 0
	case !isNew && l.upkeep():
		compliance.Record(status, judgements, compliance.Look{Revision: status.Revision.Number, Change: compliance.Edited})
		return 0
	}
	change := compliance.Revised
	if isNew {
		change = compliance.Created
	}
	revised := status.DeepCopy()
	beginObject(revised, hash, now)
	compliance.Record(revised, judgements, compliance.Look{Revision: revised.Revision.Number, Change: change})

	newest := revised.Outcomes[0]
	if settled := status.Revision.Since.Add(objectSettles); !isNew && now.Before(settled) && len(newest.NewFindings)+len(newest.Unjudged) == 0 {
		compliance.Record(status, judgements, compliance.Look{Revision: status.Revision.Number, Change: compliance.Edited})
		return settled.Sub(now)
	}
	*status = *revised
	return 0
}

// beginObject starts a new revision. Who wrote it is not known: the names of field managers
// are what clients say of themselves, and must not make evidence stronger.
func beginObject(status *v1alpha1.ReadinessReportStatus, hash string, now time.Time) {
	since := metav1.NewTime(now.Truncate(time.Second))
	status.Revision = v1alpha1.Revision{Hash: hash, Number: status.Revision.Number + 1, Since: since}
	outcome := v1alpha1.RevisionOutcome{Number: status.Revision.Number, Hash: hash, Time: since}
	status.Outcomes = slices.Concat([]v1alpha1.RevisionOutcome{outcome}, status.Outcomes)
	status.Outcomes = status.Outcomes[:min(len(status.Outcomes), maxOutcomes)]
}

// arrived says whether the object came while a guardrail stood, where admission could have
// refused it: after its namespace joined the environment, the guardrail reached its level,
// and somebody watched. To the second, as the API server keeps times; when in doubt it did
// not, because what was there before is no evidence.
func (l *objectLook) arrived(g standing) bool {
	created := l.object().GetCreationTimestamp().Time
	joined, found := environment.ParseJoined(l.namespace.Annotations)
	return found && !l.upkeep() && created.After(joined.Since) && created.After(g.state.Since.Time) && created.After(l.watched)
}

// upkeep says whether built-in controllers write the object of their own accord, which
// admission does not refuse: it is judged, and no trial of anything.
func (l *objectLook) upkeep() bool {
	switch l.key.Group + "/" + l.key.Kind {
	case "/ServiceAccount":
		return l.key.Name == "default"
	case "/ConfigMap":
		return l.key.Name == "kube-root-ca.crt"
	case "/Endpoints", "discovery.k8s.io/EndpointSlice":
		return true
	default:
		return false
	}
}
