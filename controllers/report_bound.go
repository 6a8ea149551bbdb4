// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"encoding/json"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/compliance"
)

// maxReport is the largest status of a report, in bytes of JSON.
const maxReport = 32 << 10

// shortenings are what is left out of a report that is too large, the least useful
// first. Totals and trials stay: what is counted is never cut. What a rollback returns to
// outlasts what keeps an old failure from coming again: another rollback answers that.
var shortenings = []func(*v1alpha1.ReadinessReportStatus){
	func(s *v1alpha1.ReadinessReportStatus) { rememberConfiguration(s, 2) },
	func(s *v1alpha1.ReadinessReportStatus) { rememberConfiguration(s, 1) },
	func(s *v1alpha1.ReadinessReportStatus) { listFindings(s, 3) },
	func(s *v1alpha1.ReadinessReportStatus) { recogniseQuarantined(s, 3) },
	func(s *v1alpha1.ReadinessReportStatus) { listFindings(s, 1) },
	func(s *v1alpha1.ReadinessReportStatus) { recogniseQuarantined(s, 1) },
	func(s *v1alpha1.ReadinessReportStatus) { s.Proven = s.Proven[:min(len(s.Proven), 5)] },
	func(s *v1alpha1.ReadinessReportStatus) { s.Quarantined = s.Quarantined[:min(len(s.Quarantined), 3)] },
	func(s *v1alpha1.ReadinessReportStatus) { s.Proven = s.Proven[:min(len(s.Proven), 1)] },
	func(s *v1alpha1.ReadinessReportStatus) { listFindings(s, 0) },
	func(s *v1alpha1.ReadinessReportStatus) {
		for i := range s.ActTrials {
			s.ActTrials[i].Message = ""
		}
	},
	func(s *v1alpha1.ReadinessReportStatus) {
		for i := range s.Evidence.Trials {
			s.Evidence.Trials[i].Message = ""
		}
	},
	func(s *v1alpha1.ReadinessReportStatus) {
		for i := range s.Guardrails {
			compliance.DropKeys(&s.Guardrails[i])
		}
	},
}

// bound shortens a status that is too large until it is not.
func bound(status *v1alpha1.ReadinessReportStatus) {
	for _, shorten := range shortenings {
		data, err := json.Marshal(status)
		if err != nil || len(data) <= maxReport {
			return
		}
		shorten(status)
	}
}

// listFindings lists at most so many findings of each guardrail.
func listFindings(status *v1alpha1.ReadinessReportStatus, most int) {
	for i := range status.Guardrails {
		g := &status.Guardrails[i]
		g.Findings = g.Findings[:min(len(g.Findings), most)]
	}
}

// rememberConfiguration keeps so many versions of each source. Of pods that run by an earlier
// one nothing is said.
func rememberConfiguration(status *v1alpha1.ReadinessReportStatus, most int) {
	for i := range status.Configuration {
		source := &status.Configuration[i]
		source.Versions = source.Versions[:min(len(source.Versions), most)]
	}
}

// recogniseQuarantined keeps what only so many of the newest quarantined revisions changed.
// The others are not refused any more, and still no rollback returns to them.
func recogniseQuarantined(status *v1alpha1.ReadinessReportStatus, most int) {
	for i := most; i < len(status.Quarantined); i++ {
		status.Quarantined[i].Changes = nil
	}
}
