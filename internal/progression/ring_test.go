// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// settled is a world of busy namespaces with one workload each, at Warn, in which every
// namespace but the idle ones has brought clean revisions since.
func settled(namespaces int, edit ...func(*world)) *world {
	w := newWorld(1)
	w.in.Bounds.Start = v1alpha1.Warn
	for range namespaces {
		w.found(100, true, 1)
	}
	for _, e := range edit {
		e(w)
	}
	w.see()
	for range max(1, (11+namespaces)/namespaces) {
		for _, n := range w.namespaces {
			w.pass(11 * time.Minute)
			w.release(n, "ci")
		}
	}
	return w
}

// everyone brings a revision.
func (w *world) everyone() {
	for _, n := range w.namespaces {
		w.pass(11 * time.Minute)
		w.release(n, "ci")
	}
}

// violator makes workloads of a namespace violate the rule now, without a trial.
func (w *world) violator(namespace int) {
	w.namespaces[namespace].reports[0].Status.Guardrails[0].Total = 2
	w.namespaces[namespace].reports[0].Status.Guardrails[0].Findings = []v1alpha1.Finding{{Key: "k", Text: "runs as root"}}
}

func names(numbers ...int) []string {
	var all []string
	for _, n := range numbers {
		all = append(all, fmt.Sprintf("team-%02d", n))
	}
	return all
}

func TestEnforceSpreadsInRings(t *testing.T) {
	g := NewWithT(t)
	w := settled(6, func(w *world) { w.found(100, false, 0) })
	w.violator(0)

	out := w.look()
	g.Expect(out.Change).To(BeNil(), "it is announced first")
	g.Expect(out.State.Next).To(Equal("Enforce next: in a first namespace (team-02); 1 object here would be refused if it came anew: see wouldBeRefused"))
	g.Expect(out.State.WouldBeRefused).To(Equal([]string{"team-01/Deployment workload-0: runs as root (+1 more)"}))
	w.state = &out.State

	changes := w.see()
	g.Expect(changes).To(HaveLen(1))
	g.Expect(changes[0]).To(And(HaveField("From", v1alpha1.Warn), HaveField("To", v1alpha1.Enforce), HaveField("Ring", v1alpha1.RingFirst)))
	g.Expect(w.enforcedIn()).To(Equal(names(2)), "first in the most compliant namespace")
	g.Expect(w.state.Next).To(Equal("Enforce in a quarter of the namespaces after a clean revision in team-02: none has come there since it is enforced in a first namespace"))

	w.pass(11 * time.Minute)
	w.release(w.namespaces[4], "ci")
	g.Expect(w.see()).To(BeEmpty(), "what happens elsewhere does not count")

	w.pass(11 * time.Minute)
	w.release(w.namespaces[1], "ci")
	changes = w.see()
	g.Expect(changes).To(HaveLen(1))
	g.Expect(changes[0]).To(And(HaveField("From", v1alpha1.Enforce), HaveField("To", v1alpha1.Enforce), HaveField("Ring", v1alpha1.RingQuarter)))
	g.Expect(w.enforcedIn()).To(Equal(names(2, 5)), "a quarter of six, rounded up; team-05 has the most clean revisions")

	w.pass(11 * time.Minute)
	w.release(w.namespaces[1], "ci")
	g.Expect(w.see()).To(BeEmpty(), "each of the ring needs one")
	w.pass(11 * time.Minute)
	w.release(w.namespaces[4], "ci")
	g.Expect(w.see()).To(ConsistOf(HaveField("Ring", v1alpha1.RingAll)))
	g.Expect(w.enforcedIn()).To(Equal(names(1, 2, 3, 4, 5, 6, 7)), "those without workloads too")
	g.Expect(w.state.RingNamespaces).To(BeEmpty())
}

func TestSmallEnvironmentsHaveNoQuarter(t *testing.T) {
	g := NewWithT(t)
	w := settled(4)
	w.see()
	g.Expect(w.state.Ring).To(Equal(v1alpha1.RingFirst))
	w.everyone()
	g.Expect(w.see()).To(ConsistOf(HaveField("Ring", v1alpha1.RingAll)), "a quarter of four is the first namespace again")
}

