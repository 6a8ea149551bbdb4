// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
)

// decisions are settled ones, an hour apart from noon on: + is right, - is wrong, ? says
// nothing, o is open.
func decisions(story string) []v1alpha1.ActTrial {
	outcomes := map[rune]v1alpha1.ActTrialOutcome{'+': v1alpha1.ActAgreed, '-': v1alpha1.ActDisagreed, '?': v1alpha1.ActCensored, 'o': v1alpha1.ActOpen}
	var all []v1alpha1.ActTrial
	for i, c := range story {
		trial := settledAs(reported(v1alpha1.ActionRollback, fmt.Sprint(i), time.Duration(i+1)*time.Hour), outcomes[c])
		trial.Message = fmt.Sprint("because of ", i)
		all = append(all, trial)
	}
	return all
}

func input(story string, edits ...func(*Input)) Input {
	in := Input{
		Act:         Act{v1alpha1.ActionRollback, v1alpha1.ActReport},
		Joined:      environment.Joined{Environment: "production", Since: noon, Busy: true},
		Trials:      decisions(story),
		Progression: v1alpha1.Progression{Mode: v1alpha1.ProgressionAutomatic, Target: 80, Confidence: 90},
		Now:         noon.Add(1000 * time.Hour),
	}
	for _, edit := range edits {
		edit(&in)
	}
	return in
}

func from(level v1alpha1.ActLevel, origin Origin) func(*Input) {
	return func(in *Input) {
		in.Previous = &Standing{Kind: v1alpha1.ActionRollback, Level: level, Since: noon, Origin: origin}
	}
}

func TestLevel(t *testing.T) {
	told := func(in *Input) { in.Act.StartLevel = v1alpha1.ActAct }
	empty := func(in *Input) { in.Joined.Busy = false }
	hold := func(in *Input) { in.Progression.Mode = v1alpha1.ProgressionHold }
	suspended := func(in *Input) { in.Suspend = v1alpha1.SuspendAll }
	elsewhere := func(in *Input) {
		for i := range in.Trials {
			in.Trials[i].Kind = v1alpha1.ActionCorrectDrift
		}
	}
	together := func(in *Input) {
		for i := range in.Trials {
			in.Trials[i].Decided = metav1.NewTime(noon.Add(time.Hour + time.Duration(i)*time.Second))
		}
	}
	early := func(in *Input) {
		for i := range in.Trials {
			in.Trials[i].Decided = metav1.NewTime(noon)
		}
	}
	for _, test := range []struct {
		name    string
		in      Input
		want    v1alpha1.ActLevel
		changes bool
		says    string
	}{
		{"a busy namespace begins at Report", input(""), v1alpha1.ActReport, false, "nothing has shown yet whether a reported rollback is right; 6 more raise it"},
		{"an empty one begins at Act", input("", empty), v1alpha1.ActAct, false, "the namespace was empty when its policy came"},
		{"so does a busy one when the policy says so", input("", told), v1alpha1.ActAct, false, "rollout.startLevel is Act"},
		{"some that were right do not suffice", input("+++++"), v1alpha1.ActReport, false, "5 of 5 reported rollbacks were right; 1 more raises it"},
		{"enough that were right raise it", input("++++++", from(v1alpha1.ActReport, Busy)), v1alpha1.ActAct, true, "earned by what it reported"},
		{"what says nothing does not raise it", input("+++++???ooo"), v1alpha1.ActReport, false, "5 of 5"},
		{"nothing but what says nothing raises nothing", input("??????????"), v1alpha1.ActReport, false, "nothing has shown yet"},
		{"one that was wrong takes nine more", input("++++++++-", from(v1alpha1.ActReport, Busy)), v1alpha1.ActReport, false, "8 of 9 reported rollbacks were right; 6 more raise it"},
		{"many of one cause count as less than two", input("++++++++++++++++++++", together), v1alpha1.ActReport, false, "20 of 20"},
		{"decisions of another kind do not count", input("++++++", elsewhere), v1alpha1.ActReport, false, "nothing has shown yet"},
		{"decisions from before do not count", input("++++++", early), v1alpha1.ActReport, false, "nothing has shown yet"},
		{"Hold keeps it", input("++++++", hold), v1alpha1.ActReport, false, "progression.mode Hold keeps it at Report"},
		{"suspend keeps it", input("++++++", from(v1alpha1.ActReport, Busy), suspended), v1alpha1.ActReport, false, "suspended"},
		{"a kept level that was lost is earned at once from what is known", input("++++++"), v1alpha1.ActAct, true, "earned"},
		{"one that was wrong does not lower it", input("+++-", from(v1alpha1.ActAct, Busy)), v1alpha1.ActAct, false, "3 of 4 rollbacks were right; earned by what it reported"},
		{"two of separate causes do", input("+-+-", from(v1alpha1.ActAct, Busy)), v1alpha1.ActReport, true, "nothing has shown yet whether a reported rollback is right; 6 more raise it"},
		{"two of one cause do not", input("--", from(v1alpha1.ActAct, Busy), together), v1alpha1.ActAct, false, "0 of 2"},
		{"they lower an empty namespace too", input("--", empty, from(v1alpha1.ActAct, Empty)), v1alpha1.ActReport, true, "6 more raise it"},
		{"and one that was told to act", input("--", told, from(v1alpha1.ActAct, Told)), v1alpha1.ActReport, true, "6 more raise it"},
		{"suspend keeps it at Act", input("--", from(v1alpha1.ActAct, Busy), suspended), v1alpha1.ActAct, false, "suspended"},
		{"Hold stops only the way up", input("--", from(v1alpha1.ActAct, Busy), hold), v1alpha1.ActReport, true, "Hold"},
		{"without decisions it stays where it is", input("", from(v1alpha1.ActAct, Busy)), v1alpha1.ActAct, false, "earned"},
		{"startLevel Act is the short cut", input("", told, from(v1alpha1.ActReport, Busy)), v1alpha1.ActAct, true, "rollout.startLevel is Act"},
		{"startLevel Report begins anew", input("++++++", from(v1alpha1.ActAct, Told)), v1alpha1.ActReport, true, "6 more raise it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			out := Step(test.in)
			g.Expect(out.Level).To(Equal(test.want))
			if test.changes {
				g.Expect(out.Change).NotTo(BeEmpty())
			} else {
				g.Expect(out.Change).To(BeEmpty())
			}
			g.Expect(out.Says).To(ContainSubstring(test.says))
			if out.Level == v1alpha1.ActAct {
				g.Expect(out.Needed).To(BeZero())
			}

			again := test.in
			again.Previous = &out.Standing
			settled := Step(again)
			g.Expect(settled.Standing).To(Equal(out.Standing), "asked again it changes nothing")
			g.Expect(settled.Change).To(BeEmpty())
			g.Expect(Parse(map[string]string{v1alpha1.AnnotationActs: Annotation([]Standing{out.Standing})})).To(Equal([]Standing{out.Standing}))
		})
	}
}

