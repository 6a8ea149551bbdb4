// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// production is the effective policy of a production environment that asks for 80@90.
func production() *v1alpha1.EnvironmentPolicySpec {
	policy := v1alpha1.EnvironmentPolicySpec{
		Stage: v1alpha1.Production, Promotion: &v1alpha1.PromotionPolicy{ReadinessTargets: v1alpha1.ReadinessTargets{Target: 80}},
	}.Effective()
	return &policy
}

func input(reports ...v1alpha1.ReadinessReport) Input {
	gate := v1alpha1.PromotionGate{ObjectMeta: metav1.ObjectMeta{Namespace: "production", Name: "from-staging", Generation: 3}}
	gate.Spec.Source.Namespace = "staging"
	return Input{Now: now, Gate: gate, Policy: production(), Source: Source{Exists: true, Environment: "staging", Reports: reports}}
}

// option changes a report of a collecting Deployment that lacks recoverability.
type option func(*v1alpha1.ReadinessReportStatus)

func report(name string, options ...option) v1alpha1.ReadinessReport {
	r := v1alpha1.ReadinessReport{Status: v1alpha1.ReadinessReportStatus{
		Workload: v1alpha1.ReportedWorkload{Kind: v1alpha1.KindDeployment, Name: name, Labels: map[string]string{"app": name}},
		State:    v1alpha1.ReportCollecting,
		Targets:  Targets(*production(), v1alpha1.PromotionGateSpec{}),
		Revision: revision("r1", name+":1"),
		Qualities: []v1alpha1.QualityScore{
			score100(v1alpha1.Predictability, 86, 9, 0),
			withMessage(score100(v1alpha1.Recoverability, 71, 3, 3), "recoverability 71% of 80%: 3 more clean trials needed (3 of 3 so far)"),
			score100(v1alpha1.SafeFailure, 82, 7, 0),
		},
	}}
	for _, o := range options {
		o(&r.Status)
	}
	return r
}

func revision(hash, image string) v1alpha1.Revision {
	return v1alpha1.Revision{Hash: hash, Number: 1, Containers: []v1alpha1.RevisionContainer{{Name: "c", Image: image, Digest: "sha256:" + hash}}}
}

func score100(q v1alpha1.Quality, percent, clean, needed int32) v1alpha1.QualityScore {
	return v1alpha1.QualityScore{Quality: q, Applicable: true, Score: &percent, Clean: clean, Needed: needed, Target: ptr.To[int32](80)}
}

func withMessage(s v1alpha1.QualityScore, message string) v1alpha1.QualityScore {
	s.Message = message
	return s
}

func state(s v1alpha1.ReportState) option {
	return func(status *v1alpha1.ReadinessReportStatus) { status.State = s }
}

func provenAs(hash string, targets v1alpha1.ReadinessTargets) option {
	return func(status *v1alpha1.ReadinessReportStatus) {
		status.Proven = append(status.Proven, v1alpha1.ProvenRevision{
			Hash: hash, Targets: targets, Containers: revision(hash, status.Workload.Name+":"+hash).Containers,
		})
	}
}

func allAt(percent int32) option {
	return func(status *v1alpha1.ReadinessReportStatus) {
		for i := range status.Qualities {
			status.Qualities[i].Score = &percent
			if percent >= *status.Qualities[i].Target {
				status.Qualities[i].Needed = 0
			}
		}
	}
}

