// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func drilled(trials []v1alpha1.Trial) []v1alpha1.Trial {
	for i := range trials {
		trials[i].Source = v1alpha1.SourceDrill
	}
	return trials
}

func TestTargetsMayAskForTrialsThatNoDrillCaused(t *testing.T) {
	onlyRecoverability := v1alpha1.ReadinessTargets{Target: 80, Confidence: 90, Qualities: []v1alpha1.Quality{v1alpha1.Recoverability}, NaturalTrials: 2}
	replacement := v1alpha1.TrialReplacement
	for name, c := range map[string]struct {
		evidence v1alpha1.Evidence
		state    v1alpha1.ReportState
		message  string
		needed   [2]int32 // trials of any source, natural ones
		drill    bool
	}{
		"drills alone are not enough": {
			shown(drilled(good(8, replacement))), v1alpha1.ReportCollecting,
			"reached, but 2 more clean trials must come about without a drill", [2]int32{0, 2}, false,
		},
		"one natural trial is missing": {
			shown(drilled(good(8, replacement)), good(1, replacement)), v1alpha1.ReportCollecting,
			"reached, but 1 more clean trial must come about without a drill", [2]int32{0, 1}, false,
		},
		"natural ones and drills together prove": {
			shown(drilled(good(6, replacement)), good(2, replacement)), v1alpha1.ReportProven, "proven", [2]int32{0, 0}, false,
		},
		"both are missing": {
			shown(good(1, replacement)), v1alpha1.ReportCollecting,
			"more clean trials needed (1 of 1 so far); 1 more clean trial must come about without a drill", [2]int32{5, 1}, true,
		},
		"natural ones of another quality do not help": {
			shown(drilled(good(8, replacement)), good(9, v1alpha1.TrialTermination)), v1alpha1.ReportCollecting, "2 more clean trials", [2]int32{0, 2}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := Judge(c.evidence, service(), onlyRecoverability)
			g.Expect(r.State).To(Equal(c.state), r.Message)
			g.Expect(r.Message).To(ContainSubstring(c.message))
			shown := r.Qualities[1]
			g.Expect([2]int32{shown.Needed, shown.NaturalNeeded}).To(Equal(c.needed), shown.Message)
			g.Expect(NeedsDrill(r)).To(Equal(c.drill), "a drill brings no natural trial")
		})
	}
}
