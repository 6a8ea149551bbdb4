// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestFailing(t *testing.T) {
	a := readyPod("a", 0, 1, 5)
	waiting := crashedPod(100, 2)
	running := waiting
	running.Containers = append(running.Containers[:0:0], running.Containers[0])
	running.Containers[0].Waiting = ""
	back := restartedPod(a, 100, 110, 2)
	image := waitingPod("a", 0)
	image.Containers[0].Waiting = "ImagePullBackOff"
	stuck := deployment(1, a)
	stuck.Workload.Rollout.DeadlineExceeded = true
	sick := deployment(1, waiting)
	sick.NodeTrouble = map[string]string{"node-1": "node is not ready"}
	stable := after(110).Add(RecoveryObjective)

	for name, c := range map[string]struct {
		look   Snapshot
		before bool
		now    time.Time
		why    string
		until  time.Time
	}{
		"its pods are ready":                          {deployment(1, a), false, after(10), "", time.Time{}},
		"a pod is in a crash loop":                    {deployment(1, waiting), false, after(101), "pod a is in CrashLoopBackOff", time.Time{}},
		"a crash loop runs for a moment":              {deployment(1, running), true, after(105), "pod a is in CrashLoopBackOff", time.Time{}},
		"a pod that crashed once is no crash loop":    {deployment(1, running), false, after(105), "", time.Time{}},
		"a crash loop is ready for a moment":          {deployment(1, back), true, after(111), "pod a crashed, and has not been ready for 5m0s since", stable},
		"it has been ready for a while":               {deployment(1, back), true, stable, "", time.Time{}},
		"an image cannot be had":                      {deployment(1, image), false, after(10), "pod a is in ImagePullBackOff", time.Time{}},
		"the image is there and the pod is not":       {deployment(1, startedPod("a", 0, 5)), true, after(10), "pod a is not ready yet, after others failed", time.Time{}},
		"the image is there and the pod is ready":     {deployment(1, a), true, after(10), "", time.Time{}},
		"its pods were deleted":                       {deployment(1), true, after(10), "its failing pods were deleted, and new ones are not there yet", time.Time{}},
		"it was scaled to zero":                       {deployment(0), true, after(10), "", time.Time{}},
		"its rollout does not progress":               {stuck, false, after(10), "the rollout does not progress: its deadline has passed", time.Time{}},
		"it crashes on a node in trouble":             {sick, false, after(101), "", time.Time{}},
		"it crashes on a node that has come to be so": {sick, true, after(101), "", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(Failing(c.look, c.before, c.now)).To(Equal(Failure{Why: c.why, Until: c.until}))
		})
	}
}
