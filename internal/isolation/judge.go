// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package isolation

import (
	"fmt"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remediation"
	"github.com/rampart-dev/rampart/internal/workload"
)

// Verdict is what should follow.
type Verdict string

// The verdicts.
const (
	// VerdictNone: isolation has no part in this.
	VerdictNone Verdict = "None"
	// VerdictWait: it would be isolated, if it still failed at Judgement.At.
	VerdictWait Verdict = "Wait"
	// VerdictReport: it would be isolated, and Judgement.Reason says why it is not.
	VerdictReport Verdict = "Report"
	// VerdictAct: isolate it now.
	VerdictAct Verdict = "Act"
)

// Subject is a workload that is not isolated, as isolation judges it.
type Subject struct {
	// Kind of the workload. Only those whose pods carry the name of their revision can be
	// isolated by it.
	Kind v1alpha1.WorkloadKind
	// Name and UID of the workload.
	Name, UID string
	// PodTemplateHash is the name of its newest revision's pods; empty while nobody knows it.
	PodTemplateHash string
	// FailingSince is when it began to fail; zero while it does not.
	FailingSince time.Time
	// Rollout is what was observed of its newest revision, Decision what the judge of
	// rollbacks makes of that.
	Rollout  remediation.Rollout
	Decision remediation.Decision
	// RanWell is true when the rollout of this very revision once ended well.
	RanWell bool
	// GoodBefore is true when an earlier revision is known to have run well, whether or
	// not it can be returned to by itself.
	GoodBefore bool
	// Wish is what the workload itself says.
	Wish Wish
	// Taken is true when the name of the NetworkPolicy is that of somebody else's.
	Taken bool
	// Effect that the NetworkPolicy would have.
	Effect Effect

	// Policy that stands here, with every default filled in.
	Policy v1alpha1.IsolationPolicy
	// Level that the namespace has earned: Report or Act.
	Level v1alpha1.ActLevel
	// Suspended is true when the policy suspends remediation.
	Suspended bool
}

// Wish is what a workload says about its isolation.
type Wish string

// The wishes.
const (
	// WishNone leaves it to the policy.
	WishNone Wish = ""
	// WishNow asks for it.
	WishNow Wish = "Now"
	// WishNever refuses it.
	WishNever Wish = "Never"
)

// WishOf reads the annotations of a workload. Who wants failures of it only reported does
// not want it isolated either, unless it says so; a word about failures that nobody can read
// is read as that.
func WishOf(annotations map[string]string) Wish {
	switch {
	case annotations[v1alpha1.AnnotationIsolation] == v1alpha1.IsolationAsked:
		return WishNow
	case Refusal(annotations) != "":
		return WishNever
	default:
		return WishNone
	}
}

// Refusal says which annotation of a workload refuses its isolation; empty when none does.
func Refusal(annotations map[string]string) string {
	onFailure := annotations[v1alpha1.AnnotationOnFailure]
	switch {
	case annotations[v1alpha1.AnnotationIsolation] == v1alpha1.IsolationAsked:
		return ""
	case annotations[v1alpha1.AnnotationIsolation] == v1alpha1.IsolationRefused:
		return "its annotation " + v1alpha1.AnnotationIsolation + " is " + v1alpha1.IsolationRefused
	case onFailure == string(v1alpha1.OnFailureReport):
		return "its annotation " + v1alpha1.AnnotationOnFailure + " is " + onFailure
	case onFailure != "" && onFailure != string(v1alpha1.OnFailureRollback):
		return "its annotation " + v1alpha1.AnnotationOnFailure + " is read as " + string(v1alpha1.OnFailureReport)
	default:
		return ""
	}
}

// Judgement is what follows for a workload that is not isolated.
type Judgement struct {
	// Verdict says what follows.
	Verdict Verdict
	// Reason explains it to people; empty when nothing follows.
	Reason string
	// At is when to judge again, with VerdictWait.
	At time.Time
	// Action is the id of the isolation, so that it happens once to a revision's pods.
	Action string
}

