// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
)

func TestOnlyTheLevelKeepsARollbackFromBeingDone(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*remediation.Rollout)
		byLevel bool
	}{
		{"a rollback that would be done", func(*remediation.Rollout) {}, true},
		{"one that the policy does not ask for", func(r *remediation.Rollout) { r.OnFailure = v1alpha1.OnFailureReport }, false},
		{"one that is suspended", func(r *remediation.Rollout) { r.Suspended = true }, false},
		{"one that the workload does not want", func(r *remediation.Rollout) { r.Asked = string(v1alpha1.OnFailureReport) }, false},
		{"one without anything to go back to", func(r *remediation.Rollout) { r.Earlier = nil }, false},
		{"one crashed pod", func(r *remediation.Rollout) { r.New.Crashed = 1 }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, r := NewWithT(t), outage()
			r.Level, r.AtReport = v1alpha1.ActReport, "it is at Report"
			c.change(&r)
			got := remediation.Judge(r)
			g.Expect(got.ByLevel).To(Equal(c.byLevel), got.Reason)
			g.Expect(got.Verdict).NotTo(Equal(remediation.VerdictAct))
			if c.byLevel {
				g.Expect(got.Reason).To(HaveSuffix("but it is at Report"))
			}
		})
	}
	NewWithT(t).Expect(remediation.Judge(outage()).ByLevel).To(BeFalse(), "what is done is not kept back")
}

func TestARefusalNamesWhatKeepsTheChangeBack(t *testing.T) {
	g := NewWithT(t)
	done := []v1alpha1.Action{action("a", v1alpha1.ActionDone, 0), action("b", v1alpha1.ActionDone, 0)}
	for by, usages := range map[v1alpha1.HeldBackBy][]remediation.Usage{
		v1alpha1.HeldByBreaker: {{Breaker: remediation.Breaker{Open: true}, InEnvironment: 99}},
		v1alpha1.HeldByBudget:  {{Actions: done}, {InNamespace: "Deployment cart"}, {InEnvironment: 99}},
		"":                     {{}},
	} {
		for _, usage := range usages {
			g.Expect(remediation.Allow(usage, radius, noon).By).To(Equal(by))
		}
	}
}
