// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// summarize puts the decisions about single workloads together: the least open one
// decides, scores are never averaged.
func summarize(verdicts []verdict, admissions []Admission, gate v1alpha1.PromotionGate, target int32) Decision {
	slices.SortStableFunc(verdicts, func(a, b verdict) int { return gravity(b) - gravity(a) })
	first := verdicts[0]
	d := Decision{
		State:      first.workload.State,
		Score:      score(verdicts, target),
		Ready:      ready(gate.Namespace, sourceName(gate.Spec.Source), len(verdicts)),
		Admissions: admissions,
	}
	open := 0
	for _, v := range verdicts {
		if v.workload.State == v1alpha1.GateOpen {
			open++
		}
		d.Workloads = append(d.Workloads, v.workload)
	}
	d.Open = fmt.Sprintf("%d/%d", open, len(verdicts))
	closed := len(verdicts) - open
	if closed > 0 {
		d.WaitingFor = waitingFor(first, closed-1)
	}
	d.Promotable = promotable(d, len(verdicts), closed)
	return d
}

// gravity orders workloads for people: what is blocked first, then what waits.
func gravity(v verdict) int {
	switch v.workload.State {
	case v1alpha1.GateBlocked:
		return 2
	case v1alpha1.GatePending:
		return 1
	default:
		return 0
	}
}

// score is the lowest of all bounds and its target: "71%/80%".
func score(verdicts []verdict, target int32) string {
	var lowest *v1alpha1.QualityScore
	for _, v := range verdicts {
		if v.least == nil {
			return ""
		}
		if lowest == nil || lower(*v.least, *lowest) {
			lowest = v.least
		}
	}
	if lowest.Score == nil {
		return "no data"
	}
	return fmt.Sprintf("%d%%/%d%%", *lowest.Score, target)
}

func waitingFor(first verdict, others int) string {
	more := ""
	if others > 0 {
		more = fmt.Sprintf(" (+%d more)", others)
	}
	return message.Cut(fmt.Sprintf("%s: %s", first.workload.Name, first.waiting), maxLine-len(more)) + more
}

func promotable(d Decision, total, closed int) Condition {
	switch d.State {
	case v1alpha1.GateOpen:
		return Condition{metav1.ConditionTrue, v1alpha1.ReasonAllOpen,
			fmt.Sprintf("%d %s proven", total, plural(int32(total), "workload is", "workloads are"))}
	case v1alpha1.GateBlocked:
		return Condition{metav1.ConditionFalse, v1alpha1.ReasonBlocked, d.WaitingFor}
	default:
		return Condition{metav1.ConditionFalse, v1alpha1.ReasonEvidenceMissing,
			fmt.Sprintf("%d of %d %s for evidence: %s", closed, total, plural(int32(total), "workload waits", "workloads wait"), d.WaitingFor)}
	}
}

func ready(namespace, source string, workloads int) Condition {
	return Condition{metav1.ConditionTrue, v1alpha1.ReasonReconciled,
		fmt.Sprintf("stands between %s and %s before %d %s", source, namespace, workloads, plural(int32(workloads), "workload", "workloads"))}
}
