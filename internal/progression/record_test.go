// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"strings"
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

// gathered is the record of image-pinned.
func gathered(reports ...v1alpha1.ReadinessReport) Record {
	return GatherAll(reports, map[string]Rule{"image-pinned": {}})["image-pinned"]
}

func outcome(number int64, newFindings ...string) v1alpha1.RevisionOutcome {
	return v1alpha1.RevisionOutcome{
		Number: number, Hash: string(rune('a' + number)), Writer: "ci",
		Time: metav1.NewTime(now.Add(-100*time.Minute + time.Duration(number)*time.Second)), NewFindings: newFindings,
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
		{"a revision that went before it could be judged is none", reported(v1alpha1.GuardrailVerdict{}, outcome(2), func() v1alpha1.RevisionOutcome {
			o := outcome(1)
			o.Unjudged = []string{"image-pinned"}
			return o
		}()), []bool{false}},
		{"a workload that the rule does not judge brings none", func() v1alpha1.ReadinessReport {
			r := reported(v1alpha1.GuardrailVerdict{}, outcome(1))
			r.Status.Guardrails = r.Status.Guardrails[:1]
			return r
		}(), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []bool
			for _, trial := range gathered(c.report).Trials {
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
	record := gathered(violating, broken, gone, violating)
	g.Expect(record.Violating).To(Equal(map[string]int{"shop": 2}))
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
	g.Expect(gathered(r).Trials[0].Regressed).To(BeTrue())

	r.Status.Proven[0].Time = metav1.NewTime(back.Time.Add(time.Minute))
	g.Expect(gathered(r).Trials[0].Regressed).To(BeFalse(), "proven only after it came")
}

func TestObjectsThatAreNoWorkloadsBringTrialsToo(t *testing.T) {
	g := NewWithT(t)
	r := reported(v1alpha1.GuardrailVerdict{Total: 1, Findings: []v1alpha1.Finding{{Key: "k", Text: "is a NodePort"}}}, outcome(2, "image-pinned"))
	r.Status.Workload, r.Status.Object = v1alpha1.ReportedWorkload{}, &v1alpha1.ReportedObject{Version: "v1", Kind: "Service", Name: "web"}
	r.Status.State = v1alpha1.ReportJudged
	record := gathered(r)
	g.Expect(record.Trials).To(ConsistOf(And(HaveField("Subject", "Service web"), HaveField("Failed", true))))
	g.Expect(record.Refused).To(Equal([]string{"shop/Service web: is a NodePort"}))
}

func TestWhatIsNotJudgedYetIsCounted(t *testing.T) {
	g := NewWithT(t)
	unjudged := reported(v1alpha1.GuardrailVerdict{}, outcome(1))
	unjudged.Status.Guardrails = nil
	service := unjudged
	service.Status.Workload, service.Status.Object = v1alpha1.ReportedWorkload{}, &v1alpha1.ReportedObject{Version: "v1", Kind: "Service", Name: "web"}
	gone := unjudged
	gone.Status.State = v1alpha1.ReportGone
	count := func(rule Rule) int {
		reports := []v1alpha1.ReadinessReport{unjudged, service, gone}
		return GatherAll(reports, map[string]Rule{"image-pinned": rule})["image-pinned"].Unjudged
	}
	g.Expect(count(Rule{})).To(Equal(1), "the Deployment")
	g.Expect(count(Rule{Kinds: []v1alpha1.WorkloadKind{v1alpha1.KindCronJob}})).To(BeZero())
	g.Expect(count(Rule{Resources: []v1alpha1.ResourceRule{{Version: "v1", Kind: "Service"}}})).To(Equal(1), "the Service")
	g.Expect(count(Rule{Resources: []v1alpha1.ResourceRule{{Version: "v1", Kind: "Service", Group: "other"}}})).To(BeZero())
}

func TestWhatIsExcludedOrJudgedByAnOlderRuleSaysNothing(t *testing.T) {
	g := NewWithT(t)
	excluded := reported(v1alpha1.GuardrailVerdict{Excluded: "a sidecar of the mesh"}, outcome(2))
	excluded.Namespace = "mesh"
	older := reported(v1alpha1.GuardrailVerdict{Rule: "older", Total: 3, Fixed: 1}, outcome(2, "image-pinned"))
	gathered := func() Record {
		rule := Rule{Exclusions: []v1alpha1.Exclusion{{Namespace: "mesh"}}}
		return GatherAll([]v1alpha1.ReadinessReport{excluded, older}, map[string]Rule{"image-pinned": rule})["image-pinned"]
	}
	g.Expect(gathered()).To(Equal(Record{Violating: map[string]int{}, Excluded: 1, Unjudged: 1, Awaited: map[string]bool{"shop": true}}))
	for _, r := range []*v1alpha1.ReadinessReport{&excluded, &older} {
		r.Status.State = v1alpha1.ReportGone
	}
	g.Expect(gathered()).To(Equal(Record{Violating: map[string]int{}}), "nobody waits for what is gone")
}

func TestWhatCannotBeToldApartIsCounted(t *testing.T) {
	g := NewWithT(t)
	many := reported(v1alpha1.GuardrailVerdict{Total: 600, Keys: v1alpha1.UncountableKeys}, outcome(1))
	g.Expect(gathered(many, reported(v1alpha1.GuardrailVerdict{Total: 1, Keys: "abcdef"}, outcome(1))).Uncountable).To(Equal(1))
	in := climbing(at(v1alpha1.Warn, now))
	in.Record = gathered(many)
	g.Expect(Step(in).State.Uncountable).To(BeEquivalentTo(1))
}

func TestWhatWouldBeRefusedIsBounded(t *testing.T) {
	g := NewWithT(t)
	var reports []v1alpha1.ReadinessReport
	for range 15 {
		r := reported(v1alpha1.GuardrailVerdict{Total: 2, Findings: []v1alpha1.Finding{{Key: "k", Text: strings.Repeat("é", 200)}}})
		reports = append(reports, r)
	}
	record := gathered(reports...)
	g.Expect(record.violators()).To(Equal(15), "counts are never cut")
	g.Expect(record.Refused).To(HaveLen(10))
	for _, text := range record.Refused {
		g.Expect(text).To(And(HavePrefix("shop/Deployment shop: é"), HaveSuffix("… (+1 more)")))
		g.Expect(len(text)).To(BeNumerically("<=", maxRefusal))
	}
}

// BenchmarkGatherAll reads 50 guardrails from 1,000 reports of 10 revisions each, and
// moves each of them.
func BenchmarkGatherAll(b *testing.B) {
	rules := map[string]Rule{}
	var verdicts []v1alpha1.GuardrailVerdict
	for i := range 50 {
		name := fmt.Sprint("guardrail-", i)
		rules[name] = Rule{}
		verdicts = append(verdicts, v1alpha1.GuardrailVerdict{Name: name})
	}
	var reports []v1alpha1.ReadinessReport
	var members []Member
	for i := range 1000 {
		r := reported(v1alpha1.GuardrailVerdict{})
		r.Namespace, r.Status.Guardrails = fmt.Sprint("team-", i/10), verdicts
		for n := range int64(10) {
			o := outcome(n)
			o.Time = metav1.NewTime(now.Add(-time.Duration(i*13+int(n)*1009) * time.Minute))
			r.Status.Outcomes = append(r.Status.Outcomes, o)
		}
		reports = append(reports, r)
		if i%10 == 0 {
			members = append(members, there(r.Namespace))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for name, record := range GatherAll(reports, rules) {
			in := climbing(at(v1alpha1.Enforce, now))
			in.Guardrail, in.Record, in.Members = name, record, members
			Step(in)
		}
	}
}

func TestArrivals(t *testing.T) {
	g := NewWithT(t)
	proven, unproven, neither := outcome(3), outcome(2), outcome(1)
	proven.Arrival, unproven.Arrival = v1alpha1.ArrivalProven, v1alpha1.ArrivalUnproven
	trials := GatherArrivals([]v1alpha1.ReadinessReport{reported(v1alpha1.GuardrailVerdict{}, proven, unproven, neither)})
	g.Expect(trials).To(HaveLen(2), "what came without a ledger is no trial")
	g.Expect([]bool{trials[0].Failed, trials[1].Failed}).To(Equal([]bool{false, true}))
}

func TestBringsNothing(t *testing.T) {
	rules := map[string]*v1alpha1.Guardrail{"image-pinned": {ObjectMeta: metav1.ObjectMeta{Name: "image-pinned", Labels: map[string]string{"category": "images"}}}}
	selecting := func(category string) v1alpha1.GuardrailEntry {
		return v1alpha1.GuardrailEntry{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"category": category}}}
	}
	for name, c := range map[string]struct {
		entries []v1alpha1.GuardrailEntry
		why     string
		certain bool
	}{
		"all guardrails":              {nil, "", false},
		"one by name":                 {[]v1alpha1.GuardrailEntry{{Name: "image-pinned"}}, "", false},
		"one by label":                {[]v1alpha1.GuardrailEntry{selecting("images")}, "", false},
		"a name that nobody has":      {[]v1alpha1.GuardrailEntry{selecting("images"), {Name: "image-pined"}}, "names image-pined, which does not exist", true},
		"a label that nobody has":     {[]v1alpha1.GuardrailEntry{{Name: "image-pinned"}, selecting("image")}, "spec.guardrails[1].selector selects no guardrail (category=image)", false},
		"a selector without a reader": {[]v1alpha1.GuardrailEntry{selecting("not a value")}, "spec.guardrails[0].selector selects no guardrail until it is corrected", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			why, certain := BringsNothing(v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production, Guardrails: c.entries}.Effective(), rules)
			g.Expect(why).To(ContainSubstring(c.why))
			if c.why == "" {
				g.Expect(why).To(BeEmpty())
			}
			g.Expect(certain).To(Equal(c.certain))
		})
	}
}

