// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// reported is a report of a workload at its newest outcome, judged by image-pinned.
func reported(verdict v1alpha1.GuardrailVerdict, outcomes ...v1alpha1.RevisionOutcome) v1alpha1.ReadinessReport {
	verdict.Name = "image-pinned"
	r := v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}
	r.Status.Workload = v1alpha1.ReportedWorkload{Kind: v1alpha1.KindDeployment, Name: "shop"}
	r.Status.Guardrails = []v1alpha1.GuardrailVerdict{{Name: "replicas", Total: 3}, verdict}
	r.Status.Outcomes = outcomes
	if len(outcomes) > 0 {
		r.Status.Revision.Number = outcomes[0].Number
	}
	return r
}

func outcome(number int64, newFindings ...string) v1alpha1.RevisionOutcome {
	return v1alpha1.RevisionOutcome{
		Number: number, Hash: string(rune('a' + number)), Writer: "ci",
		Time: metav1.NewTime(now.Add(-100 * time.Minute)), NewFindings: newFindings,
	}
}

func TestTrialsOfAGuardrail(t *testing.T) {
	for _, c := range []struct {
		name   string
		report v1alpha1.ReadinessReport
		want   []bool // failed, in the order of the outcomes
	}{
		{"each revision is one trial, failed by its new findings", reported(v1alpha1.GuardrailVerdict{}, outcome(3), outcome(2, "image-pinned", ""), outcome(1, "replicas")), []bool{false, true, false}},
		{"revisions before the rule are none", reported(v1alpha1.GuardrailVerdict{FirstRevision: 3}, outcome(3), outcome(2), outcome(1)), []bool{false}},
		{"a violation that was there before the rule says nothing", reported(v1alpha1.GuardrailVerdict{FirstRevision: 3, Total: 1}, outcome(3), outcome(2)), nil},
		{"a new revision of an old violator that brings nothing new is a success", reported(v1alpha1.GuardrailVerdict{FirstRevision: 2, Total: 1}, outcome(3), outcome(1)), []bool{false}},
		{"a revision that could not be judged is none", reported(v1alpha1.GuardrailVerdict{Error: "no such key"}, outcome(2), outcome(1)), []bool{false}},
		{"a workload that the rule does not judge brings none", func() v1alpha1.ReadinessReport {
			r := reported(v1alpha1.GuardrailVerdict{}, outcome(1))
			r.Status.Guardrails = r.Status.Guardrails[:1]
			return r
		}(), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []bool
			for _, trial := range Gather([]v1alpha1.ReadinessReport{c.report}, "image-pinned", "").Trials {
				got = append(got, trial.Failed)
			}
			NewWithT(t).Expect(got).To(Equal(c.want))
		})
	}
}

func TestRecordOfAnEnvironment(t *testing.T) {
	g := NewWithT(t)
	violating := reported(v1alpha1.GuardrailVerdict{Total: 2}, outcome(2))
	broken := reported(v1alpha1.GuardrailVerdict{Error: "no such key"}, outcome(1))
	broken.Namespace = "cart"
	gone := reported(v1alpha1.GuardrailVerdict{Total: 1}, outcome(2, "image-pinned", ""))
	gone.Namespace, gone.Status.State = "gone", v1alpha1.ReportGone
	record := Gather([]v1alpha1.ReadinessReport{violating, broken, gone, violating}, "image-pinned", "")
	g.Expect(record.Violating).To(Equal(2))
	g.Expect(record.Failing).To(Equal([]string{"cart/Deployment shop"}))
	g.Expect(record.Namespaces).To(Equal([]string{"cart", "shop"}), "a workload that is gone needs no change")
	g.Expect(failures(record.Trials)).To(Equal(1), "but what it brought counts")
}

func TestARefusalOfWhatWasProvenHereIsTheGuardrailsFault(t *testing.T) {
	g := NewWithT(t)
	back := outcome(2, "image-pinned", "")
	r := reported(v1alpha1.GuardrailVerdict{Total: 1}, back)
	proven := v1alpha1.ProvenRevision{Hash: back.Hash, Time: metav1.NewTime(back.Time.Add(-time.Minute))}
	r.Status.Proven = []v1alpha1.ProvenRevision{proven}
	g.Expect(Gather([]v1alpha1.ReadinessReport{r}, "image-pinned", "").Trials[0].Regressed).To(BeTrue())

	r.Status.Proven[0].Time = metav1.NewTime(back.Time.Add(time.Minute))
	g.Expect(Gather([]v1alpha1.ReadinessReport{r}, "image-pinned", "").Trials[0].Regressed).To(BeFalse(), "proven only after it came")
}

func TestArrivals(t *testing.T) {
	g := NewWithT(t)
	proven, unproven, neither := outcome(3), outcome(2), outcome(1)
	proven.Arrival, unproven.Arrival = v1alpha1.ArrivalProven, v1alpha1.ArrivalUnproven
	trials := GatherArrivals([]v1alpha1.ReadinessReport{reported(v1alpha1.GuardrailVerdict{}, proven, unproven, neither)})
	g.Expect(trials).To(HaveLen(2), "what came without a ledger is no trial")
	g.Expect([]bool{trials[0].Failed, trials[1].Failed}).To(Equal([]bool{false, true}))
}

func TestStands(t *testing.T) {
	policy := v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production, Guardrails: []v1alpha1.GuardrailEntry{
		{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"category": "images"}}, StartLevel: v1alpha1.Warn},
		{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"category": "images"}}},
		{Name: "image-pinned", StartLevel: v1alpha1.Enforce},
	}}.Effective()
	guardrail := func(name, category string) metav1.Object {
		return &metav1.ObjectMeta{Name: name, Labels: map[string]string{"category": category}}
	}
	for _, c := range []struct {
		name      string
		guardrail metav1.Object
		want      Bounds
		stands    bool
	}{
		{"an entry by name wins over earlier ones by label", guardrail("image-pinned", "images"), Bounds{v1alpha1.Enforce, v1alpha1.Enforce}, true},
		{"the first entry by label wins over later ones", guardrail("image-digest", "images"), Bounds{v1alpha1.Warn, v1alpha1.Enforce}, true},
		{"what no entry selects does not stand", guardrail("replicas", "availability"), Bounds{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			bounds, stands := Stands(policy, c.guardrail)
			g.Expect(stands).To(Equal(c.stands))
			g.Expect(bounds).To(Equal(c.want))
		})
	}
}