func TestRingsOffEnforceEverywhereAtOnce(t *testing.T) {
	g := NewWithT(t)
	w := settled(6, func(w *world) { w.in.Progression.Rings = v1alpha1.RingsOff })
	out := w.look()
	g.Expect(out.Change).To(BeNil(), "it is announced all the same")
	g.Expect(out.State.Next).To(HavePrefix("Enforce next: in all namespaces;"))
	w.state = &out.State
	g.Expect(w.see()).To(ConsistOf(HaveField("Ring", v1alpha1.RingAll)))
}

func TestWhatIsPublishedBeforeEnforceIsWhatIsEnforced(t *testing.T) {
	g := NewWithT(t)
	w := settled(6)
	first := w.look()
	w.state = &first.State
	w.violator(3)
	second := w.look()
	g.Expect(second.Change).To(BeNil(), "the list has changed, so that it is announced anew")
	g.Expect(second.State.WouldBeRefused).To(HaveLen(1))
	w.state = &second.State
	g.Expect(w.look().Change).NotTo(BeNil())
}

func TestARingKeepsItsNamespaces(t *testing.T) {
	g := NewWithT(t)
	w := settled(8)
	w.see()
	first := w.enforcedIn()
	g.Expect(first).To(HaveLen(1))
	for i, n := range w.namespaces {
		if n.Name == first[0] {
			w.violator(i) // it is not the most compliant one any more
		}
	}
	w.see()
	g.Expect(w.enforcedIn()).To(Equal(first))
}

func TestAnotherNamespaceTakesThePlaceOfTheFirst(t *testing.T) {
	for _, c := range []struct {
		name string
		lose func(w *world, first int)
	}{
		{"that left the environment", func(w *world, first int) {
			w.namespaces = append(w.namespaces[:first:first], w.namespaces[first+1:]...)
		}},
		{"that is excluded", func(w *world, first int) {
			w.exclude(w.namespaces[first], true)
			w.namespaces[first].judgeAgain()
		}},
		{"whose workloads are gone", func(w *world, first int) {
			for i := range w.namespaces[first].reports {
				w.namespaces[first].reports[i].Status.State = v1alpha1.ReportGone
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			w := settled(8)
			w.see()
			was := w.enforcedIn()
			for i, n := range w.namespaces {
				if n.Name == was[0] {
					c.lose(w, i)
					break
				}
			}
			out := w.look()
			g.Expect(out.Change).To(BeNil())
			g.Expect(out.State.Next).To(HavePrefix("Enforce next: in a first namespace (team-"))
			w.state = &out.State
			changes := w.see()
			g.Expect(changes).To(HaveLen(1))
			g.Expect(changes[0].Ring).To(Equal(v1alpha1.RingFirst))
			g.Expect(w.state.RingSince.Time).To(Equal(changes[0].Time.Time), "which has to show anew what the first one did not")
			g.Expect(w.enforcedIn()).To(ContainElement(Not(BeElementOf(was))))
		})
	}
}

func TestNothingWidens(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(w *world)
		next string
	}{
		{"while progression is on hold", func(w *world) { w.in.Progression.Mode = v1alpha1.ProgressionHold }, "stays in a first namespace: progression.mode is Hold"},
		{"while everything is suspended", func(w *world) { w.in.Suspend = v1alpha1.SuspendAll }, "stays at Enforce: the environment is suspended"},
		{"while native admission is not seen live", func(w *world) { w.in.Unseen = "the probe was not answered" }, "Enforce in a quarter of the namespaces once native admission is seen to work: the probe was not answered"},
		{"while the environment before does not exist", func(w *world) { w.in.Predecessor = &Predecessor{Name: "staging"} }, "once EnvironmentPolicy staging exists"},
		{"while the environment before has stepped down", func(w *world) { w.in.Predecessor = predecessor(v1alpha1.Observe, clean(20, minutesAgo(5))) }, "once staging has it at its ceiling"},
		{"while some have been judged only by an older rule", func(w *world) { w.namespaces[7].reports[0].Status.Guardrails[0].Rule = "older" }, "once all are judged by the rule as it is now: 1 are not yet"},
		{"while changes violate it in half of the namespaces", func(w *world) {
			for _, n := range w.namespaces[4:] {
				n.clean = 0
				w.release(n, "eve")
			}
		}, "once fewer than half are held back: changes keep violating it in team-05, team-06, team-07 and 1 more, 4 of the 8 namespaces with trials"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			w := settled(8)
			w.see()
			g.Expect(w.state.Ring).To(Equal(v1alpha1.RingFirst))
			g.Expect(w.state.RingNamespaces).To(Equal(names(1)))
			w.everyone()
			w.pass(time.Hour)
			c.edit(w)
			g.Expect(w.see()).To(BeEmpty())
			g.Expect(w.state.Next).To(ContainSubstring(c.next))
		})
	}
}

