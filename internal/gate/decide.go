// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Input is everything that a decision depends on.
type Input struct {
	// Gate as it was read.
	Gate v1alpha1.PromotionGate
	// Policy is the effective policy of the gate's own namespace; nil when the namespace
	// belongs to no environment.
	Policy *v1alpha1.EnvironmentPolicySpec
	// Held is true when the policy of the gate's namespace cannot be read: nothing is
	// decided then, and everything stays.
	Held bool
	// Source is what is known of the namespace that the gate looks at.
	Source Source
	// Here are the reports of the gate's own namespace.
	Here []v1alpha1.ReadinessReport
	// Shapes are the workloads of the gate's own namespace, to say how they differ from
	// those of the source. Nil where nobody asks for that.
	Shapes map[Key]workload.Workload
	// Judge scores a report against targets that differ from those in the report. Left
	// nil, the scores in the report are compared with the gate's targets as they are.
	Judge func(v1alpha1.ReadinessReport, v1alpha1.ReadinessTargets) []v1alpha1.QualityScore
	// Vetoes are the names of the Guardrails whose findings close the gate: critical
	// ones that the gate's environment enforces.
	Vetoes []string
	// Now is the time of the decision: the hotfix lane opens for a failure that lasts.
	Now time.Time
}

// Source is what is known of the namespace that a gate looks at.
type Source struct {
	// Fault says why nobody knows anything of the namespace, which is in another cluster;
	// nil when it is known.
	Fault *Fault
	// Exists is false when there is no such namespace.
	Exists bool
	// Held is true when the policy of the namespace cannot be read: nothing is decided
	// then, and everything stays.
	Held bool
	// Environment is the name of its EnvironmentPolicy; empty when it belongs to none,
	// so that nobody gathers evidence there.
	Environment string
	// Reports of the namespace.
	Reports []v1alpha1.ReadinessReport
	// Shapes are its workloads, where they can be read; see Input.Shapes.
	Shapes map[Key]workload.Workload
}

// Fault is why another cluster cannot be judged by, as the conditions of a gate say it.
type Fault struct {
	Reason, Message string
}

// Decision is what a gate says. Workloads and Admissions are complete here; Record
// bounds what goes into the status.
type Decision struct {
	// State is the least open one of all workloads.
	State v1alpha1.GateState
	// Open, Score and WaitingFor are the columns of the table: "3/5", "71%/80%", and
	// what keeps the gate from opening.
	Open, Score, WaitingFor string
	// Workloads are the decisions, those that are not Open first.
	Workloads []v1alpha1.GateWorkload
	// Ready and Promotable are the conditions.
	Ready, Promotable Condition
	// Admissions are what the ledger shall say about each workload, those that are gone
	// from the source included.
	Admissions []Admission
	// Unknown is true when the source could not be judged. Nothing was decided, and the
	// ledger stays as it is.
	Unknown bool
	// Frozen is true while the policy suspends everything. Status and ledger stay as
	// they are, but for the Ready condition.
	Frozen bool
}

// Admission is what may enter of one workload.
type Admission struct {
	Key Key
	// Message says how the workload stands in its source, for who is refused.
	Message string
	// Revisions are the signatures of the containers of each admissible revision,
	// newest first.
	Revisions [][]string
	// Hotfix are the signatures of the revision that the hotfix lane admits.
	Hotfix []string
	// Moved are the images whose tags resolve to something else than what was proven.
	Moved []string
}

