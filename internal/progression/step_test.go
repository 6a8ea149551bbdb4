// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func minutesAgo(n int) time.Time { return now.Add(-time.Duration(n) * time.Minute) }

// clean are n independent trials without a finding, the newest at the given time.
func clean(n int, newest time.Time) []Trial {
	var trials []Trial
	for i := range n {
		trials = append(trials, Trial{Revision: &Revision{Namespace: "shop", Subject: "Deployment shop", Writer: "ci", Time: newest.Add(-time.Duration(i) * time.Hour)}})
	}
	return trials
}

func failed(n int, newest time.Time) []Trial {
	trials := clean(n, newest)
	for i := range trials {
		trials[i].Failed = true
	}
	return trials
}

// there is a namespace that joined long ago, when nothing ran in it.
func there(name string) Member {
	return Member{Name: name, Joined: minutesAgo(60 * 24 * 365), Observed: true}
}

func at(level v1alpha1.Level, since time.Time) *v1alpha1.GuardrailState {
	return &v1alpha1.GuardrailState{Name: "image-pinned", Level: level, MaxLevel: v1alpha1.Enforce, Since: metav1.NewTime(since)}
}

// climbing is a guardrail of a production environment that starts at Observe.
func climbing(previous *v1alpha1.GuardrailState, trials ...Trial) Input {
	return Input{
		Guardrail:   "image-pinned",
		Bounds:      Bounds{Start: v1alpha1.Observe, Max: v1alpha1.Enforce},
		Previous:    previous,
		Record:      Record{Trials: trials, Namespaces: []string{"shop"}},
		Members:     []Member{there("shop")},
		Progression: v1alpha1.Progression{Mode: v1alpha1.ProgressionAutomatic, Target: 80, Confidence: 90},
		Suspend:     v1alpha1.SuspendNone,
		Now:         now,
	}
}

// predecessor is a staging environment in which the guardrail has come to a level.
func predecessor(level v1alpha1.Level, trials []Trial) *Predecessor {
	return &Predecessor{
		Name: "staging", Exists: true, Record: Record{Trials: trials},
		State: &v1alpha1.GuardrailState{Level: level, MaxLevel: v1alpha1.Warn},
	}
}

