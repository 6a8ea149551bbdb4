// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// Verdict is what should follow a rollout.
type Verdict string

// The verdicts.
const (
	// VerdictNone: nothing is wrong.
	VerdictNone Verdict = "None"
	// VerdictWait: something may be wrong, and more will be known soon.
	VerdictWait Verdict = "Wait"
	// VerdictHold: the rollout fails, and rolling back would not help or is not allowed now.
	VerdictHold Verdict = "Hold"
	// VerdictReport: the rollout fails, and people must decide.
	VerdictReport Verdict = "Report"
	// VerdictAct: roll back to Decision.Target now.
	VerdictAct Verdict = "Act"
)

// Decision is what follows a rollout.
type Decision struct {
	// Verdict says what follows.
	Verdict Verdict
	// Failed is true when the evidence against the new revision suffices, whatever follows.
	Failed bool
	// Contained is true when the old pods kept serving in full: the failure hurt nobody.
	Contained bool
	// Target is the revision to return to; nil unless the verdict is Act, or Report with one to propose.
	Target *Revision
	// ByLevel is true when nothing but the level Report keeps the rollback from being done now.
	ByLevel bool
	// Reason explains the decision to people.
	Reason string
	// Action is the id of the rollback, so that it happens once.
	Action string
}

// Judge says what should follow a rollout. It is a function of its input alone. Missing
// evidence never acts.
func Judge(r Rollout) Decision {
	switch {
	case !r.Observed:
		return Decision{Verdict: VerdictWait, Reason: "the pods of the rollout could not be observed: nothing is done without evidence"}
	case r.Desired == 0:
		return Decision{Verdict: VerdictNone, Reason: "no pods are wanted"}
	}
	evidence := weigh(r)
	if !evidence.suspicious() && r.Infrastructure == "" {
		return Decision{Verdict: VerdictNone, Reason: "nothing speaks against the revision"}
	}
	decision := Decision{Failed: evidence.bad, Contained: r.contained(), Action: ActionID(r)}
	if cause := elsewhere(r, evidence); cause != "" {
		decision.Failed = false
		return decision.because(VerdictHold, evidence, cause)
	}
	if !evidence.bad {
		return decision.because(VerdictWait, evidence, "that is not enough to judge the revision, which is judged again "+r.judgedAgain())
	}
	if r.RanWell && r.FailingFor < Together {
		return decision.because(VerdictWait, evidence, fmt.Sprintf(
			"but it ran well before, so that first it is seen for %s whether other workloads fail too", minutes(Together)))
	}
	if cause := forPeople(r); cause != "" {
		return decision.because(VerdictReport, evidence, cause)
	}
	if cause := notOptedIn(r); cause != "" {
		decision.Target = r.Target()
		return decision.because(VerdictReport, evidence, cause)
	}
	if decision.Target = r.Target(); decision.Target == nil {
		return decision.because(VerdictReport, evidence, cmp.Or(r.altered(), "no earlier revision is known to be good")+": fix it forward")
	}
	return act(r, decision, evidence)
}

// act decides when to roll back what should be rolled back.
func act(r Rollout, decision Decision, evidence evidence) Decision {
	to := r.destination()
	switch {
	case r.Suspended:
		decision.Target = nil
		return decision.because(VerdictHold, evidence, "remediation is suspended in the EnvironmentPolicy")
	case decision.Contained && evidence.pending > 0 && !r.DeadlineExceeded:
		decision.Target = nil
		return decision.because(VerdictWait, evidence, fmt.Sprintf(
			"enough pods serve, so there is time to see the other %d", evidence.pending))
	case r.OnFailure != v1alpha1.OnFailureRollback:
		return decision.because(VerdictReport, evidence, "failed rollouts are only reported here: go back to "+to+", or fix it forward")
	case r.Level != v1alpha1.ActAct:
		decision.ByLevel = true
		return decision.because(VerdictReport, evidence, "it would be rolled back to "+to+", but "+r.AtReport)
	default:
		// A GitOps tool may bring a revision back before anybody saw that it was gone. That
		// is another rollout of the same revision, and the generation tells them apart.
		decision.Action = fmt.Sprintf("%s-%d", decision.Action, r.Generation)
		return decision.because(VerdictAct, evidence, "rolled back to "+to)
	}
}