func TestStateOfAWorkload(t *testing.T) {
	asked := Targets(*production(), v1alpha1.PromotionGateSpec{})
	lax := asked
	lax.Target = 60
	for _, c := range []struct {
		name    string
		report  v1alpha1.ReadinessReport
		want    v1alpha1.GateState
		message string
	}{
		{"a proven revision is open", report("shop", state(v1alpha1.ReportProven)),
			v1alpha1.GateOpen, "revision r1 is proven: the least of its qualities, recoverability, is at 71%"},
		{"missing evidence is said as the report says it", report("shop"),
			v1alpha1.GatePending, "recoverability 71% of 80%: 3 more clean trials needed (3 of 3 so far)"},
		{"once proven it stays open while later trials lower a bound", report("shop", provenAs("r1", asked)),
			v1alpha1.GateOpen, "revision r1 is proven"},
		{"another revision that was proven says nothing about this one", report("shop", provenAs("r0", asked)),
			v1alpha1.GatePending, "recoverability 71%"},
		{"proven for laxer targets is not proven here", report("shop", provenAs("r1", lax)),
			v1alpha1.GatePending, "recoverability 71%"},
		{"proven state against laxer targets is not proven here", report("shop", state(v1alpha1.ReportProven), func(s *v1alpha1.ReadinessReportStatus) { s.Targets = lax }),
			v1alpha1.GatePending, "recoverability 71%"},
		{"a failing revision is blocked although it was proven", report("shop", provenAs("r1", asked), state(v1alpha1.ReportFailing),
			func(s *v1alpha1.ReadinessReportStatus) { s.Message = "crash loop: container c ended 4 times" }),
			v1alpha1.GateBlocked, "crash loop: container c ended 4 times"},
		{"drift blocks", report("shop", state(v1alpha1.ReportProven), func(s *v1alpha1.ReadinessReportStatus) {
			s.Drift = &v1alpha1.Drift{Leaves: 1, Fields: []v1alpha1.DriftedField{{Path: "spec.replicas"}}}
		}), v1alpha1.GateBlocked, "drift in staging: 1 field differs from what trusted writers wrote (spec.replicas)"},
		{"drift that is gone does not", report("shop", state(v1alpha1.ReportProven), func(s *v1alpha1.ReadinessReportStatus) { s.Drift = &v1alpha1.Drift{} }),
			v1alpha1.GateOpen, "proven"},
		{"a finding of a guardrail that is critical and enforced here blocks", report("shop", state(v1alpha1.ReportProven), func(s *v1alpha1.ReadinessReportStatus) {
			s.Guardrails = []v1alpha1.GuardrailVerdict{{Name: "no-privileged", Total: 1, Findings: []v1alpha1.Finding{{Key: "k", Text: "container c is privileged"}}}}
		}), v1alpha1.GateBlocked, "critical finding of guardrail no-privileged, which is enforced here: container c is privileged"},
		{"any other finding does not", report("shop", state(v1alpha1.ReportProven), func(s *v1alpha1.ReadinessReportStatus) {
			s.Guardrails = []v1alpha1.GuardrailVerdict{{Name: "replicas", Total: 1}}
		}), v1alpha1.GateOpen, "proven"},
		{"a report without any score waits", report("shop", func(s *v1alpha1.ReadinessReportStatus) { s.Qualities = nil }),
			v1alpha1.GatePending, "predictability not judged yet"},
		{"a report without a revision is never open", report("shop", state(v1alpha1.ReportProven), func(s *v1alpha1.ReadinessReportStatus) { s.Revision = v1alpha1.Revision{} }),
			v1alpha1.GatePending, ""},
		{"nothing applicable is no evidence", report("shop", func(s *v1alpha1.ReadinessReportStatus) {
			s.Targets = lax
			for i := range s.Qualities {
				s.Qualities[i].Applicable = false
			}
		}), v1alpha1.GatePending, nothingApplies},
		{"what was carried over from another revision is not evidence of its own", report("shop", allAt(85), func(s *v1alpha1.ReadinessReportStatus) {
			s.Targets.Target = 90
			s.Qualities[1].Clean = 0
		}), v1alpha1.GatePending, ""},
		{"a name that admission cannot look up is said", report(strings.Repeat("n", 64), state(v1alpha1.ReportProven)),
			v1alpha1.GateOpen, "has more than 63 characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			in := input(c.report)
			in.Vetoes = []string{"no-privileged"}
			d := Decide(in)
			g.Expect(d.Workloads).To(HaveLen(1))
			g.Expect(d.Workloads[0].State).To(Equal(c.want), d.Workloads[0].Message)
			g.Expect(d.Workloads[0].Message).To(ContainSubstring(c.message))
			g.Expect(d.State).To(Equal(c.want))
		})
	}
}

