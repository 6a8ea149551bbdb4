// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"fmt"
	"strings"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/confidence"
	"github.com/rampart-dev/rampart/internal/environment"
)

// lowersAfter is how many separate causes of wrong decisions take the level Act away.
const lowersAfter = 2

// Input is what the level of an act in a namespace depends on.
type Input struct {
	Act Act
	// Joined is the namespace's membership in the environment.
	Joined environment.Joined
	// Previous is where the act stood; nil when it is new there.
	Previous *Standing
	// Trials of all workloads of the namespace, of any kind.
	Trials []v1alpha1.ActTrial
	// Progression and Suspend of the effective policy.
	Progression v1alpha1.Progression
	Suspend     v1alpha1.SuspendMode
	Now         time.Time
}

// Output is where the act stands now.
type Output struct {
	Standing
	// Needed is how many further decisions must prove right before it is carried out; 0 when
	// it is.
	Needed int
	// Change says why it came to another level; empty when it did not, or is new.
	Change string
}

// Step takes the one step that the decisions call for, if any: up when the bound on the
// share of those that proved right reaches the policy's target, down when decisions of two
// separate causes proved wrong since it was carried out. Whoever changes startLevel begins
// the climb anew. Nothing falls because time passes, and nothing rises without evidence.
func Step(in Input) Output {
	frozen := in.Suspend == v1alpha1.SuspendAll
	origin, now := originOf(in.Joined, in.Act), in.Now.UTC().Truncate(time.Second)
	out := Output{Standing: Standing{Kind: in.Act.Kind, Level: origin.begins(), Since: in.Joined.Since, Origin: origin}}
	switch {
	case in.Previous != nil && (frozen || in.Previous.Origin == origin):
		out.Standing = *in.Previous
	case in.Previous != nil:
		out.Since = now
		if in.Previous.Level != out.Level {
			out.Change = fmt.Sprintf("%s says so now", inWords[in.Act.Kind].field)
		}
	}
	tally := Count(in.Trials, in.Act.Kind, out.Since)
	target, sureness := float64(in.Progression.Target)/100, float64(in.Progression.Confidence)/100
	hold := in.Progression.Mode == v1alpha1.ProgressionHold
	switch raised := confidence.Reached(tally.Evidence, target, sureness); {
	case frozen:
	case out.Level == v1alpha1.ActReport && raised && !hold:
		out.Change = fmt.Sprintf("%s, %d%% of %d%%", right(tally, in.Act.Kind, "reported "),
			confidence.Percent(confidence.Bound(tally.Evidence, sureness)), in.Progression.Target)
		out.Level, out.Since, tally = v1alpha1.ActAct, now, Tally{}
	case out.Level == v1alpha1.ActAct && tally.FailedEpisodes >= lowersAfter:
		out.Change = fmt.Sprintf("%s; the last: %s", right(tally, in.Act.Kind, ""), tally.Wrong)
		out.Level, out.Since, out.Lowered, tally = v1alpha1.ActReport, now, true, Tally{}
	}
	if out.Level == v1alpha1.ActReport {
		out.Needed = confidence.Needed(tally.Evidence, target, sureness)
	}
	out.Says = says(out, tally, hold, frozen)
	return out
}

// says is what has been shown, and what is missing.
func says(out Output, tally Tally, hold, frozen bool) string {
	var parts []string
	if tally.Agreed+tally.Disagreed > 0 || out.Level == v1alpha1.ActReport {
		parts = append(parts, right(tally, out.Kind, map[v1alpha1.ActLevel]string{v1alpha1.ActReport: "reported "}[out.Level]))
	}
	switch {
	case frozen:
		parts = append(parts, "the environment is suspended, so that nothing moves it")
	case out.Level == v1alpha1.ActReport && hold:
		parts = append(parts, "progression.mode Hold keeps it at Report")
	case out.Level == v1alpha1.ActReport && out.Needed == 1:
		parts = append(parts, "1 more raises it")
	case out.Level == v1alpha1.ActReport:
		parts = append(parts, fmt.Sprintf("%d more raise it", out.Needed))
	case out.Lowered || out.Origin == Busy:
		parts = append(parts, "earned by what it reported")
	case out.Origin == Told:
		parts = append(parts, inWords[out.Kind].field+" is Act")
	default:
		parts = append(parts, "the namespace was empty when its policy came")
	}
	return strings.Join(parts, "; ")
}

// right is a tally in words: "3 of 4 reported corrections were right".
func right(tally Tally, kind v1alpha1.ActionKind, which string) string {
	total := tally.Agreed + tally.Disagreed
	switch total {
	case 0:
		return fmt.Sprintf("nothing has shown yet whether a %s%s is right", which, inWords[kind].one)
	case 1:
		return fmt.Sprintf("%d of 1 %s%s was right", tally.Agreed, which, inWords[kind].one)
	default:
		return fmt.Sprintf("%d of %d %s%s were right", tally.Agreed, total, which, inWords[kind].many)
	}
}
