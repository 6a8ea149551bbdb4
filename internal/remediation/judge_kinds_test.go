// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
)

// stuck is a rollout of a StatefulSet of three that replaces one pod after the other: the
// first one crashes again and again, and nothing follows it. Its team has opted in, and it
// has stood still for too long.
func stuck() remediation.Rollout {
	r := outage()
	r.Kind, r.WritableVolumes, r.Asked = v1alpha1.KindStatefulSet, true, "Rollback"
	r.New, r.Old = remediation.NewPods{Total: 1, Crashed: 1}, remediation.OldPods{Total: 2, Ready: 2}
	r.Desired, r.Available, r.MaxUnavailable, r.DeadlineExceeded = 3, 2, 1, true
	return r
}

func TestJudgeSaysWhatFollowsARolloutOfOnePodAtATime(t *testing.T) {
	type rollout = remediation.Rollout
	type newPods = remediation.NewPods
	const none, wait, hold, report, act = remediation.VerdictNone, remediation.VerdictWait,
		remediation.VerdictHold, remediation.VerdictReport, remediation.VerdictAct
	daemonSet := func(r *rollout) { r.Kind, r.WritableVolumes = v1alpha1.KindDaemonSet, false }
	for _, c := range []struct {
		name    string
		change  func(*rollout)
		verdict remediation.Verdict
		reason  string
	}{
		{"its only new pod crashes until the deadline", func(*rollout) {}, act, "1 crashed, 0 run well, and its progress deadline has passed: rolled back to revision 6"},
		{"its only new pod crashes, however often, before the deadline", func(r *rollout) { r.DeadlineExceeded = false }, wait, "not enough"},
		{"its only new pod does not become ready until the deadline", func(r *rollout) { r.New = newPods{Total: 1, Unready: 1} }, act, "1 did not become ready in the usual time"},
		{"its only new pod does not become ready, before the deadline", func(r *rollout) {
			r.New, r.DeadlineExceeded = newPods{Total: 1, Unready: 1}, false
		}, wait, "not enough"},
		{"its only new pod is still starting when the deadline passes", func(r *rollout) { r.New = newPods{Total: 1} }, wait, "none failed"},
		{"its only new pod waits for an image that does not exist", func(r *rollout) {
			r.New = newPods{Total: 1, Waiting: waiting("ImagePullBackOff", "manifest unknown", 1)}
		}, act, "ImagePullBackOff"},
		{"its only new pod waits for a registry that does not answer", func(r *rollout) {
			r.New = newPods{Total: 1, Waiting: waiting("ErrImagePull", "dial tcp: i/o timeout", 1)}
		}, hold, "the image registry cannot be reached"},
		{"a StatefulSet of one, whose only pod is the new one", func(r *rollout) {
			r.Desired, r.Available, r.Old = 1, 0, remediation.OldPods{}
		}, act, "1 crashed"},
		{"four pods run well and the fifth crashes", func(r *rollout) { r.New = newPods{Total: 5, Crashed: 1, Stable: 4} }, act, "4 run well"},
		{"five pods run well and the sixth crashes", func(r *rollout) { r.New = newPods{Total: 6, Crashed: 1, Stable: 5} }, wait, "not enough"},
		{"two at a time: both crash before the deadline", func(r *rollout) {
			r.New, r.Old, r.DeadlineExceeded = newPods{Total: 2, Crashed: 2}, remediation.OldPods{Total: 1, Ready: 1}, false
		}, act, "2 crashed"},
		{"all new pods run well", func(r *rollout) { r.New, r.DeadlineExceeded = newPods{Total: 3, Stable: 3}, false }, none, "nothing speaks against"},

		{"an old pod fails too", func(r *rollout) { r.Old.Failing = 1 }, hold, "1 of 2 pods of the earlier revision fail too"},
		{"other workloads fail at the same time", func(r *rollout) { r.OthersFailing = []string{"cart", "mail"} }, hold, "likely common"},
		{"pods that are not made", func(r *rollout) { r.Infrastructure = "2 pods are not made" }, hold, "2 pods are not made"},

		{"a StatefulSet whose team says nothing", func(r *rollout) { r.Asked = "" }, report,
			"a StatefulSet is not rolled back by itself, because an older revision may not read what the new one wrote: go back to revision 6, the last proven one, " +
				"and delete the pods that do not become ready, which its controller leaves as they are, or fix it forward. " +
				"Where any older revision can, annotate the workload rampart.dev/on-failure: Rollback"},
		{"a StatefulSet whose team says nothing, with nothing to go back to", func(r *rollout) { r.Asked, r.Earlier = "", nil }, report, "new one wrote: fix it forward. Where"},
		{"a StatefulSet whose team wants none", func(r *rollout) { r.Asked = "Report" }, report, "asks for no rollback"},
		{"a StatefulSet whose team misspelt what it wants", func(r *rollout) { r.Asked = "RollBack" }, report, `says "RollBack"`},
		{"a StatefulSet whose pods only people replace", func(r *rollout) { r.ByHand = true }, report, "updateStrategy OnDelete"},
		{"a StatefulSet that an operator controls", func(r *rollout) { r.Controller = "Postgres main" }, report, "Postgres main controls"},
		{"a StatefulSet after a migration", func(r *rollout) { r.Jobs = job("migrate-7", "shop:7", 0) }, report, "Job migrate-7"},
		{"a StatefulSet whose ConfigMap changed with it", func(r *rollout) { r.ChangedConfigMaps = []string{"db"} }, report, "ConfigMap db"},
		{"a StatefulSet whose team says nothing where the policy only reports", func(r *rollout) {
			r.Asked, r.OnFailure = "", v1alpha1.OnFailureReport
		}, report, "which its controller leaves as they are, or fix it forward"},
		{"opted in where the policy only reports", func(r *rollout) { r.OnFailure = v1alpha1.OnFailureReport }, report, "only reported"},
		{"opted in where the namespace is still at Report", func(r *rollout) { r.Level = v1alpha1.ActReport }, report, "it would be rolled back"},
		{"opted in while remediation is suspended", func(r *rollout) { r.Suspended = true }, hold, "suspended"},

		{"a DaemonSet whose only new pod crashes until the deadline", daemonSet, act, "rolled back"},
		{"a DaemonSet whose team says nothing, though it writes to no volume", func(r *rollout) { daemonSet(r); r.Asked = "" }, report,
			"a DaemonSet is not rolled back by itself, because an older revision may not read what the new one wrote: go back to revision 6, the last proven one, or fix it forward"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			r := stuck()
			c.change(&r)
			got := remediation.Judge(r)
			g.Expect(got.Verdict).To(Equal(c.verdict), got.Reason)
			g.Expect(got.Reason).To(ContainSubstring(c.reason))
			helps := r.Asked == "" && r.OnFailure == v1alpha1.OnFailureRollback
			g.Expect(strings.Contains(got.Reason, "annotate the workload")).To(Equal(helps), "how to opt in is said where it helps")
			g.Expect(len(got.Reason)).To(BeNumerically("<=", 512), "a report holds it")
		})
	}
}
