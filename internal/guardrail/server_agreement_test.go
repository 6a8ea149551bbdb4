// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/testenv"
	"github.com/rampart-dev/rampart/internal/workload"
)

// The catalogue holds to its own API, and so do the environments of its examples.
func TestServerTakesTheCatalogue(t *testing.T) {
	t.Parallel()
	s := newServer(t, "catalogue")
	c := s.as(person)
	for _, g := range catalogue(t) {
		NewWithT(t).Expect(c.Create(t.Context(), &g, client.DryRunAll)).To(Succeed(), g.Name)
		for _, set := range examplesOf(t, g.Name) {
			if set.policy != nil {
				NewWithT(t).Expect(c.Create(t.Context(), set.policy, client.DryRunAll)).To(Succeed(), "%s/%s", g.Name, set.name)
			}
		}
	}
}

func TestServerAgreesOnEveryExample(t *testing.T) {
	t.Parallel()
	for _, g := range catalogue(t) {
		for i, set := range examplesOf(t, g.Name) {
			p := compiledWith(t, g, set.settings)
			if p.BackgroundOnly() {
				continue
			}
			t.Run(strings.TrimSuffix(g.Name+"/"+set.name, "/"), func(t *testing.T) {
				t.Parallel()
				// An example that is about its namespace is tried in one of that name.
				s := newServer(t, cmp.Or(set.all[0].object.GetNamespace(), fmt.Sprintf("examples-%s-%d", g.Name, i)))
				s.render(placed(v1alpha1.Enforce, p)...)
				for _, e := range set.all {
					expectAnswer(NewWithT(t), s.tryExample(e), g.Name, e)
				}
			})
		}
	}
}

// tryExample asks the API server for an example in a dry-run. A new Namespace is in no
// environment that enforces yet: for one, the environment's own is changed.
func (s *server) tryExample(e example) error {
	s.t.Helper()
	if e.object.GroupVersionKind() != namespaceKind {
		return s.try(e.object)
	}
	own := testenv.Namespace(s.namespace, map[string]string{"environment": s.env.Name, "owner": "team", "example.com/team": "team"})
	if err := s.as(operator).Update(s.t.Context(), own); err != nil {
		s.t.Fatalf("label namespace %s: %v", own.Name, err)
	}
	own.Labels = map[string]string{"environment": s.env.Name}
	for key, value := range e.object.GetLabels() {
		own.Labels[key] = value
	}
	return s.as(person).Update(s.t.Context(), own, client.DryRunAll)
}

func expectAnswer(w *WithT, err error, guardrail string, e example) {
	switch {
	case !e.violates:
		w.Expect(err).NotTo(HaveOccurred(), e.name)
	case strings.HasPrefix(e.name, "fail-invalid-"): // It is refused before a policy sees it.
		w.Expect(err).To(Satisfy(apierrors.IsInvalid), e.name)
	default:
		w.Expect(err).To(beRefused(), e.name)
		w.Expect(err).To(MatchError(ContainSubstring("["+guardrail+"] ")), e.name)
	}
}

// How many changes are judged of workloads, of each other kind, and by how many at a time.
const (
	changesOfWorkloads = 2000
	changesOfEachKind  = 300
	askers             = 8
)

