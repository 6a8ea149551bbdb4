// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/testenv"
)

const (
	namespace   = "shop"
	environment = "production"
)

var environmentLabels = map[string]string{"environment": environment}

// The requests that are timed: dry-run creates of objects that comply, so that a request
// goes all the way through admission and the data store stays out of it.
var requests = []struct {
	title, path string
	object      runtime.Object
}{
	{"Create a Pod of three containers", "/api/v1/namespaces/" + namespace + "/pods", pod("checkout")},
	{"Create a Deployment of three containers", "/apis/apps/v1/namespaces/" + namespace + "/deployments", deployment("checkout")},
}

// candidate is a number of guardrails, rendered to admission policies.
type candidate struct {
	guardrails int
	policies   []*admissionv1.ValidatingAdmissionPolicy
	bindings   []*admissionv1.ValidatingAdmissionPolicyBinding
	probes     []guardrail.Probe
}

// apiServer is one API server in which candidates are in force by turns. One process is a
// little slower than another all its life, by as much as the policies cost, so that it can
// only be compared with itself.
type apiServer struct {
	cluster *testenv.Cluster
	http    *http.Client
	api     client.Client
	prober  controllers.Prober
}

// sample is what one round of requests to a candidate took.
type sample struct {
	// latencies of the single requests, as the client sees them.
	latencies []time.Duration
	// cpu that the API server used for each.
	cpu time.Duration
}

// candidates are the numbers of guardrails that are compared, in the order of numbers.
func candidates(all []v1alpha1.Guardrail) ([]candidate, error) {
	var compared []candidate
	for _, n := range numbers {
		c, err := newCandidate(pick(all, n))
		if err != nil {
			return nil, err
		}
		compared = append(compared, c)
	}
	return compared, nil
}

func newCandidate(picked []v1alpha1.Guardrail) (candidate, error) {
	programs, err := compileAll(newest, picked)
	if err != nil {
		return candidate{}, err
	}
	placed := make([]guardrail.Placed, 0, len(programs))
	for _, p := range programs {
		placed = append(placed, guardrail.Placed{Program: p, Level: v1alpha1.Enforce, EnforcedIn: []string{namespace}})
	}
	for _, r := range requests {
		if err := mustBeClean(programs, r.object); err != nil {
			return candidate{}, err
		}
	}
	objects := guardrail.Render(guardrail.Environment{
		Name:               environment,
		NamespaceSelector:  metav1.LabelSelector{MatchLabels: environmentLabels},
		Namespaces:         []string{namespace},
		ExcludedNamespaces: []string{"rampart-system"},
		OperatorUser:       "system:serviceaccount:rampart-system:rampart",
	}, placed)
	return candidate{len(picked), objects.ValidatingPolicies, objects.ValidatingBindings, objects.Probes}, nil
}

// startAPIServer starts an API server without policies.
func startAPIServer(ctx context.Context) (*apiServer, error) {
	cluster, err := testenv.StartControlPlane(ctx, testenv.Options{CRDs: true})
	if err != nil {
		return nil, err
	}
	s := &apiServer{cluster: cluster}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, cluster.Stop())
	}
	return s, nil
}

func (s *apiServer) connect(ctx context.Context) (err error) {
	if s.http, err = rest.HTTPClientFor(s.cluster.Config); err != nil {
		return err
	}
	if s.prober, err = controllers.NewProber(s.cluster.Config); err != nil {
		return err
	}
	if s.api, err = client.New(s.cluster.Config, client.Options{}); err != nil {
		return err
	}
	return s.api.Create(ctx, testenv.Namespace(namespace, environmentLabels))
}

// enforce puts the guardrails of a candidate in force. The policies that stand nowhere in
// the environment, and so answer nobody, come last in it and are written first.
func (s *apiServer) enforce(ctx context.Context, c candidate) error {
	for i, policy := range slices.Backward(c.policies) {
		if err := errors.Join(s.api.Create(ctx, policy.DeepCopy()), s.api.Create(ctx, c.bindings[i].DeepCopy())); err != nil {
			return err
		}
	}
	return s.waitUntil(ctx, c, true)
}

// release takes them away again, and the API server forgets what it compiled of them.
func (s *apiServer) release(ctx context.Context, c candidate) error {
	for i, policy := range c.policies {
		if err := errors.Join(s.api.Delete(ctx, c.bindings[i].DeepCopy()), s.api.Delete(ctx, policy.DeepCopy())); err != nil {
			return err
		}
	}
	return s.waitUntil(ctx, c, false)
}

