// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
	"github.com/rampart-dev/rampart/internal/workload"
)

// judge decides about single workloads.
type judge struct {
	// sameCluster is true when the source is in the cluster of the gate.
	sameCluster       bool
	namespace, source string
	now               time.Time
	targets           v1alpha1.ReadinessTargets
	vetoes            []string
	registries        registries
	// here are the reports of the gated namespace itself.
	here map[Key]*v1alpha1.ReadinessReportStatus
	// shapes are the workloads of the gated namespace, sourceShapes those of the source.
	shapes, sourceShapes map[Key]workload.Workload

	score func(v1alpha1.ReadinessReport, v1alpha1.ReadinessTargets) []v1alpha1.QualityScore
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
	here := map[Key]*v1alpha1.ReadinessReportStatus{}
	for i := range in.Here {
		here[keyOf(in.Here[i].Status)] = &in.Here[i].Status
	}
	return judge{
		namespace: in.Gate.Namespace, sameCluster: in.Gate.Spec.Source.Cluster == "",
		source:     sourceName(in.Gate.Spec.Source),
		now:        in.Now,
		targets:    Targets(*in.Policy, in.Gate.Spec),
		vetoes:     in.Vetoes,
		registries: in.Gate.Spec.RegistryMappings,
		here:       here,
		score:      in.Judge,
		shapes:     in.Shapes, sourceShapes: in.Source.Shapes,
	}
}

// workload judges one workload of the source, for the one that stands for it here.
func (j judge) workload(report v1alpha1.ReadinessReport, key Key) verdict {
	status, here := report.Status, j.here[key]
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
	if status.Workload.Name != key.Name {
		v.workload.SourceName = status.Workload.Name
	}
	w, tags := &v.workload, newTags(status, here, j.registries)
	v.admission = Admission{Key: key, Moved: tags.movedSignatures(j.registries)}
	if reason, veto := j.veto(status, here); veto != "" {
		w.State, w.Reason, w.Message, v.waiting = v1alpha1.GateBlocked, reason, veto, veto
	} else if status.State != v1alpha1.ReportGone && j.satisfied(status, scores) {
		w.State, w.Reason, w.Message = v1alpha1.GateOpen, v1alpha1.GateProven, proof(status, v.least)
	} else if lane := j.hotfixLane(status, here); lane != "" {
		w.State, w.Reason, w.Message = v1alpha1.GateOpen, v1alpha1.GateHotfixLane, lane
		v.admission.Hotfix = tags.signatures(status.Revision.Containers, j.registries)
	} else {
		forever := barred(status, j.sameCluster)
		w.State, w.Reason, w.Message = v1alpha1.GatePending, v1alpha1.GateEvidenceMissing, lacking(scores, j.targets)+forever
		v.waiting = waiting(scores, j.targets) + forever
	}
	decided := w.State
	if w.Reason == v1alpha1.GateHotfixLane {
		decided = v1alpha1.GatePending // its signatures stand apart, until it is proven
	}
	v.admission.Revisions = j.admissible(status, decided, tags)
	v.admission.Message = message.Cut(j.standing(*w, status), maxLine)
	j.compare(w, keyOf(status))
	if !key.Fits() {
		w.Message += fmt.Sprintf("; its name has more than %d characters, so admission cannot look it up and takes every new image of it for unproven", maxAnnotationName)
	}
	w.Message = message.Cut(w.Message, maxMessage)
	return v
}

// compare says where the workload here differs from the one of the source.
func (j judge) compare(w *v1alpha1.GateWorkload, source Key) {
	here, runs := j.shapes[Key{Kind: w.Kind, Name: w.Name}]
	there, ran := j.sourceShapes[source]
	if !runs || !ran {
		return
	}
	w.Differences = differences(there, here, j.registries)
	w.Differing = int32(len(w.Differences))
	suspicious := int32(0)
	for _, d := range w.Differences {
		if d.Class == v1alpha1.DifferenceSuspicious {
			suspicious++
		}
	}
	if suspicious > 0 {
		w.Message += fmt.Sprintf("; %d suspicious %s from %s", suspicious, plural(suspicious, "difference", "differences"), j.source)
	}
}

// ambiguous is the verdict about a workload here for which several of the source stand:
// nobody knows which of them is meant, so none is admitted.
func (j judge) ambiguous(key Key, names []string) verdict {
	text := fmt.Sprintf("%s and %s of %s all stand for it: correct spec.mapping so that one does",
		strings.Join(names[:len(names)-1], ", "), names[len(names)-1], j.source)
	return verdict{
		workload: v1alpha1.GateWorkload{
			Kind: key.Kind, Name: key.Name, State: v1alpha1.GateBlocked, Reason: v1alpha1.GateAmbiguous, Message: message.Cut(text, maxMessage),
		},
		waiting:   text,
		admission: Admission{Key: key, Message: message.Cut(text, maxLine)},
	}
}

