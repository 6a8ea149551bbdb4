// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"encoding/json"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// manyPods started one after the other, a minute apart, all still alive.
func manyPods(n int) []workload.Pod {
	var pods []workload.Pod
	for i := range n {
		pods = append(pods, readyPod(fmt.Sprintf("shop-6f7c9d8b5-%05d", i), 60*i, 60*i+2, 60*i+7))
	}
	return pods
}

func TestPodsThatOutliveTheWindowCountOnce(t *testing.T) {
	g := NewWithT(t)
	pods := manyPods(450)
	var e v1alpha1.Evidence
	for i := range pods {
		e = Observe(e, bare(pods[:i+1]...), after(60*i+8))
		g.Expect(e.Counted).To(BeEquivalentTo(i + 1))
		g.Expect(e.Censored).To(BeZero())
	}
	g.Expect(Observe(e, bare(pods...), after(99999))).To(Equal(e))
}

func TestEvidenceIsBounded(t *testing.T) {
	g := NewWithT(t)
	e := tell(at{99999, bare(manyPods(450)...)})
	g.Expect(e.Trials).To(HaveLen(maxTrials))
	worded := 0
	for i, trial := range e.Trials {
		if trial.Message != "" {
			worded++
			g.Expect(i).To(BeNumerically(">=", maxTrials-maxMessages), "the newest have words")
		}
	}
	g.Expect(worded).To(Equal(maxMessages))
	g.Expect(e.StartSeconds).To(HaveLen(keptStarts))

	var starting []workload.Pod
	for i := range 100 {
		starting = append(starting, startedPod(fmt.Sprintf("p%d", i), 100000, 100000))
	}
	starting = append(starting, departing(readyPod("last", 100000, 100000, 100000), 100001))
	e = resume(e, at{100001, bare(starting...)})
	g.Expect(e.Open).To(HaveLen(maxOpen))
	g.Expect(e.Open[0].Kind).To(Equal(v1alpha1.TrialTermination), "what cannot be rebuilt keeps its place")

	data, err := json.Marshal(e)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(data)).To(BeNumerically("<=", 30<<10), "leaves room in a report of 32 KiB")
}
