// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// The files in testdata are what the API of a cluster with a real node showed of a
// Deployment behind a Service, event by event. Test/node plays the same episodes.

// transcriptLine is one watch event.
type transcriptLine struct {
	At     time.Time       `json:"at"`
	Event  string          `json:"event"`
	Kind   string          `json:"kind"`
	Object json.RawMessage `json:"object"`
}

// replay is an operator that watches a transcript.
type replay struct {
	t           *testing.T
	deployment  *appsv1.Deployment
	replicaSets map[string]*appsv1.ReplicaSet
	pods        map[string]*corev1.Pod
	slices      map[string]*discoveryv1.EndpointSlice
	departed    []workload.Pod

	revision v1alpha1.Revision
	evidence v1alpha1.Evidence
	// ended are the trials of the revisions before.
	ended []string
	now   time.Time
}

func newReplay(t *testing.T) *replay {
	return &replay{
		t: t, replicaSets: map[string]*appsv1.ReplicaSet{}, pods: map[string]*corev1.Pod{}, slices: map[string]*discoveryv1.EndpointSlice{},
	}
}

func transcript(t *testing.T, name string) []transcriptLine {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []transcriptLine
	for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
		var line transcriptLine
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// happens brings one event to the cache.
func (r *replay) happens(line transcriptLine) {
	r.t.Helper()
	r.now = line.At
	read := func(into metav1.Object) {
		if err := json.Unmarshal(line.Object, into); err != nil {
			r.t.Fatal(err)
		}
	}
	switch line.Kind {
	case "Deployment":
		r.deployment = &appsv1.Deployment{}
		read(r.deployment)
	case "ReplicaSet":
		var rs appsv1.ReplicaSet
		read(&rs)
		r.replicaSets[rs.Name] = &rs
	case "EndpointSlice":
		var slice discoveryv1.EndpointSlice
		read(&slice)
		r.slices[slice.Name] = &slice
	case "Pod":
		var pod corev1.Pod
		read(&pod)
		r.pods[pod.Name] = &pod
		if line.Event == "DELETED" {
			delete(r.pods, pod.Name)
			r.departed = append(r.departed, workload.PodFrom(&pod))
		}
	}
}

// look is one pass of the operator.
func (r *replay) look() {
	r.t.Helper()
	if r.deployment == nil {
		return
	}
	w, _ := workload.From(r.deployment)
	s := Snapshot{
		Workload: w, Revision: r.revision, Departed: r.departed, Serving: true,
		Endpoints: w.EndpointsOf([]*corev1.Service{{
			ObjectMeta: metav1.ObjectMeta{Name: "shop"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "shop"}},
		}}, slices.Collect(maps.Values(r.slices))),
	}
	for _, pod := range r.pods {
		s.Pods = append(s.Pods, workload.PodFrom(pod))
	}
	hash := workload.TemplateHashOf(r.deployment, slices.Collect(maps.Values(r.replicaSets)))
	if template, _ := json.Marshal(w.Template); r.revision.Hash != string(template) {
		if r.revision.Number > 0 {
			r.evidence = Supersede(r.evidence, s, r.now)
			r.ended = append(r.ended, r.said()...)
			r.evidence = Carry(r.evidence, v1alpha1.RevisionMechanism{}, v1alpha1.RevisionMechanism{Content: "new"})
		}
		s.Before = r.revision.Since.Time
		r.revision = v1alpha1.Revision{Hash: string(template), Number: r.revision.Number + 1, Since: metav1.NewTime(r.now)}
	}
	if hash != "" {
		r.revision.PodTemplateHash = hash
	}
	s.Revision = r.revision
	r.evidence = Observe(stored(r.t, r.evidence), s, r.now)
	r.departed = nil
}

// rest lets the operator look at its deadlines until nothing is open.
func (r *replay) rest() {
	for deadline := NextDeadline(r.evidence); deadline != nil; deadline = NextDeadline(r.evidence) {
		r.now = *deadline
		r.look()
	}
}

// said are the trials of the current revision.
func (r *replay) said() []string {
	var all []string
	for _, t := range summary(r.evidence) {
		all = append(all, fmt.Sprintf("%d %s", r.revision.Number, t))
	}
	return all
}