// waitUntil waits until all policies of a candidate answer, or none does.
func (s *apiServer) waitUntil(ctx context.Context, c candidate, inForce bool) error {
	for _, probe := range c.probes {
		if len(probe.Namespaces) == 0 {
			continue
		}
		if err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			answered, err := s.prober.Probe(ctx, probe.Namespaces[0], probe)
			return answered == inForce && (answered || err == nil), nil
		}); err != nil {
			return fmt.Errorf("wait until policy %s is in force, or not any more: %w", probe.Policy, err)
		}
	}
	return nil
}

// round sends requests one after the other.
func (s *apiServer) round(ctx context.Context, path string, body []byte, count int) (sample, error) {
	var taken sample
	before, err := s.cluster.APIServerCPU()
	if err != nil {
		return taken, err
	}
	for range count {
		status, took, err := s.create(ctx, path, body)
		if err != nil {
			return taken, err
		}
		if status != http.StatusCreated {
			return taken, fmt.Errorf("%s answers %d", path, status)
		}
		taken.latencies = append(taken.latencies, took)
	}
	after, err := s.cluster.APIServerCPU()
	taken.cpu = (after - before) / time.Duration(count)
	return taken, err
}

// create sends one dry-run create, and says how it was answered and how long that took.
func (s *apiServer) create(ctx context.Context, path string, body []byte) (int, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cluster.Config.Host+path+"?dryRun=All", bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	began := time.Now()
	response, err := s.http.Do(request)
	if err != nil {
		return 0, 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, time.Since(began), errors.Join(err, response.Body.Close())
}

// measured are samples, by request and by candidate, one for each round.
type measured [][][]sample

func newMeasured() measured {
	m := make(measured, len(requests))
	for r := range m {
		m[r] = make([][]sample, len(numbers))
	}
	return m
}

// measureAdmission times every request with every candidate in force, in rounds that take
// turns, so that whatever else the machine does falls on all of them alike.
func (m measured) measureAdmission(ctx context.Context, s *apiServer, compared []candidate, rounds, count int) error {
	// The first round warms up: connections, caches, the heap.
	for round := range rounds + 1 {
		for i := range compared {
			turn := turns(round, len(compared))[i]
			samples, err := s.turnOf(ctx, compared[turn], count)
			if err != nil {
				return fmt.Errorf("with %d guardrails: %w", compared[turn].guardrails, err)
			}
			for r := range requests {
				if round > 0 {
					m[r][turn] = append(m[r][turn], samples[r])
				}
			}
		}
	}
	return nil
}

// turns is the order in which candidates are in force in a round: each is first as often as the
// others, and follows each of the others as often. What a turn leaves behind, compiled policies
// that are not needed any more, is collected in the next one.
func turns(round, candidates int) []int {
	order := make([]int, 0, candidates)
	for i := range candidates {
		order = append(order, (i+round/2)%candidates)
	}
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// turnOf times every request while a candidate is in force. The first requests of a turn
// are not counted: the API server has just compiled policies, or forgotten them.
func (s *apiServer) turnOf(ctx context.Context, c candidate, count int) ([]sample, error) {
	if err := s.enforce(ctx, c); err != nil {
		return nil, err
	}
	var samples []sample
	for _, request := range requests {
		body, err := json.Marshal(request.object)
		if err != nil {
			return nil, err
		}
		if _, err := s.round(ctx, request.path, body, count/2); err != nil {
			return nil, err
		}
		taken, err := s.round(ctx, request.path, body, count)
		if err != nil {
			return nil, err
		}
		samples = append(samples, taken)
	}
	return samples, s.release(ctx, c)
}

// admissionFigures sums up the rounds of a candidate.
type admissionFigures struct {
	median, p99, cpu time.Duration
	// The same in relation to no policies. Of latencies it is the median over the rounds,
	// each compared with the same round without; of CPU time, which the
	// garbage collector takes now and then and for many requests at once, that of the sums.
	medianRatio, p99Ratio, cpuRatio float64
}

func sumUp(samples, baseline []sample) admissionFigures {
	var all []time.Duration
	var cpu, cpuWithout time.Duration
	var medians, p99s []float64
	for i, s := range samples {
		all = append(all, s.latencies...)
		cpu += s.cpu
		cpuWithout += baseline[i].cpu
		medians = append(medians, ratio(quantile(s.latencies, 0.5), quantile(baseline[i].latencies, 0.5)))
		p99s = append(p99s, ratio(quantile(s.latencies, 0.99), quantile(baseline[i].latencies, 0.99)))
	}
	return admissionFigures{
		median: quantile(all, 0.5), p99: quantile(all, 0.99), cpu: cpu / time.Duration(len(samples)),
		medianRatio: quantile(medians, 0.5), p99Ratio: quantile(p99s, 0.5), cpuRatio: ratio(cpu, cpuWithout),
	}
}

func ratio(a, b time.Duration) float64 {
	return float64(a) / float64(b)
}

// quantile of values in any order; q from 0 to 1.
func quantile[T time.Duration | float64](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