func TestAGateOfItsOwnTargets(t *testing.T) {
	g := NewWithT(t)
	in := input(report("shop", allAt(85), state(v1alpha1.ReportProven)))
	in.Gate.Spec.Readiness = &v1alpha1.ReadinessTargets{Target: 90}
	g.Expect(Decide(in).State).To(Equal(v1alpha1.GatePending), "the report was proven at 80%, the gate asks for 90%")

	in.Judge = func(_ v1alpha1.ReadinessReport, targets v1alpha1.ReadinessTargets) []v1alpha1.QualityScore {
		g.Expect(targets.Target).To(Equal(int32(90)))
		return []v1alpha1.QualityScore{
			score100(v1alpha1.Predictability, 91, 9, 0), score100(v1alpha1.Recoverability, 91, 9, 0), score100(v1alpha1.SafeFailure, 91, 9, 0),
		}
	}
	g.Expect(Decide(in).State).To(Equal(v1alpha1.GateOpen), "measured against its own targets it is there")
	g.Expect(Decide(in).Score).To(Equal("91%/90%"))

	stricter := input(report("shop", allAt(85), func(s *v1alpha1.ReadinessReportStatus) { s.Targets.Target = 95 }))
	g.Expect(Decide(stricter).State).To(Equal(v1alpha1.GateOpen), "another gate asks for 95%, this one for 80%")
	stricter = input(report("shop", allAt(85), func(s *v1alpha1.ReadinessReportStatus) { s.Targets.Target, s.Targets.Confidence = 95, 80 }))
	g.Expect(Decide(stricter).State).To(Equal(v1alpha1.GatePending), "scores at a lower confidence do not compare")
}

func TestNoDataIsNeverOpen(t *testing.T) {
	proven := report("shop", state(v1alpha1.ReportProven))
	for _, c := range []struct {
		name   string
		change func(*Input)
		reason string
		ready  metav1.ConditionStatus
	}{
		{"without a policy here", func(in *Input) { in.Policy = nil }, v1alpha1.ReasonPolicyMissing, metav1.ConditionFalse},
		{"without the source namespace", func(in *Input) { in.Source.Exists = false }, v1alpha1.ReasonSourceUnknown, metav1.ConditionFalse},
		{"without an environment there", func(in *Input) { in.Source.Environment = "" }, v1alpha1.ReasonSourceUnknown, metav1.ConditionFalse},
		{"without a report", func(in *Input) { in.Source.Reports = nil }, v1alpha1.ReasonNoWorkloads, metav1.ConditionTrue},
		{"with a selector that selects none", func(in *Input) {
			in.Gate.Spec.WorkloadSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "other"}}
		}, v1alpha1.ReasonNoWorkloads, metav1.ConditionTrue},
		{"with workloads that are gone only", func(in *Input) { in.Source.Reports[0].Status.State = v1alpha1.ReportGone }, v1alpha1.ReasonNoWorkloads, metav1.ConditionTrue},
		{"with a selector that cannot be read", func(in *Input) {
			in.Gate.Spec.WorkloadSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
		}, v1alpha1.ReasonFailed, metav1.ConditionFalse},
		{"while everything is suspended and nothing was decided", func(in *Input) { in.Policy.Suspend = v1alpha1.SuspendAll }, v1alpha1.ReasonSuspended, metav1.ConditionTrue},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			in := input(proven)
			c.change(&in)
			d := Decide(in)
			g.Expect(d.State).NotTo(Equal(v1alpha1.GateOpen))
			g.Expect(d.Promotable.Status).To(Equal(metav1.ConditionUnknown))
			g.Expect(d.Promotable.Reason).To(Equal(c.reason))
			g.Expect(d.Ready.Status).To(Equal(c.ready))
			g.Expect(d.Promotable.Message).NotTo(BeEmpty())
		})
	}
}