func TestAStartLevelOfEnforce(t *testing.T) {
	start := func(edit func(*world)) *world {
		w := newWorld(1)
		w.in.Bounds.Start = v1alpha1.Enforce
		edit(w)
		return w
	}
	t.Run("begins in the first ring where workloads run", func(t *testing.T) {
		g := NewWithT(t)
		w := start(func(w *world) { w.found(100, true, 1); w.found(100, true, 1); w.violator(0) })
		g.Expect(w.look().Change).To(And(HaveField("To", v1alpha1.Enforce), HaveField("Ring", v1alpha1.RingFirst)))
		w.see()
		g.Expect(w.enforcedIn()).To(Equal(names(2)))
	})
	t.Run("waits for the first report of namespaces that are busy", func(t *testing.T) {
		g := NewWithT(t)
		w := start(func(w *world) { w.found(100, true, 0) })
		w.see()
		g.Expect(w.state.Ring).To(Equal(v1alpha1.RingFirst))
		g.Expect(w.enforcedIn()).To(BeEmpty())
		g.Expect(w.state.Next).To(Equal("Enforce begins where something comes that it judges: nothing is known to be there yet"))
	})
	t.Run("waits while it is not known what runs in a namespace", func(t *testing.T) {
		g := NewWithT(t)
		w := start(func(w *world) { w.found(100, false, 0).Joined = time.Time{} })
		w.see()
		g.Expect(w.enforcedIn()).To(BeEmpty())
	})
	t.Run("waits until what came since has been judged", func(t *testing.T) {
		g := NewWithT(t)
		w := start(func(w *world) { w.found(100, false, 1) })
		w.release(w.namespaces[0], "ci")
		verdicts := w.namespaces[0].reports[0].Status.Guardrails
		w.namespaces[0].reports[0].Status.Guardrails = nil
		w.see()
		g.Expect(w.enforcedIn()).To(BeEmpty())
		w.namespaces[0].reports[0].Status.Guardrails = verdicts
		w.see()
		g.Expect(w.enforcedIn()).To(Equal(names(1)))
	})
	t.Run("is everywhere at once in an environment in which nothing runs", func(t *testing.T) {
		g := NewWithT(t)
		w := start(func(w *world) { w.found(100, false, 1); w.found(100, false, 1) })
		w.see()
		g.Expect(w.enforcedIn()).To(Equal(names(1, 2)))
	})
	t.Run("spreads by evidence like any other", func(t *testing.T) {
		g := NewWithT(t)
		w := start(func(w *world) { w.found(100, true, 1); w.found(100, true, 1) })
		w.see()
		w.everyone()
		w.see()
		g.Expect(w.state.Next).To(HavePrefix("Enforce in all namespaces after 4 more clean revisions"))
		for range 3 {
			w.everyone()
		}
		w.see()
		g.Expect(w.enforcedIn()).To(Equal(names(1, 2)))
	})
}

