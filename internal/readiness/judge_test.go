// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// shown is the evidence of separate trials, a second apart from noon on.
func shown(parts ...[]v1alpha1.Trial) v1alpha1.Evidence {
	var e v1alpha1.Evidence
	for _, part := range parts {
		for _, t := range part {
			t.ID = fmt.Sprintf("t%d", len(e.Trials))
			t.Time = metav1.NewTime(noon.Add(time.Duration(len(e.Trials)) * time.Second))
			e.Trials = append(e.Trials, t)
		}
	}
	return e
}

func good(n int, kind v1alpha1.TrialKind) []v1alpha1.Trial {
	return repeat(n, kind, v1alpha1.TrialSuccess)
}
func bad(n int, kind v1alpha1.TrialKind) []v1alpha1.Trial {
	return repeat(n, kind, v1alpha1.TrialFailure)
}

func repeat(n int, kind v1alpha1.TrialKind, outcome v1alpha1.TrialOutcome) []v1alpha1.Trial {
	all := make([]v1alpha1.Trial, n)
	for i := range all {
		all[i] = v1alpha1.Trial{Kind: kind, Outcome: outcome}
	}
	return all
}

func allGood(n int) v1alpha1.Evidence {
	return shown(good(n, v1alpha1.TrialStart), good(n, v1alpha1.TrialReplacement), good(n, v1alpha1.TrialTermination))
}

func service() Subject {
	return Subject{
		Serving: true,
		Workload: workload.Workload{Kind: v1alpha1.KindDeployment, Replicas: 3, Template: corev1.PodTemplateSpec{
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", ReadinessProbe: &corev1.Probe{}}}},
		}},
	}
}

func of(kind v1alpha1.WorkloadKind) Subject {
	s := service()
	s.Workload.Kind = kind
	return s
}

var production = (*v1alpha1.ReadinessTargets)(nil).Effective(v1alpha1.Production)

