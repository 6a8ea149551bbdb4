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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/controllers"
	"github.com/rampart-dev/rampart/internal/guardrail"
	"github.com/rampart-dev/rampart/internal/testenv"
)

const (
	// namespace is where guardrails stand, and elsewhere is in no environment.
	namespace   = "shop"
	elsewhere   = "elsewhere"
	environment = "production"
	// block is how many requests follow one another in one of the two.
	block = 10
)

var environmentLabels = map[string]string{"environment": environment}

// The requests that are timed create objects that comply. Dry-runs go all the way through
// admission, and the data store stays out of it: guardrails are the largest part of these. What a
// cluster serves all day is stored, and most of it is written by controllers.
var requests = []request{
	{title: "Pod", path: pods, object: pod("checkout")},
	{title: "Deployment", path: deployments, object: deployment("checkout")},
	{title: "Deployment, stored", path: deployments, object: deployment("checkout"), stored: true},
	{title: "Pod, stored, by the ReplicaSet controller, not judged again", path: pods, object: pod("checkout"), stored: true, account: "replicaset-controller"},
}

const (
	pods        = "/api/v1/namespaces/%s/pods"
	deployments = "/apis/apps/v1/namespaces/%s/deployments"
)

// request creates an object under a path, in which the namespace is left open.
type request struct {
	title, path string
	object      client.Object
	// stored objects are really created, and deleted uncounted. Others are dry-runs.
	stored bool
	// account of kube-system that sends it; empty means an administrator.
	account string
}

// body of the request. The namespace follows from the path, and the API server makes a name
// for what it stores.
func (r request) body() ([]byte, error) {
	object := r.object.DeepCopyObject().(client.Object)
	object.SetNamespace("")
	if r.stored {
		object.SetGenerateName(object.GetName() + "-")
		object.SetName("")
	}
	return json.Marshal(object)
}

// url of the request on a server, for a namespace.
func (r request) url(host, namespace string) string {
	url := host + fmt.Sprintf(r.path, namespace)
	if r.stored {
		return url
	}
	return url + "?dryRun=All"
}

// candidate is a number of guardrails, rendered to admission policies.
type candidate struct {
	guardrails int
	policies   []*admissionv1.ValidatingAdmissionPolicy
	bindings   []*admissionv1.ValidatingAdmissionPolicyBinding
	probes     []guardrail.Probe
}

// apiServer is one API server in which candidates are in force by turns. One process is a
// little slower than another all its life, and a machine from second to second, both by as much
// as the policies cost. So what guardrails cost is told by requests to a namespace where they
// stand and to one where none does, of which a few follow one another.
type apiServer struct {
	cluster *testenv.Cluster
	// http are the clients that send the requests, by account.
	http   map[string]*http.Client
	api    client.Client
	prober controllers.Prober
}

// sample is what requests took.
type sample struct {
	// latencies of the single requests, as the client sees them.
	latencies []time.Duration
	// cpu that the API server used for all of them.
	cpu time.Duration
}

// turn is what requests took while a candidate was in force, where its guardrails stand and
// elsewhere.
type turn struct{ guarded, elsewhere sample }

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
	s := &apiServer{cluster: cluster, http: map[string]*http.Client{}}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, cluster.Stop())
	}
	return s, nil
}

func (s *apiServer) connect(ctx context.Context) (err error) {
	if s.prober, err = controllers.NewProber(s.cluster.Config); err != nil {
		return err
	}
	if s.api, err = client.New(s.cluster.Config, client.Options{}); err != nil {
		return err
	}
	for _, request := range requests {
		if err := s.connectAs(ctx, request.account); err != nil {
			return err
		}
	}
	return errors.Join(
		s.api.Create(ctx, testenv.Namespace(namespace, environmentLabels)), s.api.Create(ctx, testenv.Namespace(elsewhere, nil)))
}

// connectAs makes the client of an account. The API server has bound the roles of built-in
// controllers to their accounts; the controller manager, which makes these, does not run.
func (s *apiServer) connectAs(ctx context.Context, account string) (err error) {
	if s.http[account] != nil {
		return nil
	}
	config := s.cluster.Config
	if account != "" {
		key := types.NamespacedName{Namespace: metav1.NamespaceSystem, Name: account}
		if err := s.api.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}); err != nil {
			return err
		}
		if config, err = s.cluster.ConfigFor(ctx, key); err != nil {
			return err
		}
	}
	s.http[account], err = rest.HTTPClientFor(config)
	return err
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