func TestWhatIsHeldStandsAsItStood(t *testing.T) {
	g := NewWithT(t)
	excluding := []v1alpha1.Exclusion{{Namespace: "shop", Kind: "Job", Name: "migrate", Reason: "it is old"}}
	policy := v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production, Guardrails: []v1alpha1.GuardrailEntry{{Name: "image-pined", Exclusions: excluding}}}.Effective()
	state := v1alpha1.GuardrailState{Level: v1alpha1.Enforce, MaxLevel: v1alpha1.Enforce, Parameters: []v1alpha1.ParameterSetting{{Name: "a"}}}

	standing, known := AsItStood(policy, state)
	g.Expect(known).To(BeTrue())
	g.Expect(standing).To(Equal(Standing{Bounds: Bounds{v1alpha1.Observe, v1alpha1.Enforce}, Parameters: state.Parameters}), "it had no exclusions")

	state.Exclusions = digestOf(excluding)
	standing, known = AsItStood(policy, state)
	g.Expect(known).To(BeTrue())
	g.Expect(standing.Exclusions).To(Equal(excluding), "the entry with the typing error has them still")

	policy.Guardrails[0].Exclusions[0].Name = "another"
	_, known = AsItStood(policy, state)
	g.Expect(known).To(BeFalse(), "they are gone, and it would refuse what they left out")

	state.Exclusions, state.Excluded = "", 1
	_, known = AsItStood(policy, state)
	g.Expect(known).To(BeFalse(), "an older version did not write down which they were")
}

func TestStands(t *testing.T) {
	policy := v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production, Guardrails: []v1alpha1.GuardrailEntry{
		{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"category": "images"}}, StartLevel: v1alpha1.Warn},
		{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"category": "images"}}},
		{Name: "image-pinned", StartLevel: v1alpha1.Enforce},
	}}.Effective()
	guardrail := func(name, category string) *v1alpha1.Guardrail {
		return &v1alpha1.Guardrail{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"category": category}}}
	}
	for _, c := range []struct {
		name      string
		guardrail *v1alpha1.Guardrail
		want      Bounds
		stands    bool
	}{
		{"an entry by name wins over earlier ones by label", guardrail("image-pinned", "images"), Bounds{v1alpha1.Enforce, v1alpha1.Enforce}, true},
		{"the first entry by label wins over later ones", guardrail("image-digest", "images"), Bounds{v1alpha1.Warn, v1alpha1.Enforce}, true},
		{"what no entry selects does not stand", guardrail("replicas", "availability"), Bounds{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			standing, stands := Stands(policy, c.guardrail)
			g.Expect(stands).To(Equal(c.stands))
			g.Expect(standing.Bounds).To(Equal(c.want))
		})
	}
}
