// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
)

// Record is what the ReadinessReports of an environment say about one guardrail.
type Record struct {
	// Trials are the revisions that the guardrail judged as it is written now.
	Trials []Trial
	// Violating is how many workloads violate it now.
	Violating int
	// Failing are the workloads that it could not judge, as "namespace/kind name".
	Failing []string
	// Namespaces have a workload that it judges, sorted.
	Namespaces []string
}

// Gather reads the record of a guardrail from the reports of an environment; rule is a
// digest of it as it is written now, and verdicts of what it was before say nothing.
// Workloads that are gone count with what they brought while they were there.
func Gather(reports []v1alpha1.ReadinessReport, guardrail, rule string) Record {
	var record Record
	for i := range reports {
		status := &reports[i].Status
		verdict := verdictOf(status, guardrail)
		if verdict == nil || verdict.Rule != rule {
			continue
		}
		namespace := reports[i].Namespace
		record.Trials = append(record.Trials, trialsOf(namespace, status, verdict)...)
		if status.State == v1alpha1.ReportGone {
			continue
		}
		record.Namespaces = append(record.Namespaces, namespace)
		if verdict.Error != "" {
			record.Failing = append(record.Failing, namespace+"/"+workloadName(status.Workload))
		} else if verdict.Total > 0 {
			record.Violating++
		}
	}
	slices.Sort(record.Namespaces)
	record.Namespaces = slices.Compact(record.Namespaces)
	slices.Sort(record.Failing)
	return record
}

func verdictOf(status *v1alpha1.ReadinessReportStatus, guardrail string) *v1alpha1.GuardrailVerdict {
	for i := range status.Guardrails {
		if status.Guardrails[i].Name == guardrail {
			return &status.Guardrails[i]
		}
	}
	return nil
}

// trialsOf are the revisions of a workload that the rule judged when they came. A
// revision that violates without having brought the violation tells nothing, as long as
// it is the first that the rule has seen: it would have brought it, had the rule been there.
func trialsOf(namespace string, status *v1alpha1.ReadinessReportStatus, verdict *v1alpha1.GuardrailVerdict) []Trial {
	var trials []Trial
	for _, o := range status.Outcomes {
		if o.Number < verdict.FirstRevision {
			continue
		}
		current := o.Number == status.Revision.Number
		if current && verdict.Error != "" {
			continue
		}
		failed := slices.Contains(o.NewFindings, verdict.Name)
		if !failed && current && o.Number == verdict.FirstRevision && verdict.Total > 0 {
			continue
		}
		trials = append(trials, Trial{
			Namespace: namespace, Workload: workloadName(status.Workload),
			Writer: o.Writer, Time: o.Time.Time,
			Failed: failed, Regressed: failed && provenBefore(status, o),
		})
	}
	return trials
}

// provenBefore says whether the same revision had been proven before it came again.
func provenBefore(status *v1alpha1.ReadinessReportStatus, o v1alpha1.RevisionOutcome) bool {
	return slices.ContainsFunc(status.Proven, func(p v1alpha1.ProvenRevision) bool {
		return p.Hash == o.Hash && p.Time.Time.Before(o.Time.Time)
	})
}

// Evidence is what the trials are worth.
func (r Record) Evidence() confidence.Evidence { return weigh(r.Trials) }

// GatherArrivals reads the trials of a gate from the reports of its own namespace: the
// revisions that arrived there, each a success when it was proven on arrival.
func GatherArrivals(reports []v1alpha1.ReadinessReport) []Trial {
	var trials []Trial
	for i := range reports {
		status := &reports[i].Status
		for _, o := range status.Outcomes {
			if o.Arrival == "" {
				continue
			}
			trials = append(trials, Trial{
				Namespace: reports[i].Namespace, Workload: workloadName(status.Workload),
				Writer: o.Writer, Time: o.Time.Time, Failed: o.Arrival == v1alpha1.ArrivalUnproven,
			})
		}
	}
	return trials
}