func TestWhatIsEarnedAndLostIsEarnedAnewByLaterDecisionsOnly(t *testing.T) {
	g := NewWithT(t)
	lost := Step(input("++++++++++++++++++++++++++++++--", from(v1alpha1.ActAct, Busy)))
	g.Expect(lost.Level).To(Equal(v1alpha1.ActReport))
	g.Expect(lost.Lowered).To(BeTrue())
	g.Expect(lost.Change).To(Equal("30 of 32 rollbacks were right; the last: because of 31"))
	g.Expect(lost.AtReport()).To(Equal("rollbacks are back at Report in this namespace"))

	next := input("++++++")
	for i := range next.Trials {
		next.Trials[i].Decided = metav1.NewTime(lost.Since.Add(time.Duration(i+1) * time.Hour))
	}
	next.Previous, next.Now = &lost.Standing, lost.Since.Add(100*time.Hour)
	won := Step(next)
	g.Expect(won.Level).To(Equal(v1alpha1.ActAct))
	g.Expect(won.Change).To(Equal("6 of 6 reported rollbacks were right, 80% of 80%"))
	g.Expect(won.Earned()).To(Equal(won.Since))
}

func TestInOrderOrNotTheDecisionsComeToTheSame(t *testing.T) {
	g := NewWithT(t)
	trials := decisions("+-?+o+-")
	want := Count(trials, v1alpha1.ActionRollback, time.Time{})
	for i := range trials {
		turned := append(append([]v1alpha1.ActTrial{}, trials[i:]...), trials[:i]...)
		g.Expect(Count(turned, v1alpha1.ActionRollback, time.Time{})).To(Equal(want))
	}
	g.Expect(want.Agreed).To(Equal(3))
	g.Expect(want.FailedEpisodes).To(Equal(2))
}