func TestASourceIsCorrectedWhereItWasSaid(t *testing.T) {
	labelled := func(in *Input) {
		in.Gate.Name, in.Gate.Labels = LabelledName, map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
	}
	missing := func(in *Input) { in.Source.Exists = false }
	itself := func(in *Input) { in.Gate.Spec.Source.Namespace = in.Gate.Namespace }
	const label = "the label rampart.dev/promotes-from on Namespace production"
	for _, c := range []struct {
		name    string
		changes []func(*Input)
		says    string
	}{
		{"a gate that somebody made", []func(*Input){missing}, "does not exist: correct spec.source.namespace, or create it"},
		{"a gate that a label made", []func(*Input){missing, labelled}, "does not exist: correct " + label + ", or create it"},
		{"a gate that looks at itself", []func(*Input){itself}, "come from in spec.source.namespace"},
		{"a gate that a label has looking at itself", []func(*Input){itself, labelled}, "come from in " + label},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input(report("shop"))
			in.Gate.Namespace = "production"
			for _, change := range c.changes {
				change(&in)
			}
			NewWithT(t).Expect(Decide(in).Ready.Message).To(HaveSuffix(c.says))
		})
	}
}

func TestASourceInOneWord(t *testing.T) {
	g := NewWithT(t)
	g.Expect(From(v1alpha1.GateSource{Namespace: "shop-staging"})).To(Equal("shop-staging"))
	g.Expect(From(v1alpha1.GateSource{Namespace: "shop-staging", Cluster: "staging"})).To(Equal("staging/shop-staging"))
}

func TestTheTableSaysWhatBlocks(t *testing.T) {
	g := NewWithT(t)
	noData := func(s *v1alpha1.ReadinessReportStatus) {
		s.Qualities[1] = v1alpha1.QualityScore{Quality: v1alpha1.Recoverability, Applicable: true, Needed: 6}
	}
	d := Decide(input(report("cart", state(v1alpha1.ReportProven), allAt(90)), report("shop"), report("till", noData)))
	g.Expect(d.Open).To(Equal("1/3"))
	g.Expect(d.Score).To(Equal("no data"))
	g.Expect(d.WaitingFor).To(Equal("shop: 3 more clean recoverability trials (+1 more)"))
	g.Expect(d.Workloads[2].Name).To(Equal("cart"), "what is open comes last")
	g.Expect(d.Promotable.Status).To(Equal(metav1.ConditionFalse))
	g.Expect(d.Promotable.Reason).To(Equal(v1alpha1.ReasonEvidenceMissing))

	d = Decide(input(report("till", noData)))
	g.Expect(d.WaitingFor).To(Equal("till: 6 clean recoverability trials"))

	d = Decide(input(report("shop"), report("till", state(v1alpha1.ReportFailing))))
	g.Expect(d.State).To(Equal(v1alpha1.GateBlocked))
	g.Expect(d.Promotable.Reason).To(Equal(v1alpha1.ReasonBlocked))
	g.Expect(d.WaitingFor).To(HavePrefix("till: it is failing in staging"))
	g.Expect(d.Score).To(Equal("71%/80%"))

	d = Decide(input(report("shop", state(v1alpha1.ReportProven), allAt(90))))
	g.Expect(d.WaitingFor).To(BeEmpty())
	g.Expect(d.Promotable).To(Equal(Condition{metav1.ConditionTrue, v1alpha1.ReasonAllOpen, "1 workload is proven"}))
}

