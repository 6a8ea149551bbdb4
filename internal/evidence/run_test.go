// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestRun(t *testing.T) {
	began := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	now := began.Add(time.Hour)
	for _, c := range []struct {
		name    string
		run     workload.Run
		outcome v1alpha1.TrialOutcome
		says    string
	}{
		{"a run that completed is a success", workload.Run{Started: began, Finished: began.Add(40 * time.Second)}, v1alpha1.TrialSuccess, "completed in 40s"},
		{"a run that failed is a failure", workload.Run{Started: began, Finished: began.Add(time.Minute), Failed: true, Why: "BackoffLimitExceeded"}, v1alpha1.TrialFailure, "BackoffLimitExceeded"},
		{"a run that completed without a pod that succeeded says nothing", workload.Run{Started: began, Finished: began.Add(time.Second), Idle: true}, v1alpha1.TrialCensored, "none of its pods succeeded"},
		{"a run that goes on is open", workload.Run{Started: began}, "", ""},
		{"a run that has not started is nothing", workload.Run{}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			c.run.Name, c.run.UID, c.run.Created = "backup-1", "1", began
			seen := Snapshot{
				Workload: workload.Workload{Kind: v1alpha1.KindCronJob},
				Revision: v1alpha1.Revision{Hash: "a", Number: 1, Since: seconds(began)},
				Runs:     []workload.Run{c.run},
			}
			next := Observe(v1alpha1.Evidence{}, seen, now)
			g.Expect(Observe(next, seen, now)).To(Equal(next), "the same look changes nothing")
			if c.outcome == "" {
				g.Expect(next.Trials).To(BeEmpty())
				g.Expect(next.Open != nil).To(Equal(!c.run.Started.IsZero()))
				return
			}
			g.Expect(next.Trials).To(HaveLen(1))
			g.Expect(next.Trials[0].Kind).To(Equal(v1alpha1.TrialRun))
			g.Expect(next.Trials[0].Outcome).To(Equal(c.outcome))
			g.Expect(next.Trials[0].Message).To(ContainSubstring(c.says))
		})
	}
}

func TestARunThatWasDeletedIsCensored(t *testing.T) {
	g := NewWithT(t)
	began := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	seen := Snapshot{
		Workload: workload.Workload{Kind: v1alpha1.KindCronJob},
		Revision: v1alpha1.Revision{Hash: "a", Number: 1, Since: seconds(began)},
		Runs:     []workload.Run{{Name: "backup-1", UID: "1", Created: began, Started: began}},
	}
	running := Observe(v1alpha1.Evidence{}, seen, began.Add(time.Second))
	g.Expect(running.Open).To(HaveLen(1))
	seen.Runs = nil
	gone := Observe(running, seen, began.Add(time.Minute))
	g.Expect(gone.Open).To(BeEmpty())
	g.Expect(gone.Censored).To(Equal(int32(1)))
	g.Expect(gone.Counted).To(BeZero())
}

func TestRunsOfAnEarlierRevisionSayNothing(t *testing.T) {
	g := NewWithT(t)
	since := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	old := since.Add(-time.Hour)
	seen := Snapshot{
		Workload: workload.Workload{Kind: v1alpha1.KindCronJob},
		Revision: v1alpha1.Revision{Hash: "b", Number: 2, Since: seconds(since)},
		Before:   since.Add(-time.Minute),
		Runs:     []workload.Run{{Name: "backup-1", UID: "1", Created: old, Started: old, Finished: since.Add(time.Minute)}},
	}
	g.Expect(Observe(v1alpha1.Evidence{}, seen, since.Add(time.Hour)).Trials).To(BeEmpty())
}

func TestSixRunsOfACronJobAreSixEpisodes(t *testing.T) {
	g := NewWithT(t)
	began := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	seen := Snapshot{
		Workload: workload.Workload{Kind: v1alpha1.KindCronJob},
		Revision: v1alpha1.Revision{Hash: "a", Number: 1, Since: seconds(began)},
	}
	for i := range 6 {
		at := began.Add(time.Duration(i) * time.Minute)
		uid := string(rune('a' + i))
		seen.Runs = append(seen.Runs, workload.Run{Name: uid, UID: uid, Created: at, Started: at, Finished: at.Add(time.Second)})
	}
	tally := Count(Observe(v1alpha1.Evidence{}, seen, began.Add(time.Hour)))[v1alpha1.Predictability]
	g.Expect(tally.Evidence.Successes).To(BeNumerically("==", 6))
}
