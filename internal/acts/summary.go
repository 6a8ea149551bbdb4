// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
	"github.com/rampart-dev/rampart/internal/message"
)

const (
	// maxWaiting is how many namespaces a state names.
	maxWaiting = 10
	// maxWait and maxMessage bound the sentences of a state, in bytes.
	maxWait, maxMessage = 384, 512
)

// Place is how an act stands in one namespace.
type Place struct {
	Namespace string
	Standing
	// Needed is how many further decisions must prove right before it is carried out.
	Needed int
	// Tally is of all that the workloads there remember.
	Tally Tally
}

// PlaceOf is how an act stands in a namespace, given the trials of its workloads.
func PlaceOf(namespace string, standing Standing, trials []v1alpha1.ActTrial, progression v1alpha1.Progression) Place {
	since := Count(trials, standing.Kind, standing.Since)
	return Place{
		Namespace: namespace, Standing: standing, Tally: Count(trials, standing.Kind, time.Time{}),
		Needed: confidence.Needed(since.Evidence, float64(progression.Target)/100, float64(progression.Confidence)/100),
	}
}

// Summary is how an act stands over the namespaces of an environment: where it is carried
// out, where not, and what is missing.
func Summary(act Act, places []Place) v1alpha1.ActState {
	state := v1alpha1.ActState{Kind: act.Kind}
	var waiting []Place
	for _, p := range places {
		state.Agreed += int32(p.Tally.Agreed)       //nolint:gosec // at most 20 of each workload
		state.Disagreed += int32(p.Tally.Disagreed) //nolint:gosec // as above
		if p.Level == v1alpha1.ActAct {
			state.Acting++
			continue
		}
		state.Reporting++
		waiting = append(waiting, p)
	}
	// The next to be raised first.
	slices.SortFunc(waiting, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Needed, b.Needed), cmp.Compare(a.Namespace, b.Namespace))
	})
	for _, p := range waiting[:min(len(waiting), maxWaiting)] {
		state.Waiting = append(state.Waiting, message.Cut(p.Namespace+": "+p.says(), maxWait))
	}
	state.Message = fmt.Sprintf("%s: carried out in %d of %d namespaces", inWords[act.Kind].many, state.Acting, len(places))
	if len(waiting) > 0 {
		state.Message += "; next is " + waiting[0].Namespace + ": " + waiting[0].says()
	}
	state.Message = message.Cut(state.Message, maxMessage)
	return state
}

// says is the sentence of the place; a namespace that nobody has looked at has none yet.
func (p Place) says() string { return cmp.Or(p.Says, "not looked at yet") }
