// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/message"
)

// Input is one look at a workload.
type Input struct {
	// Baseline as it was persisted; nil at first sight.
	Baseline *Baseline
	// Spec of the live workload, as JSON.
	Spec map[string]any
	// Generation of the live workload.
	Generation int64
	// SpecAuthor is its annotation v1alpha1.AnnotationSpecAuthor.
	SpecAuthor string
	// Stamping is true when the API server is known to stamp authors here.
	Stamping bool

	// Policy is the effective drift policy of the environment.
	Policy v1alpha1.DriftPolicy
	// OperatorUser is the operator's own user name. What it writes is intended.
	OperatorUser string
	// Level that the namespace has earned: Report or Act.
	Level v1alpha1.ActLevel
	// AtReport says why the level is Report, and what ends that.
	AtReport string
	// Earned is since when the level is Act because reports proved right; the zero time when it
	// is so for another reason.
	Earned time.Time
	// Suspended is true when the policy suspends remediation.
	Suspended bool

	// Healthy is true when the workload is known to serve in full.
	Healthy bool
	// RollingOut is true while a change of the spec is on its way: until its controller has
	// observed this generation and all pods are of the newest template.
	RollingOut bool
	// Controller names the object that controls the workload ("Canary shop"); empty for none.
	Controller string
	// Autoscalers are those that were given fields of the workload.
	Autoscalers []Autoscaler
	// AutoscalersUnread says why nobody knows all of them; empty when they are known.
	AutoscalersUnread string
	// Returned is true when the live pod template is that of an earlier revision that ran well
	// or is proven.
	Returned bool
	// Actions are the last actions on the workload.
	Actions []v1alpha1.Action
	// Refused says why the blast radius allows no action now; empty when it does.
	Refused string
	// Busy is true when that cannot be asked at this moment: a correction that is due waits.
	Busy bool
}

// Verdict is what follows a look.
type Verdict string

// The verdicts.
const (
	// VerdictNone: the workload is what its trusted writers wrote, or nobody looks for drift.
	VerdictNone Verdict = "None"
	// VerdictReport: there is drift, and the policy does not go further.
	VerdictReport Verdict = "Report"
	// VerdictHold: the drift would be corrected, but not in this state.
	VerdictHold Verdict = "Hold"
	// VerdictWait: the drift will be corrected at Judgement.At unless somebody is first.
	VerdictWait Verdict = "Wait"
	// VerdictCorrect: correct the drift now.
	VerdictCorrect Verdict = "Correct"
	// VerdictContested: corrected and changed again too often; only people can end this.
	VerdictContested Verdict = "Contested"
)

// Difference is a leaf that drifted.
type Difference struct {
	Leaf
	// Origin says whose write it was.
	Origin Origin
	// By names the user, or the users that may have been it; empty when not known.
	By string
	// Since is when it was first seen.
	Since time.Time
}

// Judgement is what one look at a workload found.
type Judgement struct {
	// Verdict says what follows.
	Verdict Verdict
	// Message explains it to people.
	Message string
	// Differences are all leaves that drifted, in the order of their paths.
	Differences []Difference
	// By names who drifted from the baseline, the last writer last.
	By string
	// Since is when the oldest of the differences was first seen.
	Since time.Time
	// At is when a correction is due, for VerdictWait.
	At time.Time
	// ByLevel is true when nothing but the level Report keeps the drift from being taken back:
	// that would be done at At, or now when At is the zero time.
	ByLevel bool
	// Action is the id of the correction that is due or would be, so that it happens once.
	Action string
	// Compared is true when the workload was compared with a baseline that was there before.
	Compared bool
	// Followed is what the baseline took over in this look.
	Followed []Leaf
	// Next is the baseline to persist before a correction; nil when it did not change.
	Next *Baseline
	// Discard is true when the persisted baseline has no meaning any more.
	Discard bool
	// Unseen is true when nobody can say whether there is drift.
	Unseen bool
}

// Leaves are the differences as Undo takes them.
func (j Judgement) Leaves() []Leaf {
	leaves := make([]Leaf, 0, len(j.Differences))
	for _, d := range j.Differences {
		leaves = append(leaves, d.Leaf)
	}
	return leaves
}

