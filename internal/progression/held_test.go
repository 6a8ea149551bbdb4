// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestLaggards(t *testing.T) {
	trial := func(minute int, writer string, failed bool) Trial {
		return Trial{Revision: &Revision{Namespace: "shop", Writer: writer, Time: now.Add(time.Duration(minute) * time.Minute)}, Failed: failed}
	}
	for _, c := range []struct {
		name   string
		trials []Trial
		lags   bool
	}{
		{"who has brought nothing does not lag", nil, false},
		{"who has brought nothing but clean ones does not", []Trial{trial(-60, "ci", false)}, false},
		{"whose newest trial failed lags", []Trial{trial(-60, "ci", false), trial(-30, "ci", true)}, true},
		{"two clean ones do not end it", []Trial{trial(-90, "ci", true), trial(-60, "ci", false), trial(-30, "ci", false)}, true},
		{"three do", []Trial{trial(-120, "ci", true), trial(-90, "ci", false), trial(-60, "ci", false), trial(-30, "ci", false)}, false},
		{"a failure between them begins it again", []Trial{trial(-120, "ci", true), trial(-90, "ci", false), trial(-60, "ci", false), trial(-50, "eve", true), trial(-30, "ci", false)}, true},
		{"the clean half of a bad deployment does not count", []Trial{trial(-60, "ci", true), trial(-60, "ci", false), trial(-59, "ci", false), trial(-58, "ci", false), trial(-57, "ci", false)}, true},
		{"a clean trial in the future does not count", []Trial{trial(-60, "ci", true), trial(60, "a", false), trial(60, "b", false), trial(60, "c", false)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(judge(c.trials, 0.8, 0.9, now).of("shop").laggard()).To(Equal(c.lags))
			backwards := slices.Clone(c.trials)
			slices.Reverse(backwards)
			g.Expect(judge(backwards, 0.8, 0.9, now).of("shop").laggard()).To(Equal(c.lags), "in whatever order they are read")
		})
	}
}

func TestWhoseTrialsAreSetApart(t *testing.T) {
	in := func(namespace string, trials []Trial) []Trial {
		for i := range trials {
			trials[i].Namespace = namespace
		}
		return trials
	}
	others := func() []Trial {
		return slices.Concat(in("a", clean(5, minutesAgo(5))), in("b", clean(5, minutesAgo(6))), in("c", clean(5, minutesAgo(7))))
	}
	for _, c := range []struct {
		name   string
		trials []Trial
		apart  []string
		doubt  bool
	}{
		{"nobody's, when nobody lags", others(), nil, false},
		{"those of a laggard whose changes hardly ever comply", slices.Concat(others(), in("lag", failed(4, minutesAgo(5)))), []string{"lag"}, false},
		{"not those of one that failed once: failures of the others would be forgotten likewise",
			slices.Concat(others(), in("lag", slices.Concat(failed(1, minutesAgo(5)), clean(4, minutesAgo(90))))), nil, false},
		{"nobody's, when half of them lag: the rule is in doubt then",
			slices.Concat(in("a", clean(5, minutesAgo(5))), in("b", failed(5, minutesAgo(5)))), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			j := judge(c.trials, 0.8, 0.9, now)
			g.Expect(j.apart).To(Equal(c.apart))
			g.Expect(j.doubt).To(Equal(c.doubt))
			for _, trial := range j.counted {
				g.Expect(c.apart).NotTo(ContainElement(trial.Namespace))
			}
		})
	}
}

// enforcing is a world at Enforce in all of six namespaces.
func enforcing(t *testing.T, edit ...func(*world)) *world {
	t.Helper()
	w := settled(6, edit...)
	for range 3 {
		w.see()
		w.everyone()
	}
	w.see()
	NewWithT(t).Expect(w.state.Ring).To(Equal(v1alpha1.RingAll), w.state.Next)
	return w
}