func TestJudge(t *testing.T) {
	failing := service()
	failing.Failing = "pod shop-1 is in CrashLoopBackOff"
	proven := service()
	proven.ProvenSince = noon.Add(-time.Second)
	provenAndFailing := proven
	provenAndFailing.Failing = failing.Failing
	provenLater := service()
	provenLater.ProvenSince = noon.Add(time.Hour)
	probeless := service()
	probeless.Workload.Template.Spec.Containers = []corev1.Container{{Name: "app"}}
	onlyPredictability := v1alpha1.ReadinessTargets{Target: 80, Confidence: 90, Qualities: []v1alpha1.Quality{v1alpha1.Predictability}}
	onlyRecoverability := v1alpha1.ReadinessTargets{Target: 80, Confidence: 90, Qualities: []v1alpha1.Quality{v1alpha1.Recoverability}}
	start, replacement, termination, run := v1alpha1.TrialStart, v1alpha1.TrialReplacement, v1alpha1.TrialTermination, v1alpha1.TrialRun

	for name, c := range map[string]struct {
		evidence v1alpha1.Evidence
		subject  Subject
		targets  v1alpha1.ReadinessTargets
		state    v1alpha1.ReportState
		message  string // a part of it
	}{
		"no data is never success": {
			v1alpha1.Evidence{}, service(), production, v1alpha1.ReportCollecting, "unknown, target 90%: 13 clean trials needed",
		},
		"every quality has reached its target": {
			allGood(13), service(), production, v1alpha1.ReportProven, "proven: predictability 90%, recoverability 90%, safe failure 90%",
		},
		"one trial is missing everywhere": {
			allGood(12), service(), production, v1alpha1.ReportCollecting, "predictability 89% of 90%: 1 more clean trial needed (12 of 12 so far)",
		},
		"the lowest quality decides and comes first": {
			shown(good(50, start), good(50, replacement), good(3, termination)), service(), production,
			v1alpha1.ReportCollecting, "safe failure 66% of 90%: 10 more clean trials needed (3 of 3 so far)",
		},
		"one unknown quality keeps it from being proven": {
			shown(good(50, start), good(50, replacement)), service(), production, v1alpha1.ReportCollecting, "safe failure unknown",
		},
		"qualities that are not asked for do not count": {
			shown(good(6, start), bad(3, replacement)), service(), onlyPredictability, v1alpha1.ReportProven, "proven: predictability 80%",
		},
		"a job is asked for what applies to it": {
			shown(good(6, run)), of(v1alpha1.KindCronJob), production, v1alpha1.ReportProven, "proven: predictability 80%",
		},
		"six clean runs prove at 90% of predictability alone, too": {
			shown(good(6, run)), of(v1alpha1.KindCronJob),
			v1alpha1.ReadinessTargets{Target: 90, Confidence: 90, Qualities: []v1alpha1.Quality{v1alpha1.Predictability}},
			v1alpha1.ReportProven, "proven: predictability 80%",
		},
		"five runs are too few": {
			shown(good(5, run)), of(v1alpha1.KindCronJob), production, v1alpha1.ReportCollecting, "1 more clean trial needed",
		},
		"a job without a trial is not proven by what does not apply": {
			v1alpha1.Evidence{}, of(v1alpha1.KindJob), onlyRecoverability, v1alpha1.ReportCollecting, "predictability unknown",
		},
		"a bare pod need not recover": {
			shown(good(13, start), good(13, termination)), of(v1alpha1.KindPod), production, v1alpha1.ReportProven, "proven",
		},
		"one failure needs more trials": {
			shown(good(13, start), good(13, replacement), good(13, termination), bad(1, start)), service(), production,
			v1alpha1.ReportCollecting, "predictability 79% of 90%: 16 more clean trials needed (13 of 14 so far)",
		},
		"two separate failures speak against it": {
			shown(good(13, start), good(13, replacement), good(13, termination), bad(1, start), bad(1, termination)), service(), production,
			v1alpha1.ReportFailing, "trials of separate causes failed",
		},
		"what fails now is not proven": {
			allGood(50), failing, production, v1alpha1.ReportFailing, "failing now: pod shop-1 is in CrashLoopBackOff",
		},
		"one failure does not take back what was proven": {
			shown(good(13, start), good(13, replacement), good(13, termination), bad(1, start)), proven, production,
			v1alpha1.ReportProven, "stays so",
		},
		"two separate failures do": {
			shown(good(13, start), good(13, replacement), good(13, termination), bad(1, start), bad(1, termination)), proven, production,
			v1alpha1.ReportFailing, "trials of separate causes failed",
		},
		"failures before it was proven do not": {
			shown(good(13, start), good(13, replacement), good(13, termination), bad(1, start), bad(1, termination)), provenLater, production,
			v1alpha1.ReportProven, "stays so",
		},
		"failing now does": {
			allGood(13), provenAndFailing, production, v1alpha1.ReportFailing, "failing now",
		},
		"a service without a probe is told what to do": {
			v1alpha1.Evidence{}, probeless, production, v1alpha1.ReportCollecting, "add a readiness probe",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := Judge(c.evidence, c.subject, c.targets)
			g.Expect(r.State).To(Equal(c.state), r.Message)
			g.Expect(r.Proven).To(Equal(c.state == v1alpha1.ReportProven))
			g.Expect(r.Message).To(ContainSubstring(c.message))
			g.Expect(len(r.Message)).To(BeNumerically("<=", 512))
		})
	}
}

func TestTheLowestQualityLeadsTheMessage(t *testing.T) {
	r := Judge(shown(good(12, v1alpha1.TrialStart), good(3, v1alpha1.TrialTermination), good(12, v1alpha1.TrialReplacement)), service(), production)
	g := NewWithT(t)
	g.Expect(strings.HasPrefix(r.Message, "safe failure 66%")).To(BeTrue(), r.Message)
	g.Expect(r.Score).To(BeEquivalentTo(66))
}

func TestQualitiesAreShown(t *testing.T) {
	g := NewWithT(t)
	job := of(v1alpha1.KindJob)
	r := Judge(shown(good(3, v1alpha1.TrialRun)), job, v1alpha1.ReadinessTargets{Target: 90, Confidence: 90, Qualities: Qualities})
	g.Expect(r.Qualities).To(Equal([]v1alpha1.QualityScore{
		{
			Quality: v1alpha1.Predictability, Applicable: true, Score: ptr.To[int32](66), Target: ptr.To[int32](80), Needed: 3, Clean: 3,
			Text: "66%", Message: "predictability 66% of 80%: 3 more clean trials needed (3 of 3 so far)",
		},
		{Quality: v1alpha1.Recoverability, Text: "n/a", Message: "recoverability does not apply to a Job"},
		{Quality: v1alpha1.SafeFailure, Text: "n/a", Message: "safe failure does not apply to a Job"},
	}))

	r = Judge(shown(good(2, v1alpha1.TrialReplacement)), service(), v1alpha1.ReadinessTargets{Target: 80, Confidence: 90, Qualities: Qualities[:1]})
	g.Expect(r.Qualities[0].Text).To(Equal("no data"))
	g.Expect(r.Qualities[0].Score).To(BeNil())
	g.Expect(r.Qualities[1].Text).To(Equal("55%"))
	g.Expect(r.Qualities[1].Target).To(BeNil())
	g.Expect(r.Qualities[1].Message).To(Equal("recoverability is not asked for (2 of 2 trials clean)"))
	g.Expect(r.Score).To(BeZero(), "an unknown quality has no score")
}