// The operator must find what the API server refuses, in creates and in updates, to the word.
func TestServerAgreesOnGeneratedChanges(t *testing.T) {
	t.Parallel()
	a := newAgreement(t)

	kinds := workload.Kinds()
	fresh := func(random *rand.Rand, i int, name string) workload.Object {
		object := compliantWorkload(t, kinds[i%len(kinds)], a.namespace, name)
		impair(random, object, random.IntN(5))
		return object
	}
	stored := a.stored(40*len(kinds), fresh)
	a.compare(changesOfWorkloads, func(random *rand.Rand, c client.Client, i int) asked {
		if random.IntN(2) == 0 {
			return a.create(c, fresh(random, i, "fresh"))
		}
		old := oneOf(random, stored...)
		other := old.DeepCopyObject().(workload.Object)
		impair(random, other, 1+random.IntN(3))
		return a.update(c, old, changedWorkload(old, other))
	})

	for _, generate := range generatedResources {
		fresh := func(random *rand.Rand, _ int, name string) workload.Object {
			return generate(random, metav1.ObjectMeta{Namespace: a.namespace, Name: name})
		}
		stored := a.stored(16, fresh)
		a.compare(changesOfEachKind, func(random *rand.Rand, c client.Client, i int) asked {
			if random.IntN(2) == 0 {
				return a.create(c, fresh(random, i, "fresh"))
			}
			old := oneOf(random, stored...)
			return a.update(c, old, changedResource(old, fresh(random, i, old.GetName())))
		})
	}

	a.compare(changesOfEachKind, func(random *rand.Rand, c client.Client, _ int) asked {
		labelled := func(owner string) *corev1.Namespace {
			return testenv.Namespace(a.namespace, map[string]string{"environment": a.env.Name, "owner": owner})
		}
		return a.update(c, labelled("team"), labelled(oneOf(random, "", "team", "another")))
	})
	a.expectBothOutcomes()
}

// parameters of guardrails that would refuse too little by their defaults.
var parametersOfAgreement = map[string][]v1alpha1.ParameterSetting{
	"allowed-registries": {{Name: "registries", Values: []string{"registry.example.com", "registry.example.com:5000/team", "docker.io/library/nginx"}}},
	"no-node-port":       {{Name: "loadBalancers", Value: new("true")}},
}

// neverRefused are guardrails whose violations the API server itself calls invalid.
var neverRefused = []string{"masked-proc"}

// agreement compares what the API server answers with what the operator says.
type agreement struct {
	*server
	// panel judges as the operator does.
	panel *Panel
	// plain is a namespace of no environment, which shows what the API server makes of an object.
	plain string

	mu sync.Mutex
	// refused, admitted and forgiven are how often each guardrail had new findings, had
	// none, and had only such as the old object had.
	refused, admitted, forgiven map[string]int
}

func newAgreement(t *testing.T) *agreement {
	t.Helper()
	a := &agreement{server: newServer(t, "agreement"), plain: "agreement-plain", refused: map[string]int{}, admitted: map[string]int{}, forgiven: map[string]int{}}
	a.server.create(testenv.Namespace(a.plain, nil))
	owned := testenv.Namespace(a.namespace, map[string]string{"environment": a.env.Name, "owner": "team"})
	if err := a.as(operator).Update(t.Context(), owned); err != nil {
		t.Fatalf("label namespace %s: %v", owned.Name, err)
	}
	var programs []*Program
	for _, g := range catalogue(t) {
		if p := compiledWith(t, g, Settings{Parameters: parametersOfAgreement[g.Name]}); !p.BackgroundOnly() {
			programs = append(programs, p)
		}
	}
	a.panel = NewPanel(programs)
	a.render(placed(v1alpha1.Enforce, programs...)...)
	return a
}

// stored creates generated objects, so that they can be changed; invalid ones are left out.
func (a *agreement) stored(n int, fresh func(random *rand.Rand, i int, name string) workload.Object) []workload.Object {
	a.t.Helper()
	c := a.as(operator)
	var all []workload.Object
	for i := range n {
		object := fresh(rand.New(rand.NewPCG(0, uint64(i))), i, fmt.Sprintf("stored-%d", i))
		switch err := c.Create(a.t.Context(), object); {
		case err == nil:
			all = append(all, object)
		case !apierrors.IsInvalid(err):
			a.t.Fatalf("create %s: %v", object.GetName(), err)
		}
	}
	return all
}

// asked is a change that the API server was asked for in a dry-run.
type asked struct {
	in     Input
	denial error
}

// create asks for a new object. The operator judges it as the API server would store it.
func (a *agreement) create(c client.Client, object workload.Object) asked {
	seen := object.DeepCopyObject().(workload.Object)
	seen.SetNamespace(a.plain)
	if err := c.Create(a.t.Context(), seen, client.DryRunAll); err != nil {
		return asked{denial: err}
	}
	seen.SetNamespace(a.namespace)
	return asked{in: Input{Object: seen}, denial: c.Create(a.t.Context(), object, client.DryRunAll)}
}