// Judge says whether a failing workload is to be isolated. It is a function of its input
// alone. Missing evidence never isolates, and neither does anything that the judge of
// rollbacks waits or holds for: it condemns the revision first.
func Judge(s Subject, now time.Time) Judgement {
	j := Judgement{Verdict: VerdictNone, Action: ActionID(s.UID, s.PodTemplateHash)}
	if !Isolates(s.Kind) || s.PodTemplateHash == "" || s.FailingSince.IsZero() ||
		s.Policy.Mode == v1alpha1.IsolationOff || s.Wish == WishNever {
		return j
	}
	if s.Wish == WishNow {
		return j.act(s, v1alpha1.ActAct, "somebody asked for it ("+v1alpha1.AnnotationIsolation+": "+v1alpha1.IsolationAsked+")")
	}
	stranded := stranded(s)
	if s.Policy.Mode != v1alpha1.IsolationOnFailure || s.Decision.Verdict != remediation.VerdictReport || stranded == "" {
		return j
	}
	due := s.FailingSince.Add(s.Policy.After.Duration)
	switch {
	case s.RanWell:
		return j.report("not isolated: this revision ran well before, so that what it depends on may be the cause, and pods that are cut off could not see that come back")
	case s.Rollout.New.Stable > 0:
		return j.report(fmt.Sprintf("not isolated: %d of its pods run well, and isolation would take them away too", s.Rollout.New.Stable))
	case now.Before(due):
		j.Verdict, j.At = VerdictWait, due
		j.Reason = fmt.Sprintf("isolated at %s if it still fails", due.UTC().Format(time.TimeOnly)+" UTC")
		return j
	}
	return j.act(s, s.Level, fmt.Sprintf("it fails since %s, and %s", s.FailingSince.UTC().Format(time.TimeOnly)+" UTC", stranded))
}

// act isolates what should be isolated, unless something stands against it.
func (j Judgement) act(s Subject, level v1alpha1.ActLevel, why string) Judgement {
	switch {
	case s.Taken:
		return j.report(fmt.Sprintf("not isolated: a NetworkPolicy that somebody else made has the name %s", Name(s.Kind, s.Name)))
	case s.Effect.None():
		return j.report("not isolated, because it would have no effect: " + s.Effect.Message())
	case s.Suspended:
		return j.report("not isolated: remediation is suspended in the EnvironmentPolicy")
	case level != v1alpha1.ActAct:
		return j.report("it would be isolated (" + why + "), but this namespace had workloads when its policy came and is still at Report (isolation.startLevel: Act ends that)")
	}
	j.Verdict, j.Reason = VerdictAct, "isolated: "+why
	return j
}

func (j Judgement) report(reason string) Judgement {
	j.Verdict, j.Reason = VerdictReport, reason
	return j
}

// stranded says why there is nothing good to return to; empty when there may be. That an
// earlier revision may not be returned to by itself strands nobody: people can. Only a
// migration that ran is evidence against all that came before it.
func stranded(s Subject) string {
	switch {
	case s.Rollout.Migration() != "":
		return "Job " + s.Rollout.Migration() + " ran with a newer image, so that an earlier revision may not work any more"
	case !s.GoodBefore:
		return "no earlier revision is known to be good"
	}
	return ""
}

// ActionID identifies the isolation of the pods of one revision of a workload.
func ActionID(uid, podTemplateHash string) string {
	return "isolate-" + workload.Digest([]string{uid, podTemplateHash})
}

// ReleaseID identifies their release.
func ReleaseID(uid, podTemplateHash string) string {
	return "release-" + workload.Digest([]string{uid, podTemplateHash})
}

// Isolates says whether workloads of a kind can be isolated: whether their pods carry the
// name of their revision.
func Isolates(kind v1alpha1.WorkloadKind) bool { return revisionLabel[kind] != "" }