func (r *replay) all() []string { return slices.Concat(r.ended, r.said()) }

// outcomes are the trials with how often each occurs: "1 Start Success x3".
func (r *replay) outcomes() []string {
	n := map[string]int{}
	for _, t := range r.all() {
		n[t]++
	}
	var all []string
	for _, t := range slices.Sorted(maps.Keys(n)) {
		all = append(all, fmt.Sprintf("%s x%d", t, n[t]))
	}
	return all
}

// TestWhatARealNodeShows reads "<number of the revision> <trial> x<how often>".
func TestWhatARealNodeShows(t *testing.T) {
	for name, want := range map[string][]string{
		"contained-rollout": {
			"1 Rollout Success x1",
			"1 Start Success x3",
			"2 ContainedRollout Success x1",
			"2 Rollout Failure x1",
			"2 Start Failure x1",
		},
		"crash-after-ready": {
			"1 Containment Censored x1",
			"1 Containment Failure x5",
			"1 Containment Success x1",
			"1 Restart Failure x8",
			"1 Restart Success x1",
			"1 Rollout Success x1",
			"1 Start Failure x9",
			"1 Start Success x3",
		},
		"crash-loop": {
			"1 Rollout Success x1",
			"1 Start Success x3",
			"2 ContainedRollout Success x1",
			"2 Rollout Failure x1",
			"2 Start Failure x3",
		},
		"eviction": {
			"1 Containment Success x1",
			"1 Replacement Success x1",
			"1 Rollout Success x1",
			"1 Start Success x4",
			"1 Termination Success x1",
		},
		"ignored-sigterm": {
			"1 Rollout Success x1",
			"1 Start Success x4",
			"1 Termination Failure x1",
		},
		"restart": {
			"1 Containment Failure x3",
			"1 Containment Success x1",
			"1 Restart Failure x4",
			"1 Rollout Success x1",
			"1 Start Failure x4",
			"1 Start Success x2",
		},
		"readiness-flapping": {
			"1 Containment Success x1",
			"1 Rollout Success x1",
			"1 Start Success x3",
		},
		"liveness-kill": {
			"1 Containment Failure x2",
			"1 Containment Success x2",
			"1 Rollout Success x1",
			"1 Start Failure x6",
			"1 Start Success x2",
		},
		"node-drain": {
			"1 Containment Failure x2",
			"1 Containment Success x1",
			"1 Replacement Success x3",
			"1 Rollout Success x1",
			"1 Start Success x6",
			"1 Termination Success x3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplay(t)
			for _, line := range transcript(t, name) {
				r.happens(line)
				r.look()
			}
			r.rest()
			NewWithT(t).Expect(r.outcomes()).To(Equal(want))
		})
	}
}

// TestWhatARealNodeShowsToOneWhoMissesMostOfIt loses looks, and what they would have seen
// depart, and restarts: nothing may be counted that was not counted by one who saw it all.
func TestWhatARealNodeShowsToOneWhoMissesMostOfIt(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(files).NotTo(BeEmpty())
	for _, file := range files {
		name := filepath.Base(file[:len(file)-len(".jsonl")])
		t.Run(name, func(t *testing.T) {
			lines, whole := transcript(t, name), newReplay(t)
			for _, line := range lines {
				whole.happens(line)
				whole.look()
			}
			whole.rest()
			happened := tally(whole.all())
			for seed := range uint64(10) {
				random, r := rand.New(rand.NewPCG(seed, 3)), newReplay(t)
				for _, line := range lines {
					r.happens(line)
					switch random.IntN(4) {
					case 0:
						r.look()
					case 1:
						r.departed = nil
					}
				}
				r.rest()
				for what, n := range tally(r.all()) {
					if strings.Contains(what, " Containment ") {
						continue // of a pod that is lost again and again, another time may be the first that is seen
					}
					NewWithT(t).Expect(n).To(BeNumerically("<=", happened[what]), "seed %d: %s", seed, what)
				}
			}
		})
	}
}

// tally counts the successes. A failure may be seen as one of another kind.
func tally(trials []string) map[string]int {
	n := map[string]int{}
	for _, t := range trials {
		if strings.HasSuffix(t, "Success") {
			n[t]++
		}
	}
	return n
}
