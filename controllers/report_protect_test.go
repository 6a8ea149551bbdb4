// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
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