func TestARewrittenRuleThatStartsAtEnforceBeginsItsRingsAnew(t *testing.T) {
	g := NewWithT(t)
	w := settled(6)
	w.in.Bounds.Start = v1alpha1.Enforce
	w.see()
	for range 3 {
		w.everyone()
		w.see()
	}
	g.Expect(w.state.Ring).To(Equal(v1alpha1.RingAll))
	w.in.Rule = "another"
	out := w.look()
	g.Expect(out.Down).To(BeTrue())
	g.Expect(out.Change).To(And(HaveField("Ring", v1alpha1.RingFirst), HaveField("Why", ContainSubstring("rewritten"))))
}

func TestWhatWasEnforcedBeforeThereWereRingsStaysEverywhere(t *testing.T) {
	g := NewWithT(t)
	w := settled(6)
	state := at(v1alpha1.Enforce, minutesAgo(1))
	state.Rule = rule
	w.state = state
	w.see()
	g.Expect(w.state.Ring).To(Equal(v1alpha1.RingAll))
	g.Expect(w.enforcedIn()).To(HaveLen(6))
}

func TestEnforcedIn(t *testing.T) {
	members := []Member{there("c"), there("a"), there("b")}
	held := []v1alpha1.HeldBack{{Namespace: "b"}}
	for _, c := range []struct {
		name   string
		spread spread
		held   []v1alpha1.HeldBack
		want   []string
	}{
		{"in the members of a ring that are still there", spread{ring: v1alpha1.RingFirst, namespaces: []string{"a", "gone"}}, nil, []string{"a"}},
		{"not where a member is held back", spread{ring: v1alpha1.RingQuarter, namespaces: []string{"a", "b"}}, held, []string{"a"}},
		{"in all but those held back", spread{ring: v1alpha1.RingAll}, held, []string{"a", "c"}},
		{"everywhere otherwise", spread{ring: v1alpha1.RingAll}, nil, []string{"a", "b", "c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(c.spread.enforcedIn(members, c.held)).To(Equal(c.want))
		})
	}
}

func TestAnnounced(t *testing.T) {
	state := func(level, most v1alpha1.Level) v1alpha1.GuardrailState {
		s := *at(level, now)
		s.MaxLevel = most
		return s
	}
	automatic := v1alpha1.Progression{Mode: v1alpha1.ProgressionAutomatic}
	hold := v1alpha1.Progression{Mode: v1alpha1.ProgressionHold}
	uncompiled := state(v1alpha1.Enforce, v1alpha1.Enforce)
	uncompiled.Uncompiled = "undeclared reference"
	for _, c := range []struct {
		name    string
		state   v1alpha1.GuardrailState
		by      v1alpha1.Progression
		suspend v1alpha1.SuspendMode
		want    bool
	}{
		{"at Warn, Enforce is next", state(v1alpha1.Warn, v1alpha1.Enforce), automatic, v1alpha1.SuspendNone, true},
		{"where remediation is suspended too", state(v1alpha1.Warn, v1alpha1.Enforce), automatic, v1alpha1.SuspendRemediation, true},
		{"and in the namespaces that a ring has not reached", state(v1alpha1.Enforce, v1alpha1.Enforce), automatic, v1alpha1.SuspendNone, true},
		{"not at Observe", state(v1alpha1.Observe, v1alpha1.Enforce), automatic, v1alpha1.SuspendNone, false},
		{"not where Warn is the ceiling", state(v1alpha1.Warn, v1alpha1.Warn), automatic, v1alpha1.SuspendNone, false},
		{"not on hold", state(v1alpha1.Warn, v1alpha1.Enforce), hold, v1alpha1.SuspendNone, false},
		{"not on hold in further namespaces either", state(v1alpha1.Enforce, v1alpha1.Enforce), hold, v1alpha1.SuspendNone, false},
		{"not while everything is suspended", state(v1alpha1.Warn, v1alpha1.Enforce), automatic, v1alpha1.SuspendAll, false},
		{"not while the rule does not compile", uncompiled, automatic, v1alpha1.SuspendNone, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(Announced(c.state, c.by, c.suspend)).To(Equal(c.want))
		})
	}
}