// scores are the report's, measured again where this gate asks for something else.
func (j judge) scores(report v1alpha1.ReadinessReport) []v1alpha1.QualityScore {
	if j.score != nil && !same(report.Status.Targets, j.targets) {
		return j.score(report, j.targets)
	}
	return slices.Clone(report.Status.Qualities)
}

// veto is the evidence that closes the gate whatever was proven; empty when there is none.
func (j judge) veto(status v1alpha1.ReadinessReportStatus, here *v1alpha1.ReadinessReportStatus) (v1alpha1.GateReason, string) {
	switch status.State {
	case v1alpha1.ReportFailing:
		return v1alpha1.GateFailing, cmp.Or(status.Message, "it is failing in "+j.source)
	case v1alpha1.ReportGone:
		return "", ""
	}
	if i := slices.IndexFunc(status.Revision.Containers, tooLong); i >= 0 {
		return v1alpha1.GateCommandTooLong, fmt.Sprintf("the command of container %s is too long to be compared at admission (64 words and 1024 characters are the most, and 16384 for all containers): put it into a script in the image, or into its args",
			status.Revision.Containers[i].Name)
	}
	if workload.TooMany(status.Revision.Containers) {
		return v1alpha1.GateTooManyContainers, "it has 64 containers or more, and admission could not compare those beyond: 63 with the init containers are the most that pass a gate"
	}
	if image := movedTag(status); image != "" {
		return v1alpha1.GateTagMoved, fmt.Sprintf("the tag of %s has moved since the revision was proven, so other code runs in %s now: give the new image a tag of its own, or pin its digest", image, j.source)
	}
	if known := provenUnder(status); here != nil {
		for _, c := range foreign(known, here, j.registries) {
			if slices.ContainsFunc(status.Revision.Containers, func(r v1alpha1.RevisionContainer) bool { return r.Image == c.Image }) {
				return v1alpha1.GateImageDiffers, fmt.Sprintf("pods in %s run %s under the tag of %s, which was never proven in %s: give the image a tag of its own, or pin its digest",
					j.namespace, c.Digest, c.Image, j.source)
			}
		}
	}
	if status.Drift != nil && status.Drift.Leaves > 0 {
		return v1alpha1.GateDrifted, fmt.Sprintf("drift in %s: %d %s from what trusted writers wrote (%s): commit the change or take it back",
			j.source, status.Drift.Leaves, plural(status.Drift.Leaves, "field differs", "fields differ"), driftedPaths(status.Drift))
	}
	for _, g := range status.Guardrails {
		if g.Total > 0 && slices.Contains(j.vetoes, g.Name) {
			return v1alpha1.GateCriticalFinding, fmt.Sprintf("critical finding of guardrail %s, which is enforced here: %s", g.Name, firstFinding(g))
		}
	}
	return "", ""
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
	measured := j.score != nil || status.Targets.Confidence >= j.targets.Confidence && status.Targets.NaturalTrials >= j.targets.NaturalTrials
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
// refused image need not be the one that runs there, so that one is named. It holds no
// scores: every trial changes those, and the Namespace is written only for what changes
// what may enter.
func (j judge) standing(w v1alpha1.GateWorkload, status v1alpha1.ReadinessReportStatus) string {
	runs := fmt.Sprintf("%s %s runs %s", j.source, status.Workload.Name, strings.Join(w.Images, ", "))
	switch {
	case status.State == v1alpha1.ReportGone:
		return fmt.Sprintf("%s no longer runs in %s: deploy the new image there first", status.Workload.Name, j.source)
	case w.Reason == v1alpha1.GateProven:
		return runs + ", which is proven: run the new image there first"
	case w.Reason == v1alpha1.GateHotfixLane:
		return runs + ", which the hotfix lane admits: run the new image there first"
	case w.Reason == v1alpha1.GateEvidenceMissing:
		return fmt.Sprintf("%s, which still lacks evidence of %s (kubectl -n %s get promotiongates says how much)",
			runs, lackingNames(w.Qualities, j.targets), j.namespace)
	case w.Reason == v1alpha1.GateFailing:
		return runs + ", which is failing there"
	default:
		return runs + ": " + w.Message
	}
}

func imagesOf(containers []v1alpha1.RevisionContainer) []string {
	var images []string
	for _, c := range containers {
		if shown := message.Cut(c.Image, maxImage); !slices.Contains(images, shown) && len(images) < maxImagesEach {
			images = append(images, shown)
		}
	}
	return images
}