// Decide judges every workload of the source that the gate stands before. No data is
// never Open: without a source, a policy or a report, the answer is Unknown. A bare Pod or
// Job is not waited for: it could never prove itself, and somebody's debugging pod must
// not close a door. What it runs is admissible only as far as others have proven it.
func Decide(in Input) Decision {
	namespace, source := in.Gate.Namespace, sourceName(in.Gate.Spec.Source)
	switch {
	case in.Held, in.Source.Held:
		return Unknown(v1alpha1.ReasonPolicyMissing, "the EnvironmentPolicy of this namespace or of its source has a selector that cannot be read: correct it; until then everything stays as it is")
	case in.Policy == nil:
		return Unknown(v1alpha1.ReasonPolicyMissing, fmt.Sprintf(
			"namespace %s belongs to no environment: create an EnvironmentPolicy that selects it, or label it for one", namespace))
	case in.Policy.Suspend == v1alpha1.SuspendAll:
		return frozen(in.Gate.Status)
	case in.Source.Fault != nil:
		return Unknown(in.Source.Fault.Reason, in.Source.Fault.Message)
	case source == namespace:
		return Unknown(v1alpha1.ReasonSourceUnknown, fmt.Sprintf(
			"the gate stands in %s and looks at %s itself: name the namespace that changes come from in %s", namespace, source, sourceSaid(in.Gate)))
	case !in.Source.Exists:
		return Unknown(v1alpha1.ReasonSourceUnknown, fmt.Sprintf(
			"source namespace %s does not exist: correct %s, or create it", source, sourceSaid(in.Gate)))
	case in.Source.Environment == "":
		return Unknown(v1alpha1.ReasonSourceUnknown, fmt.Sprintf(
			"source namespace %s belongs to no environment, so nobody gathers evidence there: label it for an EnvironmentPolicy", source))
	}
	selector, err := workloadSelector(in.Gate.Spec)
	if err != nil {
		return Unknown(v1alpha1.ReasonFailed, err.Error())
	}

	judge := newJudge(in)
	behind := slices.DeleteFunc(sorted(in.Source.Reports), func(r v1alpha1.ReadinessReport) bool {
		return !selector.Matches(labels.Set(r.Status.Workload.Labels))
	})
	var verdicts []verdict
	var admissions []Admission
	for _, pair := range pairUp(newMapping(in.Gate.Spec), behind) {
		v := judge.pair(pair)
		admissions = append(admissions, v.admission)
		if pair.waitedFor() {
			verdicts = append(verdicts, v)
		}
	}
	if len(verdicts) == 0 {
		d := Unknown(v1alpha1.ReasonNoWorkloads, fmt.Sprintf(
			"no workload is observed in %s behind this gate: deploy one there, or correct spec.workloadSelector", source))
		d.Ready = ready(namespace, source, 0)
		d.Unknown, d.Admissions = false, admissions
		return d
	}
	d := summarize(verdicts, admissions, in.Gate, judge.targets.Target)
	if idle := idleMappings(in.Gate.Spec, behind); len(idle) > 0 {
		d.distrust(v1alpha1.ReasonInvalidMapping, strings.Join(idle, "; "))
	}
	return d
}

// distrust says that the gate's spec means something that is not there. What it decided
// about single workloads stands; the gate as a whole is not open.
func (d *Decision) distrust(reason, message string) {
	d.Ready = Condition{Status: metav1.ConditionFalse, Reason: reason, Message: message}
	d.Promotable = Condition{Status: metav1.ConditionUnknown, Reason: reason, Message: message}
	d.WaitingFor = message
	if d.State == v1alpha1.GateOpen {
		d.State = v1alpha1.GatePending
	}
}

// Unknown is the decision when the source cannot be judged: the gate does not work, and
// nobody knows whether anything is promotable.
func Unknown(reason, message string) Decision {
	return Decision{
		State:      v1alpha1.GatePending,
		WaitingFor: message,
		Ready:      Condition{Status: metav1.ConditionFalse, Reason: reason, Message: message},
		Promotable: Condition{Status: metav1.ConditionUnknown, Reason: reason, Message: message},
		Unknown:    true,
	}
}

// workloadSelector of a gate; one that is left out stands before every workload.
func workloadSelector(gate v1alpha1.PromotionGateSpec) (labels.Selector, error) {
	if gate.WorkloadSelector == nil {
		return labels.Everything(), nil
	}
	selector, err := metav1.LabelSelectorAsSelector(gate.WorkloadSelector)
	if err != nil {
		return nil, fmt.Errorf("read spec.workloadSelector: %w", err)
	}
	return selector, nil
}

// sorted are the reports that speak of a workload, by kind and name.
func sorted(reports []v1alpha1.ReadinessReport) []v1alpha1.ReadinessReport {
	known := slices.DeleteFunc(slices.Clone(reports), func(r v1alpha1.ReadinessReport) bool {
		return r.Status.Workload.Name == ""
	})
	slices.SortFunc(known, func(a, b v1alpha1.ReadinessReport) int {
		return cmp.Or(
			cmp.Compare(a.Status.Workload.Kind, b.Status.Workload.Kind),
			cmp.Compare(a.Status.Workload.Name, b.Status.Workload.Name),
		)
	})
	return known
}
