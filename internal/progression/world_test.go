// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package progression

import (
	"fmt"
	"math/rand"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const rule = "digest"

// world is an environment with one guardrail, in which namespaces come and go and their
// workloads get revisions that violate it or do not. What the guardrail has earned is read
// from the reports alone, at every look.
type world struct {
	random     *rand.Rand
	in         Input
	state      *v1alpha1.GuardrailState
	namespaces []*testNamespace
	// born counts namespaces, to name them.
	born int
}

type testNamespace struct {
	Member
	// clean is the chance, in percent, that a revision brings no finding.
	clean   int
	reports []v1alpha1.ReadinessReport
	// excluded is true while the policy leaves it out as a whole, and returned is when that
	// ended, until it has shown something since.
	excluded bool
	returned time.Time
}

// judgeAgain brings its reports up to date with what the policy leaves out.
func (n *testNamespace) judgeAgain() {
	for i := range n.reports {
		status := &n.reports[i].Status
		verdict := &status.Guardrails[0]
		switch {
		case n.excluded:
			verdict.Excluded, verdict.Total, verdict.Findings = "it is left out", 0, nil
		case verdict.Excluded != "":
			verdict.Excluded, verdict.FirstRevision = "", status.Revision.Number+1
		}
	}
}

// exclude leaves the namespace out of the guardrail, or takes it in again.
func (w *world) exclude(n *testNamespace, leaveOut bool) {
	if n.excluded && !leaveOut {
		n.returned = w.in.Now
	}
	n.excluded = leaveOut
}

func newWorld(seed int64) *world {
	w := &world{random: rand.New(rand.NewSource(seed)), in: climbing(nil)}
	w.in.Rule = rule
	return w
}

// found lets a namespace join, with workloads that have run there for long when it is busy.
func (w *world) found(clean int, busy bool, workloads int) *testNamespace {
	w.born++
	n := &testNamespace{Member: Member{Name: fmt.Sprintf("team-%02d", w.born), Owner: "owner", Joined: w.in.Now, Busy: busy}, clean: clean}
	for i := range workloads {
		r := v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Namespace: n.Name, Name: fmt.Sprint("workload-", i)}}
		r.Status.Workload = v1alpha1.ReportedWorkload{Kind: v1alpha1.KindDeployment, Name: r.Name}
		verdict := v1alpha1.GuardrailVerdict{Name: w.in.Guardrail, Rule: rule, FirstRevision: 1}
		if busy {
			// Its first revision was there before the guardrail saw it.
			verdict.FirstRevision = 2
			r.Status.Outcomes = []v1alpha1.RevisionOutcome{{Number: 1, Hash: "1", Time: metav1.NewTime(w.in.Now)}}
			r.Status.Revision = v1alpha1.Revision{Number: 1, Hash: "1"}
			if w.random.Intn(100) >= clean {
				verdict.Total = 1
			}
		}
		r.Status.Guardrails = []v1alpha1.GuardrailVerdict{verdict}
		n.reports = append(n.reports, r)
	}
	w.namespaces = append(w.namespaces, n)
	return n
}

// release brings a new revision of some workload of the namespace. Where the guardrail is
// enforced, nearly every one that violates it is refused.
func (w *world) release(n *testNamespace, writer string) {
	if len(n.reports) == 0 {
		return
	}
	status := &n.reports[w.random.Intn(len(n.reports))].Status
	violates := w.random.Intn(100) >= n.clean
	if violates && slices.Contains(w.enforcedIn(), n.Name) && w.random.Intn(10) > 0 {
		return
	}
	o := v1alpha1.RevisionOutcome{Number: status.Revision.Number + 1, Time: metav1.NewTime(w.in.Now), Writer: writer}
	o.Hash = fmt.Sprint(o.Number)
	status.Guardrails[0].Total = 0
	if n.excluded {
		violates = false // nobody asks
	}
	if violates {
		o.NewFindings = []string{w.in.Guardrail}
		status.Guardrails[0].Total = 1
		status.Guardrails[0].Findings = []v1alpha1.Finding{{Key: "k", Text: "is wrong"}}
	}
	status.Outcomes = append([]v1alpha1.RevisionOutcome{o}, status.Outcomes...)
	status.Outcomes = status.Outcomes[:min(len(status.Outcomes), 10)]
	status.Revision = v1alpha1.Revision{Number: o.Number, Hash: o.Hash}
	n.Observed = true
	n.judgeAgain()
}

func (w *world) reports() []v1alpha1.ReadinessReport {
	var all []v1alpha1.ReadinessReport
	for _, n := range w.namespaces {
		for _, r := range n.reports {
			if r.Status.Revision.Number > 0 {
				all = append(all, r)
			}
		}
	}
	w.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (w *world) names() []string {
	var all []string
	for _, n := range w.namespaces {
		all = append(all, n.Name)
	}
	return all
}

func (w *world) enforcedIn() []string {
	if w.state == nil {
		return nil
	}
	return written(w.state, w.names())
}

// written is where a guardrail is enforced by its state alone, as an operator that has
// just started reads it.
func written(state *v1alpha1.GuardrailState, names []string) []string {
	if state == nil || state.Level != v1alpha1.Enforce {
		return nil
	}
	var in []string
	for _, n := range names {
		reached := state.Ring == v1alpha1.RingAll || state.Ring == "" || slices.Contains(state.RingNamespaces, n)
		if reached && !slices.Contains(state.HeldBackNamespaces, n) {
			in = append(in, n)
		}
	}
	slices.Sort(in)
	return in
}

// look is what the guardrail makes of the world now, as an operator that has just started
// would see it.
func (w *world) look() Output {
	w.in.Members, w.in.Exclusions = nil, nil
	for _, n := range w.namespaces {
		if n.excluded {
			w.in.Exclusions = append(w.in.Exclusions, v1alpha1.Exclusion{Namespace: n.Name, Reason: "it is left out"})
		}
		n.Observed = slices.ContainsFunc(n.reports, func(r v1alpha1.ReadinessReport) bool { return r.Status.Revision.Number > 0 })
		w.in.Members = append(w.in.Members, n.Member)
	}
	w.in.Record = GatherAll(w.reports(), map[string]Rule{w.in.Guardrail: {
		Digest: rule, Kinds: []v1alpha1.WorkloadKind{v1alpha1.KindDeployment}, Exclusions: w.in.Exclusions,
	}})[w.in.Guardrail]
	w.in.Previous = w.state
	return Step(w.in)
}

// pass lets time go by.
func (w *world) pass(d time.Duration) { w.in.Now = w.in.Now.Add(d) }

// see looks until nothing moves, and returns the steps.
func (w *world) see() []v1alpha1.LevelChange {
	var changes []v1alpha1.LevelChange
	for range 12 {
		out := w.look()
		rests := out.Change == nil && w.state != nil && out.State.Next == w.state.Next
		w.state = &out.State
		if out.Change != nil {
			changes = append(changes, *out.Change)
		}
		if rests {
			return changes
		}
		w.pass(time.Second)
	}
	panic("it does not come to rest: " + w.state.Next)
}
