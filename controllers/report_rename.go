// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/evidence"
	"github.com/rampart-dev/rampart/internal/workload"
)

// A renamed workload takes the evidence of the one whose place it takes. Teams write the
// annotation that says so, and gain nothing by it that a change of the template would not
// give them: the other workload must be gone, its evidence moves and is not copied, it is
// carried like to any new revision, and what was proven stays with the old name.

// earlierName is the workload whose place another one says it takes; false when it says
// nothing, or nothing that can be.
func earlierName(w workload.Workload) (Key, bool) {
	kind, name, both := strings.Cut(w.Annotations[v1alpha1.AnnotationRenamedFrom], "/")
	if !both {
		kind, name = string(w.Kind), kind
	}
	key := Key{Kind: v1alpha1.WorkloadKind(kind), Namespace: w.Namespace, Name: name}
	known := slices.Contains(workload.Kinds(), key.Kind) && workload.Lasting(key.Kind) && workload.Lasting(w.Kind)
	return key, known && name != "" && (key != Key{Kind: w.Kind, Namespace: w.Namespace, Name: w.Name})
}

// names is a workload as reports name it: "Deployment/shop".
func (k Key) names() string { return string(k.Kind) + "/" + k.Name }

// gatherForerunner reads the report of the workload whose place this one takes, as long as there
// is evidence to take over.
func (r *ReportReconciler) gatherForerunner(ctx context.Context, l *look) error {
	from, named := earlierName(l.workload)
	if !named || l.report != nil && (l.report.Status.RenamedFrom != "" || l.report.Status.Revision.Number > 1) {
		return nil
	}
	earlier := &v1alpha1.ReadinessReport{}
	if err := r.Client.Get(ctx, from.reportName(), earlier); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("get report of %s, which %s takes the place of: %w", from, l.key, err)
	}
	status := &earlier.Status
	itself := status.Workload.Kind == from.Kind && status.Workload.Name == from.Name
	free := status.RenamedTo == "" || status.RenamedTo == l.key.names()
	if itself && free && status.State == v1alpha1.ReportGone {
		l.forerunner = earlier.DeepCopy()
	}
	return nil
}

// claim says in the report of the earlier workload who takes its evidence over, before that
// is recorded: nobody else can, and a crash in between loses nothing. Without a take-over in
// this look there is no claim: what nobody takes stays free.
func (r *ReportReconciler) claim(ctx context.Context, l *look) error {
	if l.forerunner == nil || l.forerunner.Status.RenamedTo != "" || l.report.Status.RenamedFrom == "" {
		return nil
	}
	before := l.forerunner.DeepCopy()
	l.forerunner.Status.RenamedTo = l.key.names()
	_, err := recordStatus(ctx, r.Client, before, l.forerunner)
	return err
}

// takeOver carries the evidence of the earlier workload to the first revision of this one.
func (l *look) takeOver() {
	status := &l.report.Status
	if l.forerunner == nil || status.RenamedFrom != "" || status.Revision.Number != 1 {
		return
	}
	from := l.forerunner.Status
	ended := goneSince(l.forerunner)
	carried := evidence.Carry(evidence.Supersede(from.Evidence, evidence.Snapshot{Revision: from.Revision}, ended), from.Revision.Mechanism, status.Revision.Mechanism)
	status.Evidence.Carried = carried.Carried
	if len(status.Evidence.RolloutSeconds)+len(status.Evidence.StartSeconds) == 0 {
		status.Evidence.RolloutSeconds, status.Evidence.StartSeconds = carried.RolloutSeconds, carried.StartSeconds
	}
	status.RenamedFrom = Key{Kind: from.Workload.Kind, Name: from.Workload.Name}.names()
}

// keysRenamedFrom are the workloads that take the place of one that is gone.
func (r *ReportReconciler) keysRenamedFrom(ctx context.Context, object client.Object) []Key {
	gone := object.(*v1alpha1.ReadinessReport).Status.Workload
	return r.keysWhose(ctx, object.GetNamespace(), func(w workload.Workload) bool {
		from, named := earlierName(w)
		return named && from.Kind == gone.Kind && from.Name == gone.Name
	})
}

// becameGone passes the reports whose workload has just gone.
var becameGone = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.ReadinessReport), e.ObjectNew.(*v1alpha1.ReadinessReport)
		return before.Status.State != v1alpha1.ReportGone && after.Status.State == v1alpha1.ReportGone
	},
}