// send sends a block of requests, one after the other, to a namespace, and adds what they took.
func (s *apiServer) send(ctx context.Context, taken *sample, request request, namespace string, body []byte) error {
	before, err := s.cluster.APIServerCPU()
	if err != nil {
		return err
	}
	sender, url := s.http[request.account], request.url(s.cluster.Config.Host, namespace)
	for range block {
		status, took, err := create(ctx, sender, url, body)
		if err != nil {
			return err
		}
		if status != http.StatusCreated {
			return fmt.Errorf("%s answers %d", url, status)
		}
		taken.latencies = append(taken.latencies, took)
	}
	after, err := s.cluster.APIServerCPU()
	taken.cpu += after - before
	if err != nil || !request.stored {
		return err
	}
	return s.api.DeleteAllOf(ctx, request.object, client.InNamespace(namespace), client.GracePeriodSeconds(0))
}

// create sends one create, and says how it was answered and how long that took.
func create(ctx context.Context, sender *http.Client, url string, body []byte) (int, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	began := time.Now()
	response, err := sender.Do(request)
	if err != nil {
		return 0, 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, time.Since(began), errors.Join(err, response.Body.Close())
}

// measured are turns, by request and by candidate, one for each round.
type measured [][][]turn

func newMeasured() measured {
	m := make(measured, len(requests))
	for r := range m {
		m[r] = make([][]turn, len(numbers))
	}
	return m
}

// measureAdmission times every request with every candidate in force, in rounds that take
// turns, so that whatever else the machine does falls on all of them alike.
func (m measured) measureAdmission(ctx context.Context, s *apiServer, compared []candidate, rounds, count int) error {
	// The first round warms up: connections, caches, the heap.
	for round := range rounds + 1 {
		for _, i := range order(round, len(compared)) {
			turns, err := s.turnOf(ctx, compared[i], count)
			if err != nil {
				return fmt.Errorf("with %d guardrails: %w", compared[i].guardrails, err)
			}
			for r := range requests {
				if round > 0 {
					m[r][i] = append(m[r][i], turns[r])
				}
			}
		}
	}
	return nil
}

// order is that in which candidates are in force in a round: each is first as often as the
// others, and follows each of the others as often. What a turn leaves behind, compiled policies
// that are not needed any more, is collected in the next one.
func order(round, candidates int) []int {
	all := make([]int, 0, candidates)
	for i := range candidates {
		all = append(all, (i+round/2)%candidates)
	}
	if round%2 == 1 {
		slices.Reverse(all)
	}
	return all
}

// turnOf times every request while a candidate is in force. The first requests of a turn
// are not counted: the API server has just compiled policies, or forgotten them.
func (s *apiServer) turnOf(ctx context.Context, c candidate, count int) ([]turn, error) {
	if err := s.enforce(ctx, c); err != nil {
		return nil, err
	}
	var turns []turn
	for _, request := range requests {
		var uncounted, taken turn
		if err := s.alternate(ctx, &uncounted, request, count/2); err != nil {
			return nil, err
		}
		if err := s.alternate(ctx, &taken, request, count); err != nil {
			return nil, err
		}
		turns = append(turns, taken)
	}
	return turns, s.release(ctx, c)
}

// alternate sends a number of requests to each of the two namespaces, some to the one and some
// to the other, each of them first as often as the other.
func (s *apiServer) alternate(ctx context.Context, taken *turn, request request, count int) error {
	body, err := request.body()
	if err != nil {
		return err
	}
	guarded := func() error { return s.send(ctx, &taken.guarded, request, namespace, body) }
	unguarded := func() error { return s.send(ctx, &taken.elsewhere, request, elsewhere, body) }
	for i := range count / block {
		first, second := guarded, unguarded
		if i%2 == 1 {
			first, second = unguarded, guarded
		}
		if err := errors.Join(first(), second()); err != nil {
			return err
		}
	}
	return nil
}
