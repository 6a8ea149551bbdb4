// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"math/rand/v2"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// withoutNewPods is the look at a revision that came, at a moment, without new pods.
func withoutNewPods(s Snapshot, since int) Snapshot {
	s.Kept, s.Before = true, after(since+1)
	s.Revision.Hash, s.Revision.Number, s.Revision.Since = "r2", 2, metav1.NewTime(after(since))
	return s
}

func TestARevisionWithoutNewPods(t *testing.T) {
	a, b := readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5)
	leaving := exited(departing(a, 110), 112, 0)
	replaced := deployment(2, b, readyPod("c", 111, 113, 119))
	replaced.Departed = []workload.Pod{exited(evicted(a, 110), 112, 0)}
	crashed := crashedPod(120, 1)
	before := crashedPod(90, 1)
	for _, test := range []struct {
		name string
		look at
		want []string
	}{
		{"pods from before start no more, and nothing rolls out", at{110, deployment(2, a, b)}, []string{}},
		{"how one of them ends proves nothing", at{113, deployment(2, b, leaving)}, []string{"Termination Censored"}},
		{"how badly it ends counts", at{113, deployment(2, b, exited(departing(a, 110), 112, 2))}, []string{"Termination Failure"}},
		{"what takes its place counts", at{120, replaced}, []string{"Termination Censored", "Start Success", "Replacement Success"}},
		{"a pod of the next second counts", at{110, deployment(2, b, readyPod("c", 101, 103, 109))}, []string{"Start Success"}},
		{"a pod of the same second does not", at{110, deployment(2, b, readyPod("c", 100, 103, 109))}, []string{}},
		{"its crash counts from then on", at{121, deployment(1, crashed)}, []string{"Start Failure"}},
		{"one from before has been counted", at{121, deployment(1, before)}, []string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := tell(at{test.look.second, withoutNewPods(grown(test.look.look), 100)})
			NewWithT(t).Expect(summary(e)).To(ConsistOf(test.want))
		})
	}
}

func TestADisruptionThatBeganBeforeTheRevisionWasCountedThere(t *testing.T) {
	a, c := evicted(readyPod("a", 0, 1, 5), 90), readyPod("c", 91, 93, 99)
	e := tell(at{110, withoutNewPods(grown(deployment(1, a, c)), 100)})
	NewWithT(t).Expect(summary(e)).To(ConsistOf("Replacement Censored"))
}

func TestNothingSucceedsWhilePodsRunDifferentImages(t *testing.T) {
	g := NewWithT(t)
	look := deployment(2, readyPod("a", 0, 1, 5), readyPod("b", 0, 1, 5))
	look.Revision.Containers = []v1alpha1.RevisionContainer{{Name: "app", Image: "shop:1", Digest: "a", OtherDigest: "b"}}
	e := tell(at{6, look})
	g.Expect(summary(e)).To(ConsistOf("Rollout Censored", "Start Censored", "Start Censored"))
	g.Expect(e.Trials[0].Message).To(ContainSubstring("different images under the tag of shop:1"))
	g.Expect(summary(tell(at{120, grown(deployment(1, crashedPod(110, 1)))}))).To(ContainElement("Start Failure"))
}

// However often ConfigMaps change, no success counts twice, and none for another revision
// than the one that its pod was made for.
func TestConfigMapsThatChangeMakeNoSuccesses(t *testing.T) {
	for seed := range uint64(100) {
		g := NewWithT(t)
		random := rand.New(rand.NewPCG(seed, 11))
		var pods []workload.Pod
		counted, made, since := 0, 0, -1
		e, number := v1alpha1.Evidence{}, int64(1)
		for second := range 300 {
			if random.IntN(20) == 0 {
				name := string(rune('a'+made%26)) + string(rune('a'+made/26))
				pods = append(pods, readyPod(name, second, second, second+1+random.IntN(5)))
				made++
			}
			if random.IntN(25) == 0 {
				counted += int(e.Counted)
				e = Carry(Supersede(e, Snapshot{}, after(second)), v1alpha1.RevisionMechanism{}, v1alpha1.RevisionMechanism{Configuration: "c"})
				since, number = second, number+1
			}
			var seen []workload.Pod
			for _, p := range pods {
				if p.Ready = !p.ReadySince.After(after(second)); p.Ready || random.IntN(3) > 0 {
					seen = append(seen, p)
				}
			}
			look := grown(deployment(int32(len(pods)), seen...))
			look.Workload.Rollout.Desired = int32(len(pods)) + 1 // always scaling: no rollout completes
			if since >= 0 {
				look = withoutNewPods(look, since)
				look.Revision.Number = number
			}
			if random.IntN(3) > 0 { // else nobody looks
				e = Observe(e, look, after(second))
			}
		}
		counted += int(e.Counted)
		g.Expect(counted).To(BeNumerically("<=", made), "seed %d: each pod starts once", seed)
	}
}