func TestWhatTheNamespaceSaysHolds(t *testing.T) {
	kept := Annotation([]Standing{{Kind: v1alpha1.ActionRollback, Level: v1alpha1.ActAct, Since: noon.Add(time.Hour), Origin: Busy, Says: "earned"}})
	busy, empty := "production 2026-05-04T12:00:00Z busy", "production 2026-05-04T12:00:00Z empty"
	for _, test := range []struct {
		name         string
		joined, acts string
		start        v1alpha1.ActLevel
		want         v1alpha1.ActLevel
		earned       bool
	}{
		{"a namespace that has not joined is reported on", "", kept, v1alpha1.ActAct, v1alpha1.ActReport, false},
		{"so is one that joined another environment", "staging 2026-05-04T12:00:00Z empty", kept, v1alpha1.ActAct, v1alpha1.ActReport, false},
		{"a busy one begins at Report", busy, "", v1alpha1.ActReport, v1alpha1.ActReport, false},
		{"an empty one begins at Act", empty, "", v1alpha1.ActReport, v1alpha1.ActAct, false},
		{"the policy's word holds at once", busy, Annotation([]Standing{{Kind: v1alpha1.ActionRollback, Level: v1alpha1.ActReport, Since: noon, Origin: Busy}}), v1alpha1.ActAct, v1alpha1.ActAct, false},
		{"what was earned holds", busy, kept, v1alpha1.ActReport, v1alpha1.ActAct, true},
		{"a damaged line is none", busy, "Rollback Act yesterday busy: earned", v1alpha1.ActReport, v1alpha1.ActReport, false},
		{"nor is a level that does not exist", busy, "Rollback Always 2026-05-04T12:00:00Z busy: earned", v1alpha1.ActReport, v1alpha1.ActReport, false},
		{"nor a line without a sentence", busy, "Rollback Act 2026-05-04T12:00:00Z busy", v1alpha1.ActReport, v1alpha1.ActReport, false},
		{"nor one with two words too many", busy, "Rollback Act 2026-05-04T12:00:00Z busy very lowered: earned", v1alpha1.ActReport, v1alpha1.ActReport, false},
		{"nor one with a word too many", busy, "Rollback Act 2026-05-04T12:00:00Z busy raised: earned", v1alpha1.ActReport, v1alpha1.ActReport, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
				v1alpha1.AnnotationJoined: test.joined, v1alpha1.AnnotationActs: test.acts,
			}}}
			standing := In(namespace, "production", Act{v1alpha1.ActionRollback, test.start})
			g.Expect(standing.Level).To(Equal(test.want))
			g.Expect(!standing.Earned().IsZero()).To(Equal(test.earned))
		})
	}
}

func TestTheSummaryNamesWhatIsNext(t *testing.T) {
	g := NewWithT(t)
	act := Act{v1alpha1.ActionRollback, v1alpha1.ActReport}
	progression := v1alpha1.Progression{Target: 80, Confidence: 90}
	place := func(name string, level v1alpha1.ActLevel, story, says string) Place {
		return PlaceOf(name, Standing{Kind: v1alpha1.ActionRollback, Level: level, Since: noon, Origin: Busy, Says: says}, decisions(story), progression)
	}
	state := Summary(act, []Place{
		place("cart", v1alpha1.ActReport, "+", "1 of 1 reported rollback was right; 5 more raise it"),
		place("checkout", v1alpha1.ActReport, "+++", "3 of 3 reported rollbacks were right; 3 more raise it"),
		place("shop", v1alpha1.ActAct, "++-", "earned by what it reported"),
		place("wiki", v1alpha1.ActReport, "", ""),
	})
	g.Expect(state).To(Equal(v1alpha1.ActState{
		Kind: v1alpha1.ActionRollback, Acting: 1, Reporting: 3, Agreed: 6, Disagreed: 1,
		Message: "rollbacks: carried out in 1 of 4 namespaces; next is checkout: 3 of 3 reported rollbacks were right; 3 more raise it",
		Waiting: []string{
			"checkout: 3 of 3 reported rollbacks were right; 3 more raise it", "cart: 1 of 1 reported rollback was right; 5 more raise it", "wiki: not looked at yet",
		},
	}))
	var many []Place
	for i := range 40 {
		many = append(many, place(fmt.Sprintf("team-%02d", i), v1alpha1.ActReport, "", "x"))
	}
	g.Expect(Summary(act, many).Waiting).To(HaveLen(maxWaiting))
	g.Expect(Summary(act, many).Reporting).To(BeEquivalentTo(40), "what is counted is never cut")
}

func TestOnlyWhatThePolicyAsksForHasALevel(t *testing.T) {
	g := NewWithT(t)
	spec := v1alpha1.EnvironmentPolicySpec{Stage: v1alpha1.Production}
	g.Expect(Of(spec.Effective())).To(BeEmpty())
	spec.Drift = &v1alpha1.DriftPolicy{Mode: v1alpha1.DriftCorrect}
	spec.Rollout = &v1alpha1.RolloutPolicy{OnFailure: v1alpha1.OnFailureRollback, StartLevel: v1alpha1.ActAct}
	g.Expect(Of(spec.Effective())).To(Equal([]Act{
		{v1alpha1.ActionCorrectDrift, v1alpha1.ActReport}, {v1alpha1.ActionRollback, v1alpha1.ActAct},
	}))
	for _, act := range Of(spec.Effective()) {
		g.Expect(inWords).To(HaveKey(act.Kind), "every act has words")
	}
}
