// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/environment"
)

// Origin is why an act began where it did in a namespace.
type Origin string

// The origins.
const (
	// Busy namespaces had workloads when their policy came: acts begin at Report.
	Busy Origin = "busy"
	// Empty namespaces had none: acts begin at Act.
	Empty Origin = "empty"
	// Told is a policy whose startLevel is Act.
	Told Origin = "told"
)

// begins is the level at which an act begins.
func (o Origin) begins() v1alpha1.ActLevel {
	if o == Empty || o == Told {
		return v1alpha1.ActAct
	}
	return v1alpha1.ActReport
}

// Standing is how far an act may go in a namespace.
type Standing struct {
	Kind  v1alpha1.ActionKind
	Level v1alpha1.ActLevel
	// Since is when it came to the level, to the second. What was decided before counts no
	// more.
	Since  time.Time
	Origin Origin
	// Lowered is true when it was at Act before, and decisions proved wrong.
	Lowered bool
	// Says is what has been shown and what is missing, in a sentence.
	Says string
}

// In is how far an act may go in a namespace of an environment now, as its Namespace says.
// What the policy says outright holds at once, before anybody has written it down. A
// namespace that has not joined is only reported on.
func In(namespace *corev1.Namespace, environmentName string, act Act) Standing {
	joined, found := environment.ParseJoined(namespace.Annotations)
	if !found || joined.Environment != environmentName {
		return Standing{Kind: act.Kind, Level: v1alpha1.ActReport, Origin: Busy}
	}
	origin := originOf(joined, act)
	for _, kept := range Parse(namespace.Annotations) {
		if kept.Kind == act.Kind && kept.Origin == origin {
			return kept
		}
	}
	return Standing{Kind: act.Kind, Level: origin.begins(), Since: joined.Since, Origin: origin}
}

func originOf(joined environment.Joined, act Act) Origin {
	switch {
	case !joined.Busy:
		return Empty
	case act.StartLevel == v1alpha1.ActAct:
		return Told
	default:
		return Busy
	}
}

// Earned is since when the act is carried out because its reports proved right; the zero
// time when it is not, or is for another reason. What stood before that was left to people
// when it came, and stays so.
func (s Standing) Earned() time.Time {
	if s.Level == v1alpha1.ActAct && (s.Origin == Busy || s.Lowered) {
		return s.Since
	}
	return time.Time{}
}

// AtReport says why the act is only reported, and what ends that.
func (s Standing) AtReport() string {
	w := inWords[s.Kind]
	if s.Lowered {
		return fmt.Sprintf("%s are back at Report in this namespace", w.many)
	}
	return fmt.Sprintf("this namespace had workloads when its policy came and is still at Report (%s: Act ends that)", w.field)
}
