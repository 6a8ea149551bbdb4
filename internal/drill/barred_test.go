// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drill"
)

func TestWhatBarsDrillsForGood(t *testing.T) {
	when := func(edit func(*drill.Input)) drill.Input {
		in := awaited()
		edit(&in)
		return in
	}
	for name, c := range map[string]struct {
		in   drill.Input
		want string
	}{
		"a healthy service is not":  {awaited(), ""},
		"nobody waits for evidence": {when(func(in *drill.Input) { in.Awaited, in.Policy.Mode = false, v1alpha1.DrillsOff }), ""},
		"drills are off":            {when(func(in *drill.Input) { in.Policy.Mode = v1alpha1.DrillsOff }), "drills are Off here"},
		"the workload opts out":     {when(func(in *drill.Input) { in.Workload.Annotations = map[string]string{v1alpha1.AnnotationDrills: "Off"} }), "the workload says"},
		"one failed on this revision": {when(func(in *drill.Input) {
			in.Evidence.Trials = []v1alpha1.Trial{{Source: v1alpha1.SourceDrill, Outcome: v1alpha1.TrialFailure}}
		}), "one failed on this revision"},
		"an incident passes":                    {when(func(in *drill.Input) { in.Incident = true }), ""},
		"a pod that is not ready becomes so":    {when(func(in *drill.Input) { in.Pods[0].Ready = false }), ""},
		"another drill of the namespace passes": {when(func(in *drill.Input) { in.RunningInNamespace = 1 }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			if c.want == "" {
				g.Expect(drill.Barred(c.in)).To(BeEmpty())
				return
			}
			g.Expect(drill.Barred(c.in)).To(ContainSubstring(c.want))
		})
	}
}