func TestNamespacesThatComeLate(t *testing.T) {
	t.Run("with running workloads are enforced after a clean revision", func(t *testing.T) {
		g := NewWithT(t)
		w := enforcing(t)
		late := w.found(100, true, 1)
		out := w.look()
		w.state = &out.State
		g.Expect(out.Held).To(ConsistOf(v1alpha1.HeldBack{
			Namespace: late.Name, Owner: "owner", Why: "it came with running workloads: enforced after 1 clean revision",
		}))
		g.Expect(w.enforcedIn()).To(HaveLen(6))
		w.pass(240 * time.Hour)
		g.Expect(w.see()).To(BeEmpty())
		g.Expect(w.enforcedIn()).To(HaveLen(6), "time alone enforces nothing")
		w.release(late, "ci")
		out = w.look()
		g.Expect(out.Released).To(Equal([]string{late.Name}))
		w.state = &out.State
		g.Expect(w.enforcedIn()).To(HaveLen(7))
	})
	t.Run("are not enforced for what they brought in another environment", func(t *testing.T) {
		g := NewWithT(t)
		w := enforcing(t)
		late := w.found(100, true, 1)
		for range 5 {
			w.pass(11 * time.Minute)
			w.release(late, "ci")
		}
		late.Joined = w.in.Now
		w.see()
		g.Expect(w.enforcedIn()).To(HaveLen(6))
	})
	t.Run("are held back before their first report comes", func(t *testing.T) {
		g := NewWithT(t)
		w := enforcing(t)
		w.found(100, true, 0)
		w.see()
		g.Expect(w.enforcedIn()).To(HaveLen(6))
	})
	t.Run("are held back before it is known what runs there", func(t *testing.T) {
		g := NewWithT(t)
		w := enforcing(t)
		late := w.found(100, false, 0)
		joined := late.Joined
		late.Joined = time.Time{}
		w.see()
		g.Expect(w.state.HeldBack).To(ConsistOf(HaveField("Why", ContainSubstring("only just joined"))))
		late.Joined = joined
		w.see()
		g.Expect(w.enforcedIn()).To(HaveLen(7), "nothing did")
	})
	t.Run("empty are enforced at once", func(t *testing.T) {
		g := NewWithT(t)
		w := enforcing(t)
		w.found(100, false, 0)
		w.see()
		g.Expect(w.enforcedIn()).To(HaveLen(7))
	})
	t.Run("with nothing that the guardrail judges surprise nobody", func(t *testing.T) {
		g := NewWithT(t)
		w := enforcing(t)
		late := w.found(100, true, 1)
		late.reports[0].Status.Workload.Kind, late.reports[0].Status.Guardrails = v1alpha1.KindCronJob, nil
		w.see()
		g.Expect(w.enforcedIn()).To(HaveLen(7))
	})
}

func TestEnforcedNamespacesDoNotFlap(t *testing.T) {
	t.Run("when their evidence fades", func(t *testing.T) {
		g := NewWithT(t)
		w := enforcing(t)
		w.pass(240 * time.Hour)
		for _, n := range w.namespaces {
			n.reports[0].Status.Outcomes = nil
		}
		out := w.look()
		g.Expect(out.Held).To(BeEmpty())
		g.Expect(out.State.HeldBack).To(BeEmpty())
	})
	t.Run("when something slips through: who could open the door by violating the rule would", func(t *testing.T) {
		for _, rings := range []v1alpha1.RingMode{v1alpha1.RingsAutomatic, v1alpha1.RingsOff} {
			g := NewWithT(t)
			w := enforcing(t)
			w.in.Progression.Rings = rings
			w.slip(w.namespaces[0])
			out := w.look()
			g.Expect(out.Held).To(BeEmpty())
			g.Expect(out.Down).To(BeFalse())
			g.Expect(out.EnforcedIn).To(HaveLen(6))
			g.Expect(out.State.WouldRefuse).To(BeEquivalentTo(1), "it is counted all the same")
		}
	})
	t.Run("when something slips through in the first ring", func(t *testing.T) {
		g := NewWithT(t)
		w := settled(8)
		w.see()
		first := w.enforcedIn()
		for _, n := range w.namespaces {
			if n.Name == first[0] {
				w.slip(n)
			}
		}
		w.see()
		g.Expect(w.enforcedIn()).To(ContainElement(first[0]))
	})
	t.Run("while nothing may rise, nobody is released", func(t *testing.T) {
		g := NewWithT(t)
		w := enforcing(t)
		late := w.found(100, true, 1)
		w.see()
		w.in.Progression.Mode = v1alpha1.ProgressionHold
		w.pass(11 * time.Minute)
		w.release(late, "ci")
		w.see()
		g.Expect(w.state.HeldBack).To(ConsistOf(HaveField("Why", ContainSubstring("nothing rises here now: progression.mode is Hold"))))
		w.in.Progression.Mode = v1alpha1.ProgressionAutomatic
		w.see()
		g.Expect(w.state.HeldBack).To(BeEmpty())
	})
}

// slip brings a violating revision that no admission has refused.
func (w *world) slip(n *testNamespace) {
	clean := n.clean
	n.clean = 0
	for {
		w.pass(11 * time.Minute)
		w.release(n, "built-in") // one of ten comes by a step that is not judged
		if outcomes := n.reports[0].Status.Outcomes; len(outcomes[0].NewFindings) > 0 {
			break
		}
	}
	n.clean = clean
}