func TestStep(t *testing.T) {
	longAgo := minutesAgo(60 * 24 * 30)
	with := func(in Input, change func(*Input)) Input {
		change(&in)
		return in
	}
	for _, c := range []struct {
		name string
		in   Input
		want v1alpha1.Level
		next string
		why  string
	}{
		{"a new guardrail begins at its startLevel", climbing(nil), v1alpha1.Observe,
			"Warn after 6 clean revisions (none so far)", "new here: startLevel is Observe"},
		{"a startLevel of Enforce is an explicit short cut", with(climbing(nil), func(in *Input) { in.Bounds.Start = v1alpha1.Enforce }),
			v1alpha1.Enforce, "Enforce in all namespaces after a clean revision in shop", "new here: startLevel is Enforce"},
		{"a new guardrail that cannot be evaluated begins one lower", with(climbing(nil), func(in *Input) {
			in.Bounds.Start, in.Record.Failing = v1alpha1.Enforce, []string{"shop/Deployment shop"}
		}), v1alpha1.Warn, "Enforce once it can be evaluated everywhere", "below its startLevel"},
		{"what reads more than admission can stays at Observe", with(climbing(at(v1alpha1.Observe, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.BackgroundOnly = true
		}), v1alpha1.Observe, "stays at Observe: it reads the surroundings of an object, which admission cannot read", ""},
		{"what has come to read more than admission can goes back to Observe", with(climbing(at(v1alpha1.Warn, longAgo)), func(in *Input) {
			in.BackgroundOnly = true
		}), v1alpha1.Observe, "stays at Observe: it reads the surroundings", "maxLevel is Observe"},
		{"nothing rises that is not seen live", with(climbing(at(v1alpha1.Observe, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Unseen = "the probe was not answered"
		}), v1alpha1.Observe, "Warn once native admission is seen to work: the probe was not answered", ""},
		{"what is not seen live steps down all the same", with(climbing(at(v1alpha1.Enforce, longAgo)), func(in *Input) {
			in.Unseen, in.Record.Failing = "the probe was not answered", []string{"shop/Deployment shop"}
		}), v1alpha1.Warn, "", "it cannot be evaluated on shop/Deployment shop"},
		{"without a trial nothing rises", climbing(at(v1alpha1.Observe, longAgo)), v1alpha1.Observe, "Warn after 6 clean revisions (none so far)", ""},
		{"too few trials say how many are missing", climbing(at(v1alpha1.Observe, longAgo), clean(2, minutesAgo(5))...),
			v1alpha1.Observe, "Warn after 4 more clean revisions (2 of 2 so far, 55% of 80%)", ""},
		{"six clean trials earn Warn", climbing(at(v1alpha1.Observe, longAgo), clean(6, minutesAgo(5))...),
			v1alpha1.Warn, "Enforce after 1 more clean revision: none has come since Warn was reached", "6 of 6 so far, 80% of 80%"},
		{"a failure among them does not", climbing(at(v1alpha1.Observe, longAgo), append(clean(6, minutesAgo(5)), failed(1, minutesAgo(400))...)...),
			v1alpha1.Observe, "Warn after 8 more clean revisions (6 of 7 so far", ""},
		{"old evidence alone takes no second step", climbing(at(v1alpha1.Warn, minutesAgo(4)), clean(20, minutesAgo(5))...),
			v1alpha1.Warn, "none has come since Warn was reached", ""},
		{"a trial since Warn earns Enforce, which is announced first", climbing(at(v1alpha1.Warn, minutesAgo(30)), clean(20, minutesAgo(5))...),
			v1alpha1.Warn, "Enforce next: in a first namespace (shop); nothing that is here would be refused if it came anew", ""},
		{"Enforce waits for a change in every namespace", with(climbing(at(v1alpha1.Warn, minutesAgo(30)), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Record.Namespaces, in.Members = []string{"cart", "shop"}, []Member{there("cart"), there("shop")}
		}), v1alpha1.Warn, "Enforce after a new revision in cart: none has come there since Warn was reached", ""},
		{"a trial in the future is no trial since", climbing(at(v1alpha1.Warn, minutesAgo(4)), clean(20, now.Add(time.Hour))[:1]...), v1alpha1.Warn, "", ""},
		{"what cannot be evaluated does not rise", with(climbing(&v1alpha1.GuardrailState{Level: v1alpha1.Observe, Since: metav1.NewTime(longAgo), Failing: 1}, clean(20, minutesAgo(5))...), func(in *Input) {
			in.Record.Failing = []string{"shop/Deployment shop"}
		}), v1alpha1.Observe, "Warn once it can be evaluated everywhere: it cannot be evaluated on shop/Deployment shop", ""},
		{"what begins to fail steps down at once", with(climbing(at(v1alpha1.Enforce, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Record.Failing = []string{"shop/Deployment shop"}
		}), v1alpha1.Warn, "Enforce once it can be evaluated everywhere", "it cannot be evaluated on shop/Deployment shop"},
		{"what one namespace among others makes fail costs nobody else the level", with(climbing(at(v1alpha1.Enforce, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Record.Namespaces, in.Members = []string{"cart", "shop"}, []Member{there("cart"), there("shop")}
			in.Record.Failing = []string{"shop/Deployment shop", "shop/Job shop"}
		}), v1alpha1.Enforce, "", ""},
		{"what fails in two namespaces steps down", with(climbing(at(v1alpha1.Enforce, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Record.Namespaces, in.Members = []string{"cart", "shop"}, []Member{there("cart"), there("shop")}
			in.Record.Failing = []string{"cart/Deployment cart", "shop/Deployment shop"}
		}), v1alpha1.Warn, "", "cannot be evaluated on cart/Deployment cart, shop/Deployment shop"},
		{"a rule that is rewritten under suspension refuses nothing new", with(climbing(at(v1alpha1.Enforce, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Suspend, in.Previous.Rule, in.Rule = v1alpha1.SuspendAll, "old", "new"
		}), v1alpha1.Warn, "stays at Warn: the environment is suspended", "the rule was rewritten"},
		{"what refuses a revision that was proven here steps down", climbing(at(v1alpha1.Warn, longAgo),
			Trial{Revision: &Revision{Namespace: "shop", Subject: "Deployment shop", Time: minutesAgo(5)}, Failed: true, Regressed: true}),
			v1alpha1.Observe, "Warn after", "would refuse a revision of Deployment shop in shop that was proven there before"},
		{"a lower maxLevel lowers the level at once", with(climbing(at(v1alpha1.Enforce, longAgo)), func(in *Input) { in.Bounds.Max = v1alpha1.Observe }),
			v1alpha1.Observe, "stays at Observe: maxLevel is reached", "maxLevel is Observe"},
		{"maxLevel caps the climb", with(climbing(at(v1alpha1.Warn, longAgo), clean(20, minutesAgo(5))...), func(in *Input) { in.Bounds.Max = v1alpha1.Warn }),
			v1alpha1.Warn, "stays at Warn: maxLevel is reached", ""},
		{"Hold keeps a level that is earned", with(climbing(at(v1alpha1.Observe, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Progression.Mode = v1alpha1.ProgressionHold
		}), v1alpha1.Observe, "progression.mode is Hold", ""},
		{"what the policy brings no more, perhaps by mistake, does not rise", with(climbing(at(v1alpha1.Warn, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Held = "spec.guardrails names image-pined, which does not exist"
		}), v1alpha1.Warn, "spec.guardrails does not bring it any more, perhaps by mistake", ""},
		{"nor does it refuse by a rule that is rewritten meanwhile", with(climbing(at(v1alpha1.Enforce, longAgo)), func(in *Input) {
			in.Held, in.Previous.Rule, in.Rule = "spec.guardrails names image-pined, which does not exist", "old", "new"
		}), v1alpha1.Warn, "perhaps by mistake", "the rule was rewritten"},
		{"Hold does not keep one that misbehaves", with(climbing(at(v1alpha1.Enforce, longAgo)), func(in *Input) {
			in.Progression.Mode, in.Record.Failing = v1alpha1.ProgressionHold, []string{"shop/Deployment shop"}
		}), v1alpha1.Warn, "Hold", "cannot be evaluated"},
		{"suspension keeps everything", with(climbing(at(v1alpha1.Enforce, longAgo)), func(in *Input) {
			in.Suspend, in.Record.Failing, in.Bounds.Max = v1alpha1.SuspendAll, []string{"shop/Deployment shop"}, v1alpha1.Observe
		}), v1alpha1.Enforce, "the environment is suspended", ""},
		{"a startLevel says nothing to a guardrail that stepped down", with(climbing(at(v1alpha1.Warn, minutesAgo(4))), func(in *Input) {
			in.Bounds.Start = v1alpha1.Enforce
		}), v1alpha1.Warn, "", ""},
		{"the preceding environment must exist", with(climbing(at(v1alpha1.Observe, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Predecessor = &Predecessor{Name: "staging"}
		}), v1alpha1.Observe, "Warn once EnvironmentPolicy staging exists", ""},
		{"the preceding environment must be known", with(climbing(at(v1alpha1.Observe, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Predecessor = &Predecessor{Name: "staging of cluster s", Unknown: "cluster s has not answered"}
		}), v1alpha1.Observe, "Warn once staging of cluster s can be read: cluster s has not answered", ""},
		{"the preceding environment goes first", with(climbing(at(v1alpha1.Observe, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Predecessor = predecessor(v1alpha1.Observe, clean(20, minutesAgo(5)))
		}), v1alpha1.Observe, "Warn once staging has it at its ceiling: there it is at Observe of Warn", ""},
		{"the preceding environment must be sure", with(climbing(at(v1alpha1.Observe, longAgo), clean(20, minutesAgo(5))...), func(in *Input) {
			in.Predecessor = predecessor(v1alpha1.Warn, clean(2, minutesAgo(5)))
		}), v1alpha1.Observe, "Warn after 4 more clean revisions in staging (55% of 80% there)", ""},
		{"a preceding environment that is sure lets it rise, and lends its evidence", with(climbing(at(v1alpha1.Observe, longAgo), clean(2, minutesAgo(5))...), func(in *Input) {
			in.Predecessor = predecessor(v1alpha1.Warn, clean(20, minutesAgo(5)))
		}), v1alpha1.Warn, "", "2 of 2 so far"},
		{"borrowed evidence alone raises nothing", with(climbing(at(v1alpha1.Observe, longAgo)), func(in *Input) {
			in.Predecessor = predecessor(v1alpha1.Warn, clean(200, minutesAgo(5)))
		}), v1alpha1.Observe, "Warn after 1 more clean revision: none has come since Observe was reached", ""},
		{"a guardrail that does not stand there has nothing to wait for", with(climbing(at(v1alpha1.Observe, longAgo), clean(6, minutesAgo(5))...), func(in *Input) {
			in.Predecessor = &Predecessor{Name: "staging", Exists: true}
		}), v1alpha1.Warn, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			out := Step(c.in)
			g.Expect(out.State.Level).To(Equal(c.want), out.State.Next)
			g.Expect(out.State.Next).To(ContainSubstring(c.next))
			moved := c.in.Previous == nil || c.in.Previous.Level != c.want
			g.Expect(out.Change != nil).To(Equal(moved))
			if moved {
				g.Expect(out.Change.Why).To(ContainSubstring(c.why))
				g.Expect(out.Change.To).To(Equal(c.want))
				g.Expect(out.State.Since.Time).To(Equal(now))
			} else {
				g.Expect(out.State.Since).To(Equal(c.in.Previous.Since))
			}
			g.Expect(Step(c.in)).To(Equal(out), "the same look has the same outcome")
			if Imminent([]v1alpha1.GuardrailState{out.State}) {
				return // the next look does what this one has announced
			}
			again := c.in
			again.Previous = &out.State
			g.Expect(Step(again).Change).To(BeNil(), "the same world takes no second step")
			g.Expect(Step(again).State).To(Equal(out.State))
		})
	}
}

func TestAFailureThatBeginsUnderSuspensionCostsItsLevelAfterwards(t *testing.T) {
	g := NewWithT(t)
	in := climbing(at(v1alpha1.Enforce, minutesAgo(100)))
	in.Record.Failing, in.Suspend = []string{"shop/Deployment shop"}, v1alpha1.SuspendAll
	suspended := Step(in).State
	g.Expect(suspended.Level).To(Equal(v1alpha1.Enforce))
	in.Previous, in.Suspend = &suspended, v1alpha1.SuspendNone
	g.Expect(Step(in).State.Level).To(Equal(v1alpha1.Warn))
}

func TestTheScoreIsOfThisEnvironment(t *testing.T) {
	g := NewWithT(t)
	in := climbing(at(v1alpha1.Observe, minutesAgo(100)))
	in.Predecessor = &Predecessor{Name: "staging", Exists: true, Record: Record{Trials: clean(20, now)}}
	g.Expect(Step(in).State.Score).To(BeNil(), "no trial, no score")
	in.Record.Trials = append(clean(3, minutesAgo(5)), failed(1, minutesAgo(300))...)
	in.Record.Violating = map[string]int{"shop": 2}
	state := Step(in).State
	g.Expect(state.Score).NotTo(BeNil())
	g.Expect([]int32{state.Revisions, state.WouldRefuse, state.Violating}).To(Equal([]int32{4, 1, 2}))
}

func TestBorrowedEvidenceIsHalvedAndBounded(t *testing.T) {
	g := NewWithT(t)
	carry := func(trials []Trial) [2]float64 {
		e := (&Predecessor{Record: Record{Trials: trials}}).carry(newClimb(v1alpha1.Progression{Target: 80, Confidence: 90}, now))
		return [2]float64{e.Successes, e.Failures}
	}
	g.Expect(carry(clean(4, now))).To(Equal([2]float64{2, 0}))
	many := carry(append(clean(60, now), failed(20, now.Add(-time.Minute*30))...))
	g.Expect(many[0] + many[1]).To(BeNumerically("~", 8, 1e-9))
	g.Expect(many[1]).To(BeNumerically("~", 2, 1e-9), "failures keep their share")
	g.Expect((&Predecessor{Record: Record{Trials: clean(4, now)}, Differs: true}).
		carry(newClimb(v1alpha1.Progression{Target: 80, Confidence: 90}, now)).Empty()).To(BeTrue(), "what was asked otherwise there says nothing here")
	var none *Predecessor
	g.Expect(none.carry(newClimb(v1alpha1.Progression{Target: 80, Confidence: 90}, now)).Empty()).To(BeTrue())
}

func TestEpisodes(t *testing.T) {
	burst := func(n int, writer string, failed bool) []Trial {
		var trials []Trial
		for i := range n {
			trials = append(trials, Trial{Revision: &Revision{Writer: writer, Time: now.Add(time.Duration(i) * time.Second)}, Failed: failed})
		}
		return trials
	}
	for _, c := range []struct {
		name                string
		trials              []Trial
		successes, failures float64
	}{
		{"what one writer brings at once is worth less than two", burst(30, "ci", false), 30 / 15.5, 0},
		{"two writers are two causes", append(burst(1, "a", false), burst(1, "b", false)...), 2, 0},
		{"unknown writers count as one", append(burst(1, "", false), burst(1, "", false)...), 2 / 1.5, 0},
		{"an episode ends after ten minutes, however busy the writer", clean(3, now), 3, 0},
		{"one failure in an episode is a whole one", append(burst(9, "ci", false), burst(1, "ci", true)...), 9.0 / 5, 1},
		{"failures of an episode never count less than one", burst(30, "ci", true), 0, 30 / 15.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			e := weigh(c.trials)
			g.Expect(e.Successes).To(BeNumerically("~", c.successes, 1e-9))
			g.Expect(e.Failures).To(BeNumerically("~", c.failures, 1e-9))
		})
	}
}

func TestSummary(t *testing.T) {
	g := NewWithT(t)
	var states []v1alpha1.GuardrailState
	for level, n := range map[v1alpha1.Level]int{v1alpha1.Enforce: 4, v1alpha1.Observe: 3} {
		for i := range n {
			states = append(states, v1alpha1.GuardrailState{Name: fmt.Sprint(level, i), Level: level})
		}
	}
	g.Expect(Summary(states)).To(Equal("3 Observe, 4 Enforce"))
	g.Expect(Summary(nil)).To(BeEmpty())
}

func TestARewrittenRuleMayWarnAtMost(t *testing.T) {
	for _, c := range []struct {
		name     string
		level    v1alpha1.Level
		start    v1alpha1.Level
		old, now string
		want     v1alpha1.Level
	}{
		{"a rule at Enforce goes back to Warn", v1alpha1.Enforce, v1alpha1.Observe, "a", "b", v1alpha1.Warn},
		{"a rule that is told to start at Enforce stays there", v1alpha1.Enforce, v1alpha1.Enforce, "a", "b", v1alpha1.Enforce},
		{"a rule at Warn stays there", v1alpha1.Warn, v1alpha1.Observe, "a", "b", v1alpha1.Warn},
		{"a rule at Observe does not rise by being rewritten", v1alpha1.Observe, v1alpha1.Enforce, "a", "b", v1alpha1.Observe},
		{"the same rule stays", v1alpha1.Enforce, v1alpha1.Observe, "a", "a", v1alpha1.Enforce},
		{"a level from before rules were noted stays", v1alpha1.Enforce, v1alpha1.Observe, "", "b", v1alpha1.Enforce},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			out := Step(Input{
				Guardrail: "image-pinned", Rule: c.now,
				Bounds:      Bounds{Start: c.start, Max: v1alpha1.Enforce},
				Previous:    &v1alpha1.GuardrailState{Name: "image-pinned", Level: c.level, Rule: c.old},
				Progression: v1alpha1.Progression{Mode: v1alpha1.ProgressionAutomatic, Target: 80, Confidence: 90},
				Now:         time.Unix(1000, 0),
			})
			g.Expect(out.State.Level).To(Equal(c.want))
			g.Expect(out.State.Rule).To(Equal(c.now))
			g.Expect(out.Change != nil).To(Equal(c.want != c.level), "a step is recorded")
		})
	}
}

func TestARuleThatDoesNotCompileAnyMoreStaysWhereItIs(t *testing.T) {
	longAgo := minutesAgo(60 * 24 * 30)
	for _, c := range []struct {
		name  string
		level v1alpha1.Level
		edit  func(*Input)
		want  v1alpha1.Level
	}{
		{"at Enforce, though nothing can be judged by it anywhere", v1alpha1.Enforce, func(in *Input) {
			in.Record.Failing = []string{"cart/Deployment cart", "shop/Deployment shop"}
		}, v1alpha1.Enforce},
		{"at Warn, whatever it had earned", v1alpha1.Warn, func(in *Input) { in.Record.Trials = clean(20, minutesAgo(5)) }, v1alpha1.Warn},
		{"in its ring, whatever it had earned", v1alpha1.Enforce, func(in *Input) {
			in.Record.Trials, in.Previous.Ring, in.Previous.RingNamespaces = clean(20, minutesAgo(5)), v1alpha1.RingFirst, []string{"shop"}
		}, v1alpha1.Enforce},
		{"but not above its ceiling", v1alpha1.Enforce, func(in *Input) { in.Bounds.Max = v1alpha1.Warn }, v1alpha1.Warn},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			in := climbing(at(c.level, longAgo))
			in.Uncompiled = "undeclared reference to 'old'"
			c.edit(&in)
			out := Step(in)
			g.Expect(out.State.Level).To(Equal(c.want))
			g.Expect(out.State.Uncompiled).To(ContainSubstring("undeclared reference"))
			g.Expect(out.State.Next).To(ContainSubstring("compile"))
			g.Expect(out.State.FailingNamespaces).To(BeZero(), "what fails afterwards begins then")
			again := in
			again.Previous = &out.State
			g.Expect(Step(again).Change).To(BeNil())
		})
	}
}
