// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"cmp"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// GatherAll reads the records of many guardrails from the reports of an environment, in
// one pass over them. Each rule gets a record, by its name. What is gone counts with what
// it brought while it was there.
func GatherAll(reports []v1alpha1.ReadinessReport, rules map[string]Rule) map[string]Record {
	records := make(map[string]*Record, len(rules))
	for name := range rules {
		records[name] = &Record{Violating: map[string]int{}}
	}
	var all []judged
	seen := map[string]bool{}
	for i := range reports {
		status := &reports[i].Status
		name := subject(status)
		var verdicts []judgedBy
		clear(seen)
		for j := range status.Guardrails {
			verdict := &status.Guardrails[j]
			record := records[verdict.Name]
			seen[verdict.Name] = true
			if record != nil && record.add(&reports[i], name, verdict, rules[verdict.Name]) {
				verdicts = append(verdicts, judgedBy{record, verdict})
			}
		}
		for name, rule := range rules {
			if status.State != v1alpha1.ReportGone && !seen[name] && rule.judges(status) {
				records[name].await(reports[i].Namespace)
			}
		}
		if len(verdicts) == 0 {
			continue
		}
		for j := range status.Outcomes {
			o := &status.Outcomes[j]
			if !o.Cause.ByWrite() {
				continue // nothing could have refused it
			}
			all = append(all, judged{
				revision: &Revision{Namespace: reports[i].Namespace, Subject: name, Writer: o.Writer, Time: o.Time.Time},
				outcome:  o, status: status, by: verdicts,
			})
		}
	}
	// Ordered once here, the trials of every guardrail are in order.
	slices.SortFunc(all, func(a, b judged) int {
		return cmp.Or(a.revision.compare(b.revision), cmp.Compare(a.outcome.Number, b.outcome.Number))
	})
	for _, j := range all {
		j.try()
	}
	settled := make(map[string]Record, len(records))
	for name, record := range records {
		record.settle()
		settled[name] = *record
	}
	return settled
}

// judged is a revision with the guardrails that have judged the workload.
type judged struct {
	revision *Revision
	outcome  *v1alpha1.RevisionOutcome
	status   *v1alpha1.ReadinessReportStatus
	by       []judgedBy
}

type judgedBy struct {
	record  *Record
	verdict *v1alpha1.GuardrailVerdict
}

// try adds the revision to the trials of each guardrail that judged it when it came. A
// revision that violates without having brought the violation tells nothing, as long as it
// is the first that the rule has seen: it would have brought it, had the rule been there.
func (j judged) try() {
	o := j.outcome
	current := o.Number == j.status.Revision.Number
	for _, by := range j.by {
		verdict := by.verdict
		if o.Number < verdict.FirstRevision || (current && verdict.Error != "") || slices.Contains(o.Unjudged, verdict.Name) {
			continue
		}
		failed := slices.Contains(o.NewFindings, verdict.Name)
		if !failed && current && o.Number == verdict.FirstRevision && verdict.Total > 0 {
			continue
		}
		by.record.Trials = append(by.record.Trials, Trial{
			Revision: j.revision, Failed: failed, Regressed: failed && provenBefore(j.status, o),
		})
	}
}

// add what one report says now; false when its revisions are no trials of the rule as it
// is.
func (r *Record) add(report *v1alpha1.ReadinessReport, name string, verdict *v1alpha1.GuardrailVerdict, rule Rule) bool {
	status, namespace := &report.Status, report.Namespace
	gone := status.State == v1alpha1.ReportGone
	excluded := rule.leavesOut(report)
	// A verdict from before an exclusion came or went says nothing of what is judged now.
	outdated := verdict.Rule != rule.Digest || (verdict.Excluded != "") != excluded
	switch {
	case gone:
	case excluded:
		r.Excluded++
	case outdated:
		r.await(namespace)
	}
	if outdated || excluded {
		return false
	}
	r.Noise.add(status, verdict, rule)
	if gone {
		return true
	}
	if n := len(r.Namespaces); n == 0 || r.Namespaces[n-1] != namespace {
		r.Namespaces = append(r.Namespaces, namespace)
	}
	if verdict.Keys == v1alpha1.UncountableKeys {
		r.Uncountable++
	}
	switch {
	case verdict.Error != "":
		r.Failing = append(r.Failing, namespace+"/"+name)
	case verdict.Total > 0:
		r.Violating[namespace]++
		r.Refused = append(r.Refused, refusal(namespace, name, verdict))
	}
	return true
}

// provenBefore says whether the same revision had been proven before it came again.
func provenBefore(status *v1alpha1.ReadinessReportStatus, o *v1alpha1.RevisionOutcome) bool {
	return slices.ContainsFunc(status.Proven, func(p v1alpha1.ProvenRevision) bool {
		return p.Hash == o.Hash && p.Time.Time.Before(o.Time.Time)
	})
}

// GatherArrivals reads the trials of a gate from the reports of its own namespace: the
// revisions that arrived there, each a success when it was proven on arrival.
func GatherArrivals(reports []v1alpha1.ReadinessReport) []Trial {
	var trials []Trial
	for i := range reports {
		status := &reports[i].Status
		for _, o := range status.Outcomes {
			if o.Arrival == "" || !o.Cause.ByWrite() {
				continue
			}
			trials = append(trials, Trial{
				Revision: &Revision{Namespace: reports[i].Namespace, Subject: subject(status), Writer: o.Writer, Time: o.Time.Time},
				Failed:   o.Arrival != v1alpha1.ArrivalProven,
			})
		}
	}
	return trials
}