func (a *agreement) update(c client.Client, old, changed workload.Object) asked {
	in := Input{Object: changed.DeepCopyObject(), OldObject: old}
	return asked{in: in, denial: c.Update(a.t.Context(), changed, client.DryRunAll)}
}

// compare asks until so many changes were judged, and fails the test where the operator
// disagrees. What is invalid by itself was judged by nobody.
func (a *agreement) compare(changes int, ask func(random *rand.Rand, c client.Client, i int) asked) {
	a.t.Helper()
	var next, judged atomic.Int64
	var asking sync.WaitGroup
	for range askers {
		c := a.as(person)
		asking.Go(func() {
			for judged.Load() < int64(changes) && !a.t.Failed() {
				i := int(next.Add(1))
				if i > 3*changes {
					a.t.Errorf("of %d changes only %d are valid", i, judged.Load())
					return
				}
				change := ask(rand.New(rand.NewPCG(1, uint64(i))), c, i)
				if apierrors.IsInvalid(change.denial) {
					continue
				}
				if err := a.judge(change); err != nil {
					a.t.Errorf("change %d: %v", i, err)
				}
				judged.Add(1)
			}
		})
	}
	asking.Wait()
}

// judge says how the operator disagrees with an answer.
func (a *agreement) judge(change asked) error {
	if change.denial != nil && (!apierrors.IsForbidden(change.denial) || !strings.Contains(change.denial.Error(), "denied request: ")) {
		return fmt.Errorf("the API server did not judge it: %w", change.denial)
	}
	gvk, err := kindOfObject(change.in.Object)
	if err != nil {
		return err
	}
	var expected []string
	for _, result := range a.panel.Evaluate(context.Background(), change.in) {
		if !result.Program.JudgesObject(gvk) {
			continue
		}
		if result.Err != nil {
			return result.Err
		}
		expected = append(expected, inDenial(result.Program, result.Verdict)...)
		a.count(result.Program, result.Verdict)
	}
	named, more := findingsSaid(change.denial)
	for i := range named {
		named[i] = strings.TrimSpace(named[i])
	}
	unexpected := slices.DeleteFunc(slices.Clone(named), func(f string) bool { return slices.Contains(expected, f) })
	if len(named)+more != len(expected) || len(unexpected) != 0 {
		answer := "it is admitted"
		if change.denial != nil {
			answer = change.denial.Error()
		}
		return fmt.Errorf("the API server says:\n%s\nthe operator says:\n%s\nof %v", answer, strings.Join(expected, "\n"), change.in.Object)
	}
	return nil
}

// inDenial is what a denial must say of a verdict.
func inDenial(p *Program, verdict Verdict) []string {
	var all []string
	for _, f := range verdict.New {
		// A text that was cut may end in a space, which the end of a denial loses.
		all = append(all, strings.TrimSpace(fmt.Sprintf("[%s] %s", p.Name(), f.Text)))
	}
	return all
}

func (a *agreement) count(p *Program, verdict Verdict) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(verdict.New) > 0:
		a.refused[p.Name()]++
	case len(verdict.Findings) > 0:
		a.forgiven[p.Name()]++
	default:
		a.admitted[p.Name()]++
	}
}

// expectBothOutcomes fails the test if agreement on a guardrail shows nothing, because all
// changes were alike to it.
func (a *agreement) expectBothOutcomes() {
	a.t.Helper()
	for _, p := range a.panel.Programs() {
		refused, admitted, forgiven := a.refused[p.Name()], a.admitted[p.Name()], a.forgiven[p.Name()]
		never := slices.Contains(neverRefused, p.Name())
		if admitted == 0 || (refused == 0 && !never) || (refused != 0 && never) {
			a.t.Errorf("the changes do not show all of %s: %d refused, %d admitted, %d forgiven", p.Name(), refused, admitted, forgiven)
		}
	}
}