func TestRecordIsBoundedAndCountsAll(t *testing.T) {
	g := NewWithT(t)
	var reports []v1alpha1.ReadinessReport
	for i := range 250 {
		reports = append(reports, report(fmt.Sprintf("w%03d", i), state(v1alpha1.ReportProven)))
	}
	reports = append(reports, report("zzz"))
	var status v1alpha1.PromotionGateStatus
	d := Decide(input(reports...))
	d.Record(&status, 3, now)
	g.Expect(status.Total).To(Equal(int32(251)))
	g.Expect(status.Open).To(Equal("250/251"))
	g.Expect(status.Workloads).To(HaveLen(100))
	g.Expect(status.Workloads[0].Name).To(Equal("zzz"), "what is not open is listed first")
	g.Expect(status.ObservedGeneration).To(Equal(int64(3)))
	g.Expect(meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
	g.Expect(meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionPromotable)).To(BeTrue())

	again := *status.DeepCopy()
	Decide(input(reports...)).Record(&again, 3, now.Add(time.Hour))
	g.Expect(again).To(Equal(status), "the same decision writes nothing")
}

func TestSuspensionFreezesADecision(t *testing.T) {
	g := NewWithT(t)
	in := input(report("shop", state(v1alpha1.ReportProven)))
	Decide(in).Record(&in.Gate.Status, 3, now)
	in.Policy.Suspend = v1alpha1.SuspendAll
	in.Source.Reports = []v1alpha1.ReadinessReport{report("shop", state(v1alpha1.ReportFailing))}
	d := Decide(in)
	g.Expect(d.Frozen).To(BeTrue())
	status := *in.Gate.Status.DeepCopy()
	d.Record(&status, 4, now)
	g.Expect(status.State).To(Equal(v1alpha1.GateOpen))
	g.Expect(status.Workloads).To(Equal(in.Gate.Status.Workloads))
	g.Expect(meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionPromotable)).To(BeTrue())
	g.Expect(meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonSuspended))
}

func TestAGateOnlyTightens(t *testing.T) {
	policy := *production()
	for _, c := range []struct {
		name  string
		asked *v1alpha1.ReadinessTargets
		want  v1alpha1.ReadinessTargets
	}{
		{"a gate that asks for nothing has the policy's targets", nil, v1alpha1.ReadinessTargets{Target: 80, Confidence: 90, Qualities: qualities}},
		{"lower figures and fewer qualities have no effect", &v1alpha1.ReadinessTargets{Target: 50, Confidence: 50, Qualities: qualities[:1]}, v1alpha1.ReadinessTargets{Target: 80, Confidence: 90, Qualities: qualities}},
		{"higher figures count, each by itself", &v1alpha1.ReadinessTargets{Target: 95}, v1alpha1.ReadinessTargets{Target: 95, Confidence: 90, Qualities: qualities}},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(Targets(policy, v1alpha1.PromotionGateSpec{Readiness: c.asked})).To(Equal(c.want))
		})
	}
	g := NewWithT(t)
	g.Expect(Strictest(
		v1alpha1.ReadinessTargets{Target: 80, Confidence: 95, Qualities: []v1alpha1.Quality{v1alpha1.SafeFailure}},
		v1alpha1.ReadinessTargets{Target: 90, Confidence: 90, Qualities: []v1alpha1.Quality{v1alpha1.Predictability}},
	)).To(Equal(v1alpha1.ReadinessTargets{Target: 90, Confidence: 95, Qualities: []v1alpha1.Quality{v1alpha1.Predictability, v1alpha1.SafeFailure}}))
}

