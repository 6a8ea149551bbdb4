// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
)

// trials are n of a kind in separate episodes.
func trials(n int, kind v1alpha1.TrialKind, outcome v1alpha1.TrialOutcome, source v1alpha1.TrialSource) []v1alpha1.Trial {
	var all []v1alpha1.Trial
	for i := range n {
		name := fmt.Sprintf("%s-%s-%s-%d", kind, outcome, source, i)
		all = append(all, v1alpha1.Trial{
			ID: name, Kind: kind, Outcome: outcome, Source: source, Episode: name, Time: metav1.NewTime(after(i)),
		})
	}
	return all
}

func together(trials []v1alpha1.Trial) []v1alpha1.Trial {
	for i := range trials {
		trials[i].Episode = "one"
	}
	return trials
}

func TestCount(t *testing.T) {
	start, replacement := v1alpha1.TrialStart, v1alpha1.TrialReplacement
	good, bad := v1alpha1.TrialSuccess, v1alpha1.TrialFailure
	natural, drill := v1alpha1.SourceNatural, v1alpha1.SourceDrill
	for name, c := range map[string]struct {
		evidence v1alpha1.Evidence
		quality  v1alpha1.Quality
		want     confidence.Evidence
	}{
		"separate episodes count whole": {
			v1alpha1.Evidence{Trials: trials(4, start, good, natural)}, v1alpha1.Predictability, confidence.Evidence{Successes: 4},
		},
		"trials of one episode correlate": {
			v1alpha1.Evidence{Trials: together(trials(3, start, good, natural))}, v1alpha1.Predictability, confidence.Evidence{Successes: 1.5},
		},
		"an episode never counts more than two": {
			v1alpha1.Evidence{Trials: together(trials(199, start, good, natural))}, v1alpha1.Predictability, confidence.Evidence{Successes: 1.99},
		},
		"an episode with a failure is a failure": {
			v1alpha1.Evidence{Trials: together(append(trials(9, start, good, natural), trials(1, start, bad, natural)...))},
			v1alpha1.Predictability, confidence.Evidence{Failures: 1},
		},
		"failures of one episode count at least one": {
			v1alpha1.Evidence{Trials: together(trials(3, start, bad, natural))}, v1alpha1.Predictability, confidence.Evidence{Failures: 1.5},
		},
		"the first six drills count whole and further ones half": {
			v1alpha1.Evidence{Trials: trials(10, replacement, good, drill)}, v1alpha1.Recoverability, confidence.Evidence{Successes: 8},
		},
		"a failed drill always counts whole": {
			v1alpha1.Evidence{Trials: append(trials(6, replacement, good, drill), trials(1, replacement, bad, drill)...)},
			v1alpha1.Recoverability, confidence.Evidence{Successes: 6, Failures: 1},
		},
		"censored and excluded trials count for nothing": {
			v1alpha1.Evidence{Trials: append(trials(3, start, v1alpha1.TrialCensored, natural), trials(3, start, v1alpha1.TrialExcluded, natural)...)},
			v1alpha1.Predictability, confidence.Evidence{},
		},
		"carried evidence is added": {
			v1alpha1.Evidence{Trials: trials(1, start, good, natural), Carried: []v1alpha1.CarriedEvidence{
				{Quality: v1alpha1.Predictability, SuccessesMilli: 2500, FailuresMilli: 1000},
			}},
			v1alpha1.Predictability, confidence.Evidence{Successes: 3.5, Failures: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := Count(c.evidence)[c.quality].Evidence
			g.Expect(got.Successes).To(BeNumerically("~", c.want.Successes, 1e-9))
			g.Expect(got.Failures).To(BeNumerically("~", c.want.Failures, 1e-9))
		})
	}
}

func TestCleanAndFailedAreTheTrialsThemselves(t *testing.T) {
	g := NewWithT(t)
	tally := Count(v1alpha1.Evidence{
		Trials: append(together(trials(3, v1alpha1.TrialStart, v1alpha1.TrialSuccess, "")), trials(2, v1alpha1.TrialStart, v1alpha1.TrialFailure, "")...),
	})[v1alpha1.Predictability]
	g.Expect(tally.Clean).To(Equal(3))
	g.Expect(tally.Failed).To(Equal(2))
}

func TestACauseThatFailsSeveralQualitiesIsOneEpisode(t *testing.T) {
	e := v1alpha1.Evidence{Trials: together(append(
		trials(1, v1alpha1.TrialReplacement, v1alpha1.TrialFailure, ""), trials(1, v1alpha1.TrialTermination, v1alpha1.TrialFailure, "")...))}
	g := NewWithT(t)
	g.Expect(FailedEpisodes(e, qualities, after(-1))).To(Equal(1))
	g.Expect(FailedEpisodes(e, qualities, after(0))).To(BeZero(), "only those after the given time")
}