// elsewhere says why the cause is likely not the revision; empty when it likely is.
func elsewhere(r Rollout, evidence evidence) string {
	switch {
	case r.Infrastructure != "":
		return "the cluster is the cause (" + r.Infrastructure + "), and another revision would meet it too"
	case evidence.registry > 0:
		return "the image registry cannot be reached, and another revision may need it too"
	case r.Old.Failing > 0:
		return fmt.Sprintf("%d of %d pods of the earlier revision fail too, so that the cause is likely not the new one", r.Old.Failing, r.Old.Total)
	case len(r.OthersFailing)+r.OthersElsewhere > 0:
		return fmt.Sprintf("%s began to fail at the same time, so that the cause is likely common: see %s",
			otherWorkloads(len(r.OthersFailing)+r.OthersElsewhere), r.others())
	}
	return ""
}

func otherWorkloads(n int) string {
	if n == 1 {
		return "1 other workload"
	}
	return fmt.Sprintf("%d other workloads", n)
}

// others are the workloads that fail, too.
func (r Rollout) others() string {
	elsewhere := fmt.Sprintf("%d in other namespaces", r.OthersElsewhere)
	switch {
	case r.OthersElsewhere == 0:
		return message.First(maxNames, r.OthersFailing)
	case len(r.OthersFailing) == 0:
		return elsewhere
	default:
		return message.First(maxNames, r.OthersFailing) + ", " + elsewhere
	}
}

// maxNames is how many workloads a message names.
const maxNames = 3

// judgedAgain says what may bring a verdict on a revision that cannot be judged yet.
func (r Rollout) judgedAgain() string {
	const more = "when another pod fails"
	if r.DeadlineExceeded || r.Deadline.IsZero() {
		return more
	}
	return fmt.Sprintf("%s, or at %s UTC, when its progress deadline passes unless it makes progress", more, r.Deadline.UTC().Format(time.TimeOnly))
}

// Target is the revision to return to: the newest that is proven, else the newest that
// was stable, and never one that was rolled back itself, or whose template is not what ran.
// Merely being the one before is no reason. It is nil when none is good.
func (r Rollout) Target() *Revision {
	var stable *Revision
	for i := range r.Earlier {
		revision := &r.Earlier[i]
		switch {
		case revision.Quarantined || revision.Altered || revision.Hash == r.Revision:
		case revision.Proven:
			return revision
		case revision.Stable && stable == nil:
			stable = revision
		}
	}
	return stable
}

// contained says whether the strategy kept its promise: no more pods are missing than it allows.
func (r Rollout) contained() bool { return r.Available >= r.Desired-r.MaxUnavailable }

// ActionID identifies what is said of this rollout. The id of a rollback ends with the
// generation that it answers to.
func ActionID(r Rollout) string {
	sum := sha256.Sum256([]byte(r.UID + "/" + r.Revision))
	return fmt.Sprintf("rollback-%s-%d", hex.EncodeToString(sum[:])[:12], r.Number)
}

func (d Decision) because(verdict Verdict, evidence evidence, follows string) Decision {
	d.Verdict = verdict
	d.Reason = evidence.String() + ": " + follows
	return d
}

// altered says which good revision cannot be returned to, because its template is not the one
// that ran; empty when there is none, or a better one to return to.
func (r Rollout) altered() string {
	asItRan := r
	asItRan.Earlier = slices.Clone(r.Earlier)
	for i := range asItRan.Earlier {
		asItRan.Earlier[i].Altered = false
	}
	good := asItRan.Target()
	if to := r.Target(); good == nil || to != nil && to.Number == good.Number {
		return ""
	}
	return fmt.Sprintf("the template that is kept of revision %d, the good one, is not the one that ran, because somebody, or an upgrade of the API server, changed it", good.Number)
}

// destination names the revision to return to, and one that would be better.
func (r Rollout) destination() string {
	to := describeTarget(*r.Target())
	if altered := r.altered(); altered != "" {
		to += " (" + altered + ")"
	}
	return to
}

func describeTarget(revision Revision) string {
	why := "last stable"
	if revision.Proven {
		why = "last proven"
	}
	return fmt.Sprintf("revision %d, the %s one", revision.Number, why)
}