func TestNeedsDrill(t *testing.T) {
	failing := service()
	failing.Failing = "it is"
	start, replacement, termination := v1alpha1.TrialStart, v1alpha1.TrialReplacement, v1alpha1.TrialTermination
	for name, c := range map[string]struct {
		evidence v1alpha1.Evidence
		subject  Subject
		targets  v1alpha1.ReadinessTargets
		want     bool
	}{
		"recoverability is unknown":            {shown(good(13, start), good(13, termination)), service(), production, true},
		"safe failure is short of its target":  {shown(good(13, start), good(13, replacement), good(2, termination)), service(), production, true},
		"only predictability is short of it":   {shown(good(2, start), good(13, replacement), good(13, termination)), service(), production, false},
		"everything is proven":                 {allGood(13), service(), production, false},
		"the revision is failing":              {shown(good(13, start)), failing, production, false},
		"only predictability is asked for":     {v1alpha1.Evidence{}, service(), v1alpha1.ReadinessTargets{Target: 80, Confidence: 90, Qualities: Qualities[:1]}, false},
		"nothing that a drill shows can apply": {v1alpha1.Evidence{}, of(v1alpha1.KindJob), production, false},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(NeedsDrill(Judge(c.evidence, c.subject, c.targets))).To(Equal(c.want))
		})
	}
}

func TestNothingIsProvenByWhatEarlierRevisionsHaveShownAlone(t *testing.T) {
	only := v1alpha1.ReadinessTargets{Target: 60, Confidence: 90, Qualities: []v1alpha1.Quality{v1alpha1.Recoverability}}
	tests := good(4, v1alpha1.TrialTest)
	for i := range tests {
		tests[i].Source, tests[i].Quality = v1alpha1.SourceTest, v1alpha1.Recoverability
	}
	for name, c := range map[string]struct {
		own    []v1alpha1.Trial
		proven bool
	}{
		"it has shown nothing":        {nil, false},
		"only tests have been run":    {tests, false},
		"it has shown something else": {good(3, v1alpha1.TrialStart), false},
		"it has shown one itself":     {good(1, v1alpha1.TrialReplacement), true},
		"a drill has":                 {drilled(good(1, v1alpha1.TrialReplacement)), true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e := shown(c.own)
			e.Carried = []v1alpha1.CarriedEvidence{{Quality: v1alpha1.Recoverability, SuccessesMilli: 5000}}
			r := Judge(e, service(), only)
			g.Expect(r.Proven).To(Equal(c.proven), r.Message)
			if !c.proven {
				g.Expect(r.State).To(Equal(v1alpha1.ReportCollecting))
				g.Expect(r.Message).To(ContainSubstring("recoverability 77% of 60%: reached by what earlier revisions have shown, but 1 clean trial of this one"))
				g.Expect(r.Qualities[1].Needed).To(BeEquivalentTo(1))
				g.Expect(NeedsDrill(r)).To(BeTrue())
			}
		})
	}
}

// TestDrillsAloneProveAHealthyService holds how many drills a service of three replicas
// costs that nothing else ever happens to: the pause between drills times this is how
// long its gate takes to open.
func TestDrillsAloneProveAHealthyService(t *testing.T) {
	rollout := good(4, v1alpha1.TrialStart) // a rollout and its three starts
	for i := range rollout {
		rollout[i].Episode = "rollout"
	}
	drills, parts := 0, [][]v1alpha1.Trial{rollout}
	for ; !Judge(shown(parts...), service(), production).Proven && drills < 100; drills++ {
		for _, kind := range []v1alpha1.TrialKind{v1alpha1.TrialReplacement, v1alpha1.TrialTermination, v1alpha1.TrialStart} {
			drill := good(1, kind)
			drill[0].Source, drill[0].Episode = v1alpha1.SourceDrill, fmt.Sprintf("drill-%d", drills)
			parts = append(parts, drill)
		}
	}
	NewWithT(t).Expect(drills).To(Equal(20))
}
