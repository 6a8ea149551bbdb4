// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

func TestWhatIsOnlyReportedHidesNoActionThatGoesOn(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	// last is a report whose rollout goes on since its last action, after which another was reported.
	last := func(outcome v1alpha1.ActionOutcome) *v1alpha1.ReadinessReport {
		at := metav1.NewTime(now.Add(-time.Minute))
		return &v1alpha1.ReadinessReport{Status: v1alpha1.ReadinessReportStatus{
			Actions: []v1alpha1.Action{
				{ID: "said", Kind: v1alpha1.ActionRollback, Outcome: v1alpha1.ActionReported, Time: metav1.NewTime(now)},
				{ID: "begun", Kind: v1alpha1.ActionRollback, Outcome: outcome, Time: at},
			},
			Outcomes:    []v1alpha1.RevisionOutcome{{Number: 2, Hash: "b", Result: v1alpha1.RolloutRolling}},
			Quarantined: []v1alpha1.QuarantinedRevision{{Hash: "a", Time: at}},
		}}
	}
	for outcome, is := range map[v1alpha1.ActionOutcome]struct {
		changing bool
		refused  int
	}{
		v1alpha1.ActionIntended: {changing: true},
		v1alpha1.ActionDone:     {changing: true, refused: 1},
		v1alpha1.ActionFailed:   {refused: 1},
		v1alpha1.ActionReported: {refused: 1},
	} {
		t.Run(string(outcome), func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(changing(last(outcome), now)).To(Equal(is.changing))
			g.Expect(standingQuarantine(&last(outcome).Status)).To(HaveLen(is.refused), "what is only intended refuses nothing yet")
		})
	}
	t.Run("a deleted workload", func(t *testing.T) {
		status := last(v1alpha1.ActionIntended).Status
		giveUp(&status, now)
		NewWithT(t).Expect(status.Actions[1]).To(And(HaveField("ID", "begun"), HaveField("Outcome", v1alpha1.ActionFailed)))
	})
}

func TestAnIntendedPatchShowsByWhoAdmissionSawWriting(t *testing.T) {
	const operator, owned = "system:serviceaccount:rampart-system:rampart", true
	var full drift.Stamps // of everybody who wrote since, as many as are kept
	for i := range int64(drift.MaxStamps) {
		full = append(full, drift.Stamp{Generation: 5 + i, User: "dana"})
	}
	for _, c := range []struct {
		name       string
		stamping   bool
		generation int64
		stamps     string
		owned      bool
		shows      bool
	}{
		{"stamped as the operator's", true, 4, "3:dana,4:" + operator, owned, true},
		{"stamped as the operator's, which has let go of it", true, 4, "3:dana,4:" + operator, false, true},
		{"stamped as the operator's, and written by others since", true, 6, "4:" + operator + ",5:dana,6:dana", false, true},
		{"not written yet", true, 3, "3:dana", owned, false},
		{"written by somebody else", true, 4, "3:dana,4:dana", false, false},
		{"written by somebody else under the operator's name as field manager", true, 4, "3:dana,4:dana", owned, false},
		{"scaled, which nobody stamps, under the operator's name as field manager", true, 4, "3:dana", owned, false},
		{"written by the operator some other time", true, 5, "3:dana,4:dana,5:" + operator, owned, false},
		{"written where the stamp is not in force yet", true, 4, "", owned, true},
		{"written by somebody else where the stamp is not in force yet", true, 4, "", false, false},
		{"written where nothing stamps, and who writes makes up what he likes", false, 4, "4:" + operator, false, false},
		{"written by so many since that its stamp is gone", true, 16, full.String(), owned, true},
		{"written by so many since that nobody can tell", true, 16, full.String(), false, false},
		{"written where nothing stamps", false, 4, "", owned, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			object := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: c.generation, Annotations: map[string]string{v1alpha1.AnnotationSpecAuthor: c.stamps}}}
			if c.owned {
				object.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: v1alpha1.ManagedBy, Operation: metav1.ManagedFieldsOperationUpdate}}
			}
			r := &ReportReconciler{Stamping: c.stamping, OperatorUser: operator}
			NewWithT(t).Expect(r.patched(object, v1alpha1.Action{ID: "rollback-0123456789ab-2-3", Kind: v1alpha1.ActionRollback})).To(Equal(c.shows))
		})
	}
}
