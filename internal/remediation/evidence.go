// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// evidence is what the pods of a new revision say about it.
type evidence struct {
	// crashed, faulty and unready count pods that failed: with an error, unable to start
	// through a fault of the revision, or not ready while pods of an earlier revision are.
	crashed, faulty, unready int
	// unclear counts pods that do not start, whoever's fault it is.
	unclear int
	// registry counts pods whose image cannot be pulled because the registry does not answer.
	registry int
	// stable counts pods that run well, pending those that nothing is known of yet.
	stable, pending int
	// fault is the reason of the first pod that cannot start.
	fault string
	// deadline is true when the workload's own progress deadline passed.
	deadline bool
	// bad is true when the evidence suffices against the revision.
	bad bool
}

// weigh judges the new revision by its own pods.
//
// Before the progress deadline only the sequential test condemns a revision, by pods that
// failed for certain. The deadline confirms: from then on even odds suffice, and pods
// that do not start or do not become ready count too.
func weigh(r Rollout) evidence {
	e := evidence{crashed: r.New.Crashed, stable: r.New.Stable, deadline: r.DeadlineExceeded}
	for _, waiting := range r.New.Waiting {
		switch blame(waiting) {
		case blameRevision:
			e.faulty++
		case blameRegistry:
			e.registry++
		default:
			e.unclear++
		}
		if e.fault == "" {
			e.fault = waiting.Reason
		}
	}
	if r.Old.Ready > 0 || r.DeadlineExceeded {
		e.unready = r.New.Unready
	} else {
		e.unclear += r.New.Unready
	}
	certain := e.crashed + e.faulty + e.unready
	e.pending = max(r.New.Total-certain-e.unclear-e.registry-e.stable, 0)
	e.bad = Test(certain, e.stable) == Bad ||
		(e.deadline && logLikelihoodRatio(certain+e.unclear, e.stable) > 0)
	return e
}

// suspicious says whether anything at all speaks against the revision.
func (e evidence) suspicious() bool {
	return e.crashed+e.faulty+e.unready+e.unclear+e.registry > 0 || e.deadline
}

// String is the evidence in words.
func (e evidence) String() string {
	var parts []string
	count := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	count(e.crashed, "crashed")
	count(e.faulty+e.unclear+e.registry, strings.TrimSpace("did not start "+parenthesised(e.fault)))
	count(e.unready, "did not become ready in the usual time")
	if len(parts) == 0 {
		parts = append(parts, "none failed")
	}
	text := fmt.Sprintf("of the new revision's pods %s, %d run well", strings.Join(parts, ", "), e.stable)
	if e.deadline {
		text += ", and its progress deadline has passed"
	}
	return text
}

func parenthesised(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

// blamed is who is at fault when a container cannot start.
type blamed string

const (
	blameRevision blamed = "revision"
	blameRegistry blamed = "registry"
	blameUnclear  blamed = "unclear"
)

// faultOfRevision are reasons that nothing but the template explains: it names an
// impossible image, a command that is not there, or configuration that does not exist.
var faultOfRevision = map[string]bool{
	"InvalidImageName": true, "ErrImageNeverPull": true,
	"CreateContainerConfigError": true, "CreateContainerError": true, "RunContainerError": true,
}

// noSuchImage and noAnswer are what container runtimes write when a pull fails. A status code
// is known by its text or by the word before it: a number alone may be a tag.
var (
	noSuchImage = regexp.MustCompile(`not found|manifest unknown|does not exist|name unknown`)
	noAnswer    = regexp.MustCompile(`\b(?:timeout|timed out|connection refused|connection reset|no such host|no route to host|` +
		`network is unreachable|server misbehaving|tls handshake|x509: |eof\b|too ?many ?requests|` +
		`internal server error|bad gateway|service unavailable|gateway time-out|status(?: ?code)?\W{1,3}(?:429|50[0234])\b)`)
)

// part is what the name of an image consists of, between its separators.
var part = regexp.MustCompile(`[a-z0-9]+(?:[._-]+[a-z0-9]+)*`)

// blame says whose fault it is that a container cannot start.
func blame(waiting Waiting) blamed {
	says := withoutImage(waiting)
	switch {
	case faultOfRevision[waiting.Reason]:
		return blameRevision
	case waiting.Reason == "RegistryUnavailable", noAnswer.MatchString(says):
		return blameRegistry
	case noSuchImage.MatchString(says):
		return blameRevision
	default:
		return blameUnclear
	}
}

// withoutImage is the message without the parts of the image's name, in lower case. Runtimes
// repeat the name in many forms, in addresses too, and it may contain whatever a registry that
// does not answer is known by: "registry.example/x509-exporter:1.502.0".
func withoutImage(waiting Waiting) string {
	parts := part.FindAllString(strings.ToLower(waiting.Image), -1)
	return part.ReplaceAllStringFunc(strings.ToLower(waiting.Message), func(word string) string {
		if slices.Contains(parts, word) {
			return ""
		}
		return word
	})
}
