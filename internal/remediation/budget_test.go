// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation_test

import (
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
)

var (
	noon   = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	radius = v1alpha1.BlastRadius{ActionsPerHour: 2, MaxConcurrent: 3, MaxUnhealthy: 20}
)

func action(id string, outcome v1alpha1.ActionOutcome, ago time.Duration) v1alpha1.Action {
	return v1alpha1.Action{ID: id, Outcome: outcome, Time: metav1.NewTime(noon.Add(-ago))}
}

func TestAllowLimitsTheBlastRadius(t *testing.T) {
	done, intended, reported, failed := v1alpha1.ActionDone, v1alpha1.ActionIntended, v1alpha1.ActionReported, v1alpha1.ActionFailed
	for _, c := range []struct {
		name    string
		usage   remediation.Usage
		allowed bool
		reason  string
		retry   time.Time
	}{
		{"nothing was done", remediation.Usage{}, true, "", time.Time{}},
		{"one change within the hour", remediation.Usage{Actions: []v1alpha1.Action{action("a", done, time.Minute)}}, true, "", time.Time{}},
		{"two changes within the hour", remediation.Usage{Actions: []v1alpha1.Action{action("a", done, 50*time.Minute), action("b", done, time.Minute)}},
			false, "2 times within an hour", noon.Add(10 * time.Minute)},
		{"an intended change counts, since it may have happened", remediation.Usage{Actions: []v1alpha1.Action{action("a", intended, time.Minute), action("b", done, time.Minute)}},
			false, "limit", noon.Add(59 * time.Minute)},
		{"an older change does not count", remediation.Usage{Actions: []v1alpha1.Action{action("a", done, time.Hour), action("b", done, time.Minute)}}, true, "", time.Time{}},
		{"reports do not count", remediation.Usage{Actions: []v1alpha1.Action{action("a", reported, 0), action("b", done, 0), action("c", reported, 0)}}, true, "", time.Time{}},
		{"failed attempts count, so that none is made for ever", remediation.Usage{Actions: []v1alpha1.Action{action("a", failed, 0), action("a", failed, 30*time.Minute)}},
			false, "failed attempts included", noon.Add(30 * time.Minute)},
		{"drift that is corrected again and again does not keep a rollback from happening", remediation.Usage{
			Kind: v1alpha1.ActionRollback,
			Actions: []v1alpha1.Action{
				{ID: "a", Kind: v1alpha1.ActionCorrectDrift, Outcome: done, Time: metav1.NewTime(noon)},
				{ID: "b", Kind: v1alpha1.ActionCorrectDrift, Outcome: done, Time: metav1.NewTime(noon)},
			},
		}, true, "", time.Time{}},
		{"another workload of the namespace", remediation.Usage{InNamespace: "Deployment cart"}, false, "Deployment cart is being changed", time.Time{}},
		{"two others of the environment", remediation.Usage{InEnvironment: 2}, true, "", time.Time{}},
		{"three others of the environment", remediation.Usage{InEnvironment: 3}, false, "3 other workloads", time.Time{}},
		{"an open breaker", remediation.Usage{Breaker: remediation.Breaker{Open: true, Reason: "much fails"}}, false, "all remediation here has stopped: much fails", time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			got := remediation.Allow(c.usage, radius, noon)
			g.Expect(got.Allowed).To(Equal(c.allowed))
			g.Expect(got.Reason).To(ContainSubstring(c.reason))
			g.Expect(got.RetryAt).To(Equal(c.retry))
			g.Expect(got.Allowed).To(Equal(got.Reason == ""), "a refusal is explained")
		})
	}
}

func TestTheBreaker(t *testing.T) {
	failing := func(ago ...time.Duration) []time.Time {
		var out []time.Time
		for _, d := range ago {
			out = append(out, noon.Add(-d))
		}
		return out
	}
	hours := func(n int) []time.Time {
		var out []time.Time
		for i := range n {
			out = append(out, noon.Add(-time.Duration(i)*time.Hour))
		}
		return out
	}
	for _, c := range []struct {
		name        string
		environment remediation.Environment
		open        bool
		reason      string
	}{
		{"nothing runs", remediation.Environment{}, false, ""},
		{"all is well", remediation.Environment{Workloads: 10}, false, ""},
		{"one of one is unhealthy", remediation.Environment{Workloads: 1, FailingSince: hours(1)}, false, ""},
		{"one of three is unhealthy", remediation.Environment{Workloads: 3, FailingSince: hours(1)}, false, ""},
		{"two of ten are unhealthy", remediation.Environment{Workloads: 10, FailingSince: hours(2)}, false, ""},
		{"three of ten are unhealthy", remediation.Environment{Workloads: 10, FailingSince: hours(3)}, true, "3 of 10 workloads are unhealthy, more than 20%"},
		{"two of nine are unhealthy", remediation.Environment{Workloads: 9, FailingSince: hours(2)}, true, "2 of 9"},
		{"few of many, but together", remediation.Environment{Workloads: 1000, FailingSince: failing(0, time.Minute, 2*time.Minute)}, true, "3 workloads began to fail within 2 minutes"},
		{"few of many, one after the other", remediation.Environment{Workloads: 1000, FailingSince: failing(0, 90*time.Second, 3*time.Minute)}, false, ""},
		{"two hundred at once", remediation.Environment{Workloads: 1000, FailingSince: slices.Repeat([]time.Time{noon.Add(-time.Minute)}, 200)}, true, "200 workloads"},
		{"a few that have been broken for weeks", remediation.Environment{Workloads: 1000, FailingSince: slices.Repeat([]time.Time{noon.Add(-600 * time.Hour)}, 5)}, false, ""},
		{"calm since a minute", remediation.Environment{Workloads: 10, Tripped: noon.Add(-time.Minute)}, true, "starts again at 12:04:00 UTC"},
		{"calm for long", remediation.Environment{Workloads: 10, Tripped: noon.Add(-5 * time.Minute)}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			got := remediation.Break(c.environment, radius, noon)
			g.Expect(got.Open).To(Equal(c.open), got.Reason)
			g.Expect(got.Reason).To(ContainSubstring(c.reason))
		})
	}
}

func TestTheBreakerStaysOpenUntilItHasBeenCalmForAWhile(t *testing.T) {
	g := NewWithT(t)
	bad := remediation.Environment{Workloads: 4, FailingSince: make([]time.Time, 4)}
	opened := remediation.Break(bad, radius, noon)
	calm := remediation.Environment{Workloads: 4, Tripped: opened.Tripped}
	g.Expect(remediation.Break(calm, radius, noon.Add(4*time.Minute)).Open).To(BeTrue())
	g.Expect(remediation.Break(calm, radius, noon.Add(6*time.Minute)).Open).To(BeFalse())
}

func TestAnActionThatWasIntendedOrDoneIsTaken(t *testing.T) {
	g := NewWithT(t)
	actions := []v1alpha1.Action{action("done", v1alpha1.ActionDone, 0), action("intended", v1alpha1.ActionIntended, 0), action("reported", v1alpha1.ActionReported, 0)}
	for id, want := range map[string]bool{"done": true, "intended": true, "reported": false, "other": false} {
		_, taken := remediation.Taken(actions, id)
		g.Expect(taken).To(Equal(want), id)
	}
}