// WithoutBaseline is the judgement when its next baseline cannot be kept, for a reason. What was
// seen is forgotten until the next look, so that nothing follows from it.
func (j Judgement) WithoutBaseline(reason error) Judgement {
	j.Next, j.Compared, j.ByLevel, j.At = nil, false, false, time.Time{}
	if len(j.Differences) == 0 {
		j.Unseen, j.Verdict, j.Message = true, VerdictNone, message.Cut("drift cannot be seen: "+reason.Error(), maxMessage)
		return j
	}
	j.Verdict, j.Message = VerdictHold, describe(j, "not taken back, since "+reason.Error())
	return j
}

// Judge compares a workload with its baseline and says what follows. It is a function of
// its input alone, and asked again about the state that it has just judged it changes
// nothing.
//
// The first look adopts the live spec. From then on each change belongs to who made it:
// the baseline follows trusted writers, in the fields that they changed, and drift that
// was there before survives them. Where the author is not known, drift is reported and
// never corrected.
func Judge(in Input, now time.Time) Judgement {
	if in.Policy.Mode == v1alpha1.DriftIgnore || len(in.Policy.TrustedWriters) == 0 {
		return Judgement{Verdict: VerdictNone, Message: unobserved(in.Policy.Mode), Discard: in.Baseline != nil}
	}
	if in.Baseline == nil || in.Baseline.Generation > in.Generation {
		next := adopt(in)
		return Judgement{Verdict: VerdictNone, Message: adopted(next), Next: next}
	}
	next, differences := compare(in, now)
	judgement := Judgement{Differences: differences, Next: next, Compared: true}
	if next != nil {
		judgement.Followed = Diff(wrap(in.Baseline.Spec), wrap(next.Spec))
	}
	if len(differences) == 0 {
		scaled := in.Baseline.Scaled
		if next != nil {
			scaled = next.Scaled
		}
		judgement.Verdict, judgement.Message = VerdictNone, undrifted(in, scaled)
		return judgement
	}
	judgement.By, judgement.Since = summarise(differences)
	judgement.Action = ActionID(judgement.Leaves(), in.Generation)
	if next != nil {
		in.Baseline = next
	}
	decide(in, &judgement, now)
	return judgement
}

// adopt makes the live spec the baseline. It is verified only when the stamps show that
// every write since the workload was created was a trusted writer's.
func adopt(in Input) *Baseline {
	who := attribute(in.stamps(), 0, in.Generation, in.trusted())
	next := &Baseline{
		Sequence:   1,
		Spec:       runtime.DeepCopyJSON(in.Spec),
		Generation: in.Generation,
		Verified:   in.Stamping && who.origin == OriginTrusted && in.declared(who),
		Stable:     in.steady(),
	}
	if in.Baseline != nil {
		next.Sequence = in.Baseline.Sequence + 1
	}
	return next
}