func TestABarePodOrJobIsNotWaitedFor(t *testing.T) {
	for _, kind := range []v1alpha1.WorkloadKind{v1alpha1.KindPod, v1alpha1.KindJob} {
		t.Run(string(kind), func(t *testing.T) {
			g := NewWithT(t)
			debugging := v1alpha1.ReadinessReport{Status: v1alpha1.ReadinessReportStatus{
				Workload: v1alpha1.ReportedWorkload{Kind: kind, Name: "debug"}, State: v1alpha1.ReportCollecting,
			}}
			policy := v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production}.Effective()
			decision := Decide(Input{
				Gate:   v1alpha1.PromotionGate{},
				Policy: &policy,
				Source: Source{Exists: true, Environment: "staging", Reports: []v1alpha1.ReadinessReport{debugging}},
			})
			g.Expect(decision.Workloads).To(BeEmpty())
			g.Expect(decision.Promotable.Status).NotTo(Equal(metav1.ConditionTrue), "and it opens nothing")
		})
	}
}

func TestAGateAsksForTrialsOfThisVeryRevision(t *testing.T) {
	g := NewWithT(t)
	in := input(report("shop"))
	in.Gate.Spec.Readiness = &v1alpha1.ReadinessTargets{Target: 85}
	last := score100(v1alpha1.SafeFailure, 86, 4, 1) // four tests, and what was carried: see readiness.Judge
	last.Target = ptr.To[int32](85)
	in.Judge = func(v1alpha1.ReadinessReport, v1alpha1.ReadinessTargets) []v1alpha1.QualityScore {
		return []v1alpha1.QualityScore{score100(v1alpha1.Predictability, 86, 9, 0), score100(v1alpha1.Recoverability, 86, 9, 0), last}
	}
	d := Decide(in)
	g.Expect(d.State).To(Equal(v1alpha1.GatePending))
	g.Expect(d.WaitingFor).To(Equal("shop: 1 more clean safe failure trial"))

	last.Needed = 0
	g.Expect(Decide(in).State).To(Equal(v1alpha1.GateOpen))
}

func TestAGateMayAskForNaturalTrials(t *testing.T) {
	g := NewWithT(t)
	in := input(report("shop", allAt(95), func(s *v1alpha1.ReadinessReportStatus) { s.Qualities[2].NaturalNeeded = 2 }))
	in.Gate.Spec.Readiness = &v1alpha1.ReadinessTargets{NaturalTrials: 3}
	d := Decide(in)
	g.Expect(d.State).To(Equal(v1alpha1.GatePending))

	in.Judge = func(r v1alpha1.ReadinessReport, asked v1alpha1.ReadinessTargets) []v1alpha1.QualityScore {
		g.Expect(asked.NaturalTrials).To(BeEquivalentTo(3))
		return r.Status.Qualities
	}
	d = Decide(in)
	g.Expect(d.State).To(Equal(v1alpha1.GatePending))
	g.Expect(d.WaitingFor).To(Equal("shop: 2 more clean safe failure trials without a drill"))

	in.Source.Reports[0].Status.Qualities[2].NaturalNeeded = 0
	g.Expect(Decide(in).State).To(Equal(v1alpha1.GateOpen))

	asked := Targets(*in.Policy, in.Gate.Spec)
	in.Source.Reports[0] = report("shop", provenAs("r1", asked), allAt(50))
	g.Expect(Decide(in).State).To(Equal(v1alpha1.GateOpen), "it was proven for as many")
	asked.NaturalTrials = 2
	in.Source.Reports[0] = report("shop", provenAs("r1", asked), allAt(50))
	g.Expect(Decide(in).State).To(Equal(v1alpha1.GatePending), "it was proven for fewer")
}

func TestAGateThatWaitsForeverSaysSo(t *testing.T) {
	g := NewWithT(t)
	barred := func(s *v1alpha1.ReadinessReportStatus) { s.DrillsBarred = "drills are Off here" }
	d := Decide(input(report("shop", barred)))
	g.Expect(d.WaitingFor).To(Equal("shop: 3 more clean recoverability trials; no drill brings them: drills are Off here"))
	g.Expect(d.Workloads[0].Message).To(HaveSuffix("; no drill brings them: drills are Off here"))
	g.Expect(Decide(input(report("shop", barred, state(v1alpha1.ReportProven)))).WaitingFor).To(BeEmpty())
}
