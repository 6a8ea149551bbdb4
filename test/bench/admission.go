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

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/testenv"
)

const (
	namespace   = "shop"
	environment = "production"
)

// The requests that are timed: dry-run creates of objects that comply, so that a request
// goes all the way through admission and the data store stays out of it.
var requests = []struct {
	title, path string
	object      runtime.Object
}{
	{"Create a Pod of three containers", "/api/v1/namespaces/" + namespace + "/pods", pod("checkout")},
	{"Create a Deployment of three containers", "/apis/apps/v1/namespaces/" + namespace + "/deployments", deployment("checkout")},
}

// candidate is an API server with a number of guardrails in force.
type candidate struct {
	guardrails int
	// policies is how many admission policies these were rendered to.
	policies int
	cluster  *testenv.Cluster
	http     *http.Client
}

// sample is what one round of requests to a candidate took.
type sample struct {
	// latencies of the single requests, as the client sees them.
	latencies []time.Duration
	// cpu that the API server used for each.
	cpu time.Duration
}

// start starts an API server of its own for every candidate, so that the one without
// policies knows nothing of policies.
func start(ctx context.Context, guardrails int, all []v1alpha1.Guardrail) (*candidate, error) {
	cluster, err := testenv.StartControlPlane(ctx, testenv.Options{})
	if err != nil {
		return nil, err
	}
	c := &candidate{guardrails: guardrails, cluster: cluster}
	if err := c.prepare(ctx, pick(all, guardrails)); err != nil {
		return nil, errors.Join(err, cluster.Stop())
	}
	return c, nil
}

func (c *candidate) prepare(ctx context.Context, picked []v1alpha1.Guardrail) error {
	var err error
	if c.http, err = rest.HTTPClientFor(c.cluster.Config); err != nil {
		return err
	}
	api, err := client.New(c.cluster.Config, client.Options{})
	if err != nil {
		return err
	}
	labels := map[string]string{"environment": environment}
	if err := api.Create(ctx, testenv.Namespace(namespace, labels)); err != nil {
		return err
	}
	if len(picked) == 0 {
		return nil
	}

	programs, err := compileAll(newest, picked)
	if err != nil {
		return err
	}
	placed := make([]guardrail.Placed, 0, len(programs))
	for _, p := range programs {
		placed = append(placed, guardrail.Placed{Program: p, Level: v1alpha1.Enforce, EnforcedIn: []string{namespace}})
	}
	for _, r := range requests {
		if err := mustBeClean(programs, r.object); err != nil {
			return err
		}
	}
	objects := guardrail.Render(guardrail.Environment{
		Name:               environment,
		NamespaceSelector:  metav1.LabelSelector{MatchLabels: labels},
		Namespaces:         []string{namespace},
		ExcludedNamespaces: []string{"rampart-system"},
		OperatorUser:       "system:serviceaccount:rampart-system:rampart",
	}, placed)
	c.policies = len(objects.ValidatingPolicies)
	for i, policy := range objects.ValidatingPolicies {
		if err := errors.Join(api.Create(ctx, policy), api.Create(ctx, objects.ValidatingBindings[i])); err != nil {
			return err
		}
	}
	return c.waitUntilInForce(ctx)
}

// waitUntilInForce waits until a pod that complies with nothing is refused.
func (c *candidate) waitUntilInForce(ctx context.Context) error {
	body, err := json.Marshal(&corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: "careless", Namespace: namespace},
		Spec: corev1.PodSpec{HostNetwork: true, Containers: []corev1.Container{{
			Name: "main", Image: "nginx", SecurityContext: &corev1.SecurityContext{Privileged: new(true)},
		}}},
	})
	if err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		status, _, err := c.create(ctx, requests[0].path, body)
		if err != nil {
			return false, fmt.Errorf("wait until the policies are in force: %w", err)
		}
		return status == http.StatusForbidden, nil
	})
}

// round sends requests one after the other.
func (c *candidate) round(ctx context.Context, path string, body []byte, count int) (sample, error) {
	var s sample
	before, err := c.cluster.APIServerCPU()
	if err != nil {
		return s, err
	}
	for range count {
		status, took, err := c.create(ctx, path, body)
		if err != nil {
			return s, err
		}
		if status != http.StatusCreated {
			return s, fmt.Errorf("with %d guardrails, %s answers %d", c.guardrails, path, status)
		}
		s.latencies = append(s.latencies, took)
	}
	after, err := c.cluster.APIServerCPU()
	s.cpu = (after - before) / time.Duration(count)
	return s, err
}

// create sends one dry-run create, and says how it was answered and how long that took.
func (c *candidate) create(ctx context.Context, path string, body []byte) (int, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cluster.Config.Host+path+"?dryRun=All", bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	began := time.Now()
	response, err := c.http.Do(request)
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

// measureAdmission times every request on every candidate, in rounds that take turns, so
// that whatever else the machine does falls on all of them alike.
func (m measured) measureAdmission(ctx context.Context, candidates []*candidate, rounds, count int) error {
	// The first round warms up: connections, caches, the heap.
	for round := range rounds + 1 {
		for r, request := range requests {
			body, err := json.Marshal(request.object)
			if err != nil {
				return err
			}
			for i := range candidates {
				turn := (i + round) % len(candidates)
				s, err := candidates[turn].round(ctx, request.path, body, count)
				if err != nil {
					return err
				}
				if round > 0 {
					m[r][turn] = append(m[r][turn], s)
				}
			}
		}
	}
	return nil
}

// admissionFigures sums up the rounds of a candidate.
type admissionFigures struct {
	median, p99, cpu time.Duration
	// The same in relation to a candidate without policies. Of latencies it is the median
	// over the rounds, each compared with the same round there; of CPU time, which the
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
