// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const (
	// contestedAfter is how many identical corrections within contestedWithin show that
	// somebody changes the fields back each time.
	contestedAfter  = 3
	contestedWithin = 10 * time.Minute
)

// rule holds drift back, or lets it pass with an empty reason. The first reason is given.
type rule struct {
	verdict Verdict
	reason  func(Input, *Judgement, time.Time) string
}

// rules are asked in this order: what people decided, what is not known, what is not safe now.
var rules = []rule{
	{VerdictHold, func(in Input, _ *Judgement, _ time.Time) string {
		return when(in.Suspended, "remediation is suspended in the EnvironmentPolicy")
	}},
	{VerdictReport, func(in Input, _ *Judgement, _ time.Time) string {
		return when(in.Policy.Mode != v1alpha1.DriftCorrect, "drift is only reported here")
	}},
	{VerdictReport, func(in Input, _ *Judgement, _ time.Time) string {
		return when(!in.Stamping, "the API server does not record who changes a spec, so that drift is never corrected")
	}},
	{VerdictReport, func(_ Input, j *Judgement, _ time.Time) string { return uncertain(j.Differences) }},
	{VerdictHold, func(in Input, _ *Judgement, _ time.Time) string {
		return when(in.Controller != "", in.Controller+" controls this workload: change it there")
	}},
	{VerdictHold, func(in Input, j *Judgement, _ time.Time) string {
		return when(in.AutoscalersUnread != "" && slices.ContainsFunc(j.Differences, func(d Difference) bool { return delegable(d.Path) }),
			"an autoscaler may have set it, and Rampart cannot tell: "+in.AutoscalersUnread)
	}},
	{VerdictHold, func(in Input, _ *Judgement, _ time.Time) string {
		return when(!in.Baseline.Verified, "no trusted writer has written this workload since Rampart first saw it: there is nothing proven to go back to")
	}},
	{VerdictHold, func(in Input, _ *Judgement, _ time.Time) string {
		return when(!in.Baseline.Stable, "what trusted writers wrote was never seen healthy, so that going back may not help")
	}},
	{VerdictHold, func(in Input, _ *Judgement, _ time.Time) string {
		return when(movedBack(in), "the pods went back to an earlier good revision, which is never undone: bring the trusted source in line with it")
	}},
	{VerdictHold, func(in Input, _ *Judgement, _ time.Time) string {
		return when(in.RollingOut, "it is rolling out: wait for the rollout to end")
	}},
	{VerdictHold, func(in Input, _ *Judgement, _ time.Time) string {
		return when(!in.Healthy, "it is not healthy, and the change may be somebody's repair")
	}},
	{VerdictContested, func(in Input, j *Judgement, now time.Time) string {
		return when(contested(in.Actions, j.Action, now),
			fmt.Sprintf("it was corrected %d times in %s and changed again each time: %s and Rampart contradict each other, and Rampart stops. Make the change in the trusted source, or find what %s runs and stop it",
				contestedAfter, minutes(contestedWithin), orUnknown(j.By), orUnknown(j.By)))
	}},
	{VerdictReport, func(in Input, j *Judgement, _ time.Time) string {
		return when(in.Level == v1alpha1.ActAct && !j.Since.After(in.Earned),
			fmt.Sprintf("it was there before corrections were earned here at %s, and is left to people: commit it, or take it back", in.Earned.UTC().Format(time.RFC3339)))
	}},
}

// decide fills in the verdict on drift.
func decide(in Input, j *Judgement, now time.Time) {
	for _, rule := range rules {
		if reason := rule.reason(in, j, now); reason != "" {
			j.Verdict, j.Message = rule.verdict, describe(*j, reason)
			return
		}
	}
	due := j.youngest().Add(in.Policy.CorrectAfter.Duration)
	if in.Level != v1alpha1.ActAct {
		j.Verdict, j.ByLevel, j.Message = VerdictReport, true, describe(*j, "it would be taken back, but "+in.AtReport)
		if now.Before(due) {
			j.At = due
		}
		return
	}
	if in.Refused != "" {
		j.Verdict, j.Message = VerdictHold, describe(*j, in.Refused)
		return
	}
	if now.Before(due) || in.Busy {
		j.Verdict, j.At = VerdictWait, due
		j.Message = describe(*j, fmt.Sprintf("it is taken back at %s unless a trusted writer is first", due.UTC().Format(time.TimeOnly)))
		return
	}
	j.Verdict = VerdictCorrect
	j.Message = describe(*j, "taken back, because only trusted writers change this workload")
}

// youngest is when the last of the differences was first seen, so that whoever is still
// at work is not interrupted.
func (j Judgement) youngest() time.Time {
	var last time.Time
	for _, d := range j.Differences {
		if d.Since.After(last) {
			last = d.Since
		}
	}
	return last
}

// uncertain says why the author of a difference is not known.
func uncertain(differences []Difference) string {
	for _, d := range differences {
		switch d.Origin {
		case OriginMixed:
			return fmt.Sprintf("%s both wrote between two looks, and nothing says who changed %s: compare it with the trusted source", orUnknown(d.By), d.Path)
		case OriginUnknown:
			return fmt.Sprintf("nothing says who changed %s: compare it with the trusted source", d.Path)
		}
	}
	return ""
}

// movedBack says whether the pods went back from what the trusted writers wrote to an earlier
// revision.
func movedBack(in Input) bool {
	live, _ := in.Spec["template"].(map[string]any)
	base, _ := in.Baseline.Spec["template"].(map[string]any)
	return in.Returned && !sameTemplate(base, live)
}

// sameTemplate compares pod templates without what makes no difference between revisions.
func sameTemplate(a, b map[string]any) bool {
	for _, leaf := range Diff(a, b) {
		if !IsNoise(leaf.Path) {
			return false
		}
	}
	return true
}

// IsNoise says whether a field of a pod template says nothing about its revision: when it
// was restarted, and the name that the Deployment controller gives it.
func IsNoise(path Path) bool {
	field := lastField(path)
	return field == restartedAt || field == podTemplateHash
}

const podTemplateHash = "pod-template-hash"

// ActionID identifies the correction of these leaves at this generation. What comes
// before the last dash is the same whenever the same leaves have drifted to the same values.
func ActionID(leaves []Leaf, generation int64) string {
	hash := sha256.New()
	for _, leaf := range leaves {
		value, _ := json.Marshal([]any{leaf.Path.String(), leaf.Was, leaf.Is}) // JSON in, JSON out
		hash.Write(value)
	}
	return fmt.Sprintf("drift-%s-%d", hex.EncodeToString(hash.Sum(nil))[:12], generation)
}

// contested says whether the same correction was made too often of late.
func contested(actions []v1alpha1.Action, id string, now time.Time) bool {
	same := id[:strings.LastIndexByte(id, '-')+1]
	count := 0
	for _, action := range actions {
		if action.Kind == v1alpha1.ActionCorrectDrift && action.Outcome == v1alpha1.ActionDone &&
			strings.HasPrefix(action.ID, same) && now.Sub(action.Time.Time) < contestedWithin {
			count++
		}
	}
	return count >= contestedAfter
}

func when(condition bool, reason string) string {
	if condition {
		return reason
	}
	return ""
}
