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
	shop := func(workloads int, failing []time.Time) remediation.Environment {
		return remediation.Environment{Namespaces: map[string]remediation.Health{"shop": {Workloads: workloads, FailingSince: failing}}}
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
		{"all is well", shop(10, nil), false, ""},
		{"one of one is unhealthy", shop(1, hours(1)), false, ""},
		{"one of three is unhealthy", shop(3, hours(1)), false, ""},
		{"two of ten are unhealthy", shop(10, hours(2)), false, ""},
		{"three of ten are unhealthy", shop(10, hours(3)), true, "3 of 10 workloads are unhealthy, more than 20%"},
		{"two of nine are unhealthy", shop(9, hours(2)), true, "2 of 9"},
		{"few of many, but together", shop(1000, at(0, time.Minute, 2*time.Minute)), true, "3 workloads began to fail within 2 minutes"},
		{"few of many, one after the other", shop(1000, at(0, 90*time.Second, 3*time.Minute)), false, ""},
		{"two hundred at once", shop(1000, slices.Repeat([]time.Time{noon.Add(-time.Minute)}, 200)), true, "200 workloads"},
		{"a few that have been broken for weeks", shop(1000, broken(5)), false, ""},
		{"calm since a minute", remediation.Environment{Tripped: noon.Add(-time.Minute)}, true, "starts again at 12:04:00 UTC"},
		{"calm for long", remediation.Environment{Tripped: noon.Add(-5 * time.Minute)}, false, ""},
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
	bad := remediation.Environment{Namespaces: map[string]remediation.Health{"shop": {Workloads: 4, FailingSince: make([]time.Time, 4)}}}
	opened := remediation.Break(bad, radius, noon)
	calm := remediation.Environment{Tripped: opened.Tripped}
	g.Expect(remediation.Break(calm, radius, noon.Add(4*time.Minute)).Open).To(BeTrue())
	g.Expect(remediation.Break(calm, radius, noon.Add(6*time.Minute)).Open).To(BeFalse())
}

// at are so many failures that began a while ago, one in each of the times that are given.
func at(ago ...time.Duration) []time.Time {
	var since []time.Time
	for _, d := range ago {
		since = append(since, noon.Add(-d))
	}
	return since
}

// broken are so many workloads that have been failing for weeks.
func broken(n int) []time.Time { return slices.Repeat(at(600*time.Hour), n) }

func TestWhatOneNamespaceBringsAboutStopsThatNamespaceOnly(t *testing.T) {
	type health = remediation.Health
	const everywhere = ""
	for _, c := range []struct {
		name       string
		namespaces map[string]health
		open       bool
		only       string
	}{
		{"a team's own three fail together", map[string]health{"a": {4, at(0, 0, 0)}, "b": {10, nil}}, true, "a"},
		{"and another team's release fails", map[string]health{"a": {4, at(0, 0, 0)}, "b": {10, at(time.Hour)}}, true, "a"},
		{"and another team's release fails at the same time", map[string]health{"a": {4, at(0, 0, 0)}, "b": {10, at(0)}}, true, "a"},
		{"and two more fail with them", map[string]health{"a": {4, at(0, 0, 0)}, "b": {50, at(0)}, "c": {50, at(0)}}, true, everywhere},
		{"three of three namespaces, one each", map[string]health{"a": {50, at(0)}, "b": {50, at(0)}, "c": {50, at(0)}}, true, everywhere},
		{"three of two namespaces", map[string]health{"a": {50, at(0, 0)}, "b": {50, at(0)}}, true, everywhere},
		{"two namespaces, three each", map[string]health{"a": {50, at(0, 0, 0)}, "b": {50, at(0, 0, 0)}, "c": {50, nil}}, true, everywhere},
		{"a hundred of a team's own are broken for good", map[string]health{"a": {100, broken(100)}, "b": {10, at(time.Hour)}}, true, "a"},
		{"and the environment is small", map[string]health{"a": {4, broken(4)}, "b": {4, at(time.Hour)}}, true, "a"},
		{"and most of another namespace too", map[string]health{"a": {100, broken(100)}, "b": {10, broken(9)}}, true, everywhere},
		{"and the others together", map[string]health{"a": {10, broken(10)}, "b": {5, broken(1)}, "c": {4, broken(1)}}, true, everywhere},
		{"a third of two large namespaces", map[string]health{"a": {100, broken(30)}, "b": {100, broken(30)}, "c": {80, nil}}, true, everywhere},
		{"one of each of many", map[string]health{"a": {4, broken(1)}, "b": {4, broken(1)}, "c": {4, broken(1)}}, true, everywhere},
		{"most of a small one of a large environment", map[string]health{"a": {4, broken(3)}, "b": {100, nil}}, false, everywhere},
		{"the only namespace", map[string]health{"a": {4, broken(4)}}, true, everywhere},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			got := remediation.Break(remediation.Environment{Namespaces: c.namespaces}, radius, noon)
			g.Expect(got.Open).To(Equal(c.open))
			g.Expect(got.Namespace).To(Equal(c.only))
			for name := range c.namespaces {
				g.Expect(got.In(name).Open).To(Equal(c.open && (c.only == everywhere || c.only == name)), name)
			}
			if c.only != everywhere {
				g.Expect(got.Reason).To(HavePrefix("in namespace " + c.only + ", "))
			}
		})
	}
}

func TestTheBreakerOfOneNamespaceStaysThereUntilAnotherOneFollows(t *testing.T) {
	g := NewWithT(t)
	health := func(a, b int) remediation.Environment {
		return remediation.Environment{Namespaces: map[string]remediation.Health{"a": {Workloads: 10, FailingSince: broken(a)}, "b": {Workloads: 10, FailingSince: broken(b)}}}
	}
	after := func(before remediation.Breaker, is remediation.Environment, at time.Time) remediation.Breaker {
		is.Tripped, is.TrippedIn = before.Tripped, before.Namespace
		return remediation.Break(is, radius, at)
	}
	opened := remediation.Break(health(9, 1), radius, noon)
	g.Expect(opened).To(And(HaveField("Open", true), HaveField("Namespace", "a")))
	g.Expect(after(opened, health(0, 0), noon.Add(4*time.Minute))).To(And(HaveField("Open", true), HaveField("Namespace", "a")), "it has only just become calm")
	g.Expect(after(opened, health(0, 0), noon.Add(5*time.Minute)).Open).To(BeFalse())
	g.Expect(after(opened, health(0, 9), noon.Add(4*time.Minute))).To(And(HaveField("Open", true), HaveField("Namespace", "")), "two namespaces, one after the other")
	g.Expect(after(opened, health(0, 9), noon.Add(5*time.Minute)).Namespace).To(Equal("b"))

	both := remediation.Break(health(9, 9), radius, noon)
	g.Expect(after(both, health(9, 0), noon.Add(4*time.Minute))).To(And(HaveField("Namespace", ""), HaveField("Tripped", noon)), "the others have only just become calm")
	g.Expect(after(both, health(9, 0), noon.Add(5*time.Minute)).Namespace).To(Equal("a"))
}

func TestAnActionThatWasIntendedOrDoneIsTaken(t *testing.T) {
	g := NewWithT(t)
	actions := []v1alpha1.Action{action("done", v1alpha1.ActionDone, 0), action("intended", v1alpha1.ActionIntended, 0), action("reported", v1alpha1.ActionReported, 0)}
	for id, want := range map[string]bool{"done": true, "intended": true, "reported": false, "other": false} {
		_, taken := remediation.Taken(actions, id)
		g.Expect(taken).To(Equal(want), id)
	}
}
