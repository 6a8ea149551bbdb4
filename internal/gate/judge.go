// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// maxImages is how many images of a revision a status lists.
const maxImages = 16

// judge decides about single workloads.
type judge struct {
	source  string
	targets v1alpha1.ReadinessTargets
	vetoes  []string
	score   func(v1alpha1.ReadinessReport, v1alpha1.ReadinessTargets) []v1alpha1.QualityScore
}

// verdict is the decision about one workload.
type verdict struct {
	workload v1alpha1.GateWorkload
	// least is the asked quality that is furthest from its target; nil when none is known.
	least *v1alpha1.QualityScore
	// waiting is what is missing, in the fewest words.
	waiting   string
	admission Admission
}

func newJudge(in Input) judge {
	return judge{
		source:  in.Gate.Spec.Source.Namespace,
		targets: Targets(*in.Policy, in.Gate.Spec),
		vetoes:  in.Vetoes,
		score:   in.Judge,
	}
}

func (j judge) workload(report v1alpha1.ReadinessReport) verdict {
	status := report.Status
	key := Key{Kind: status.Workload.Kind, Name: status.Workload.Name}
	scores := j.scores(report)
	v := verdict{
		workload: v1alpha1.GateWorkload{
			Kind: key.Kind, Name: key.Name,
			Revision:  status.Revision.Hash,
			Images:    imagesOf(status.Revision.Containers),
			Qualities: scores,
		},
		least: least(scores, j.targets),
	}
	if veto := j.veto(status); veto != "" {
		v.workload.State, v.workload.Message, v.waiting = v1alpha1.GateBlocked, veto, veto
	} else if status.State != v1alpha1.ReportGone && j.satisfied(status, scores) {
		v.workload.State, v.workload.Message = v1alpha1.GateOpen, proof(status, v.least)
	} else {
		v.workload.State, v.workload.Message, v.waiting = v1alpha1.GatePending, lacking(scores, j.targets), waiting(scores, j.targets)
	}
	v.admission = Admission{
		Key:       key,
		Message:   message.Cut(j.standing(v.workload, status.State), maxLine),
		Revisions: admissible(status, v.workload.State, j.targets),
	}
	if !key.Fits() {
		v.workload.Message += fmt.Sprintf("; its name has more than %d characters, so admission cannot look it up and takes every new image of it for unproven", maxAnnotationName)
	}
	v.workload.Message = message.Cut(v.workload.Message, maxMessage)
	return v
}

// scores are the report's, measured again where this gate asks for something else.
func (j judge) scores(report v1alpha1.ReadinessReport) []v1alpha1.QualityScore {
	if j.score != nil && !same(report.Status.Targets, j.targets) {
		return j.score(report, j.targets)
	}
	return slices.Clone(report.Status.Qualities)
}

// veto is the evidence that closes the gate whatever was proven; empty when there is none.
func (j judge) veto(status v1alpha1.ReadinessReportStatus) string {
	if status.State == v1alpha1.ReportFailing {
		if status.Message == "" {
			return "it is failing in " + j.source
		}
		return status.Message
	}
	if status.State == v1alpha1.ReportGone {
		return ""
	}
	if image := movedTag(status); image != "" {
		return fmt.Sprintf("the tag of %s has moved since the revision was proven, so other code runs in %s now: give the new image a tag of its own, or pin its digest", image, j.source)
	}
	if status.Drift != nil && status.Drift.Leaves > 0 {
		return fmt.Sprintf("drift in %s: %d %s from what trusted writers wrote (%s): commit the change or take it back",
			j.source, status.Drift.Leaves, plural(status.Drift.Leaves, "field differs", "fields differ"), driftedPaths(status.Drift))
	}
	for _, g := range status.Guardrails {
		if g.Total > 0 && slices.Contains(j.vetoes, g.Name) {
			return fmt.Sprintf("critical finding of guardrail %s, which is enforced here: %s", g.Name, firstFinding(g))
		}
	}
	return ""
}

// satisfied says whether the revision that runs in the source is proven for this gate.
// Once proven it stays so: two failures from separate episodes turn the report Failing,
// which is a veto.
func (j judge) satisfied(status v1alpha1.ReadinessReportStatus, scores []v1alpha1.QualityScore) bool {
	if status.Revision.Hash == "" {
		return false
	}
	for _, p := range status.Proven {
		if p.Hash == status.Revision.Hash && cover(p.Targets, j.targets) {
			return true
		}
	}
	if cover(status.Targets, j.targets) && status.State == v1alpha1.ReportProven {
		return true
	}
	// The report is measured against other targets: what counts is what was measured.
	measured := j.score != nil || status.Targets.Confidence >= j.targets.Confidence
	return !same(status.Targets, j.targets) && measured && reached(scores, j.targets)
}

// reached says whether every asked quality that can apply has its target, with trials
// of this very revision, and at least one can apply.
func reached(scores []v1alpha1.QualityScore, targets v1alpha1.ReadinessTargets) bool {
	applicable := 0
	for _, quality := range targets.Qualities {
		s := find(scores, quality)
		if s == nil {
			return false
		}
		if !s.Applicable {
			continue
		}
		if s.Clean == 0 || short(*s, targets) {
			return false
		}
		applicable++
	}
	return applicable > 0
}

// standing is how the workload stands in its source, as who is refused reads it. The
// refused image need not be the one that runs there, so that one is named.
func (j judge) standing(w v1alpha1.GateWorkload, state v1alpha1.ReportState) string {
	runs := fmt.Sprintf("%s %s runs %s", j.source, w.Name, strings.Join(w.Images, ", "))
	switch {
	case state == v1alpha1.ReportGone:
		return fmt.Sprintf("%s no longer runs in %s: deploy the new image there first", w.Name, j.source)
	case w.State == v1alpha1.GateOpen:
		return runs + ", which is proven: run the new image there first"
	default:
		return runs + ": " + w.Message
	}
}

func imagesOf(containers []v1alpha1.RevisionContainer) []string {
	var images []string
	for _, c := range containers {
		if !slices.Contains(images, c.Image) && len(images) < maxImages {
			images = append(images, c.Image)
		}
	}
	return images
}