// compare attributes what changed since the last look, lets the baseline follow what it
// may, and returns the differences that remain. next is nil when nothing is to be written.
func compare(in Input, now time.Time) (next *Baseline, differences []Difference) {
	base := in.Baseline
	who := attribute(in.stamps(), base.Generation, in.Generation, in.trusted())
	if !in.Stamping && who.origin != OriginExempt {
		who.origin = OriginUnknown
	}
	spec, open, fields := base.Spec, slices.Clone(base.Open), in.leftAlone()
	moved, reshaped, scaled := false, false, base.Scaled
	written := len(who.names) > 0 || (who.unstamped && in.scales(fields))
	for _, step := range Diff(wrap(base.seen()), wrap(in.Spec)) {
		origin := who.of(step.Path, fields)
		if replicas.Matches(step.Path) {
			scaled = origin == OriginDelegated || scaled && !in.declared(who)
		}
		switch {
		case origin == OriginTrusted:
			if followed, ok := follow(spec, in.Spec, step); ok {
				// What is only brought back was seen healthy before.
				reshaped = reshaped || step.Path.Within(template) && !equality.Semantic.DeepEqual(spec, followed)
				spec, moved = followed, true
				continue
			}
			origin = OriginMixed
		case origin.followed():
			// What lies in something that is itself drift goes with that: an ignored field
			// of a container that somebody added does not make the container intended.
			spec, _ = take(spec, step)
			continue
		}
		written = true
		open = append(open, OpenLeaf{Path: step.Path.String(), Origin: origin, By: who.by(), Since: now})
	}
	for _, stands := range Diff(wrap(spec), wrap(in.Spec)) {
		// It was drift until an autoscaler or a rule came.
		if _, left := fields.origin(stands.Path); left {
			spec, _ = take(spec, stands)
			written = true
		}
	}
	differences = explain(Diff(wrap(spec), wrap(in.Spec)), open, now)

	// What pods run was seen healthy as long as their template is the same. What the operator
	// brings back is intended, and says nothing about who wrote it before.
	verified := base.Verified || (moved && in.declared(who))
	stable := (base.Stable && !reshaped) || (len(differences) == 0 && in.steady())
	if !written && verified == base.Verified && stable == base.Stable {
		return nil, differences
	}
	next = &Baseline{
		Sequence:   base.Sequence + 1,
		Spec:       runtime.DeepCopyJSON(spec),
		Generation: in.Generation,
		Verified:   verified,
		Stable:     stable,
		Scaled:     scaled,
	}
	if len(differences) > 0 {
		next.Seen = runtime.DeepCopyJSON(in.Spec)
		for _, d := range differences {
			next.Open = append(next.Open, OpenLeaf{Path: d.Path.String(), Origin: d.Origin, By: d.By, Since: d.Since})
		}
	}
	return next, differences
}

// explain gives each difference the origin of the last write to it, and the time of the
// first. Differences that were not written apart (one leaf that two writers changed
// inside of) are only as certain as the least certain of them.
func explain(leaves []Leaf, open []OpenLeaf, now time.Time) []Difference {
	differences := make([]Difference, 0, len(leaves))
	for _, leaf := range leaves {
		d := Difference{Leaf: leaf, Since: now}
		for _, o := range open {
			path := leaf.Path.String()
			if !covers(o.Path, path) && !covers(path, o.Path) {
				continue
			}
			if o.Since.Before(d.Since) {
				d.Since = o.Since
			}
			if o.Path == path || d.Origin == "" || o.Origin != OriginUntrusted {
				d.Origin = o.Origin
			}
			d.By = o.By
		}
		if d.Origin == "" {
			d.Origin = OriginUnknown
		}
		differences = append(differences, d)
	}
	return differences
}

func summarise(differences []Difference) (by string, since time.Time) {
	var names []string
	since = differences[0].Since
	for _, d := range differences {
		if d.By != "" && !slices.Contains(names, d.By) {
			names = append(names, d.By)
		}
		if d.Since.Before(since) {
			since = d.Since
		}
	}
	return strings.Join(names, ", "), since
}

// stamps are the authors that admission wrote down. What cannot be read has no author.
func (in Input) stamps() Stamps {
	stamps, err := ParseStamps(in.SpecAuthor)
	if err != nil {
		return nil
	}
	return stamps
}

// trusted are the users whose changes are intended.
func (in Input) trusted() []string {
	out := slices.Clone(in.Policy.TrustedWriters)
	if in.OperatorUser != "" {
		out = append(out, in.OperatorUser)
	}
	return out
}

// declared says whether one of the writers is trusted by the policy, and not only because it is
// the operator.
func (in Input) declared(who writers) bool {
	return slices.ContainsFunc(who.names, func(name string) bool { return slices.Contains(in.Policy.TrustedWriters, name) })
}

// leftAlone are the fields that autoscalers and the policy's rules take out of drift.
func (in Input) leftAlone() leftAlone {
	return leftAlone{ignored: ignoredFields(in.Policy), autoscalers: in.Autoscalers}
}

// scales says whether a write without a stamp must be remembered: it may have scaled, and who
// writes replicas after that must not pass for it. It need not where an autoscaler, or a rule,
// has them for good, so that autoscalers cost no writes.
func (in Input) scales(fields leftAlone) bool {
	_, has := in.Spec["replicas"]
	_, left := fields.origin(replicas.path)
	return has && !left
}

// template is where the pod template is in a workload.
var template = Path{{Field: "spec"}, {Field: "template"}}

func (in Input) steady() bool { return in.Healthy && !in.RollingOut }