func TestAStartLevelOfEnforceWithoutRingsIsNotUndoneByAViolation(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(1)
	w.in.Bounds.Start, w.in.Progression.Rings = v1alpha1.Enforce, v1alpha1.RingsOff
	team := w.found(100, true, 1)
	w.found(100, true, 1)
	w.see()
	g.Expect(w.enforcedIn()).To(HaveLen(2), "the policy says so outright")
	w.slip(team)
	w.see()
	g.Expect(w.enforcedIn()).To(HaveLen(2), w.state.Next)
}

func TestWhoIsHeldBackChangesNothingForOthersHoweverMany(t *testing.T) {
	for _, c := range []struct {
		name         string
		late, listed int
	}{
		{"as many as are listed", maxHeldBack, maxHeldBack},
		{"one more than are listed", maxHeldBack + 1, maxHeldBack + 1},
		{"more than can be named at all", maxHeldNames + 5, maxHeldNames},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			w := enforcing(t)
			for range c.late {
				w.found(100, true, 1)
			}
			out := w.look()
			g.Expect(out.Change).To(BeNil())
			g.Expect(out.Held).To(HaveLen(c.late))
			g.Expect(out.State.Ring).To(Equal(v1alpha1.RingAll))
			g.Expect(out.State.HeldBack).To(HaveLen(maxHeldBack))
			g.Expect(out.State.HeldBackNamespaces).To(HaveLen(c.listed))
			g.Expect(out.State.HeldBackTotal).To(BeEquivalentTo(c.late))
			g.Expect(out.EnforcedIn).To(Equal(names(1, 2, 3, 4, 5, 6)))
			w.state = &out.State

			w.pass(240 * time.Hour)
			out = w.look()
			g.Expect(out.EnforcedIn).To(Equal(names(1, 2, 3, 4, 5, 6)), "nobody is forgotten, after a restart either")
			g.Expect(out.Held).To(BeEmpty(), "and nobody is told again")
			w.state = &out.State

			w.release(w.namespaces[6], "ci")
			out = w.look()
			g.Expect(out.Released).To(Equal([]string{w.namespaces[6].Name}))
			g.Expect(out.EnforcedIn).To(HaveLen(7), "who has earned it is enforced")
		})
	}
}

func TestWhoIsNotListedIsRememberedByName(t *testing.T) {
	g := NewWithT(t)
	w := enforcing(t)
	for range maxHeldBack + 1 {
		w.found(100, true, 1)
	}
	w.see()
	last := w.namespaces[len(w.namespaces)-1]
	g.Expect(w.state.HeldBack).NotTo(ContainElement(HaveField("Namespace", last.Name)))
	w.in.Progression.Mode = v1alpha1.ProgressionHold
	w.pass(11 * time.Minute)
	w.release(last, "ci")
	g.Expect(w.look().EnforcedIn).To(HaveLen(6), "nobody is released while nothing rises")
	w.in.Progression.Mode = v1alpha1.ProgressionAutomatic
	g.Expect(w.look().EnforcedIn).To(HaveLen(7))
}

func TestRingsOffReachAllWhoeverIsHeldBack(t *testing.T) {
	g := NewWithT(t)
	w := settled(120, func(w *world) { w.in.Progression.Rings = v1alpha1.RingsOff })
	w.see()
	w.everyone()
	for _, n := range w.namespaces[:maxHeldBack+1] {
		n.clean = 0
		w.release(n, "eve")
	}
	w.see()
	for range 6 {
		w.pass(11 * time.Minute)
		for _, n := range w.namespaces[maxHeldBack+1:] {
			w.release(n, "ci-"+n.Name)
		}
	}
	w.see()
	g.Expect(w.state.Ring).To(Equal(v1alpha1.RingAll), w.state.Next)
	g.Expect(w.enforcedIn()).To(HaveLen(120))
}

func TestHeldBackIsForetoldAtWarn(t *testing.T) {
	g := NewWithT(t)
	w := settled(6)
	w.everyone()
	w.namespaces[2].clean = 0
	w.release(w.namespaces[2], "eve")
	out := w.look()
	g.Expect(out.State.Level).To(Equal(v1alpha1.Warn))
	g.Expect(out.State.Next).To(HaveSuffix("; held back: team-03"))
	g.Expect(out.State.HeldBack).To(ConsistOf(v1alpha1.HeldBack{
		Namespace: "team-03", Owner: "owner", Why: "Deployment workload-0 violated it anew: enforced after 3 more clean revisions",
	}))
	g.Expect(out.Held).To(BeEmpty(), "nothing is enforced anywhere yet")

	w.in.Bounds.Max = v1alpha1.Warn
	g.Expect(w.look().State.HeldBack).To(BeEmpty(), "nobody is held back where Enforce never comes")
}
