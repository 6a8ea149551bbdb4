// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

func TestNaturalTrialsAreThoseThatNobodySetOff(t *testing.T) {
	trial := func(source v1alpha1.TrialSource, outcome v1alpha1.TrialOutcome) v1alpha1.Trial {
		return v1alpha1.Trial{Kind: v1alpha1.TrialReplacement, Source: source, Outcome: outcome}
	}
	counted := Natural(v1alpha1.Evidence{Trials: []v1alpha1.Trial{
		trial(v1alpha1.SourceNatural, v1alpha1.TrialSuccess),
		trial("", v1alpha1.TrialSuccess), // an earlier operator left the source out
		trial(v1alpha1.SourceDrill, v1alpha1.TrialSuccess),
		trial(v1alpha1.SourceTest, v1alpha1.TrialSuccess),
		trial(v1alpha1.SourceNatural, v1alpha1.TrialFailure),
		trial(v1alpha1.SourceNatural, v1alpha1.TrialCensored),
		{Kind: v1alpha1.TrialTermination, Source: v1alpha1.SourceNatural, Outcome: v1alpha1.TrialSuccess},
	}})
	NewWithT(t).Expect(counted).To(Equal(map[v1alpha1.Quality]int{v1alpha1.Recoverability: 2, v1alpha1.SafeFailure: 1}))
}
