// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

const (
	// maxSkew is how far the clocks of two clusters may be apart. Clocks that are kept in
	// time differ by less than a second.
	maxSkew = time.Minute
	// maxRoundTrip is the longest request by which clocks are compared: of a longer one
	// nobody can say when the other side looked at its clock.
	maxRoundTrip = 10 * time.Second
)

// Timing says how a connection is kept alive and when it is given up.
type Timing struct {
	// Watch is how long one watch lasts. The next one is the proof that the other API
	// server still answers and still grants it.
	Watch time.Duration
	// Silence is how long it may take to answer before nothing is decided by what it said.
	Silence time.Duration
	// Opening is how long a new connection may take until everything was read once.
	// Meanwhile what was decided stands: an operator that was restarted must not make
	// every gate change its mind for a second.
	Opening time.Duration
}

// DefaultTiming asks for little: two requests every 30 seconds, and nobody is called out
// because an API server was restarted.
func DefaultTiming() Timing {
	return Timing{Watch: 30 * time.Second, Silence: 90 * time.Second, Opening: 20 * time.Second}
}

// Contact is what is known of the connection to another cluster.
type Contact struct {
	// Refused is why its kubeconfig is not used; nil when it is.
	Refused error
	// Since is when it was opened.
	Since time.Time
	// Heard is when the other API server last granted what was asked; zero for never.
	Heard time.Time
	// Failure is why the last request since then failed; nil when none did.
	Failure error
	// Filled is true when everything there has been read once.
	Filled bool
	// Skew is how far the other clock is ahead of ours; negative when it is behind.
	Skew time.Duration
}

// Standing says whether decisions may be made by what was read. The zero value means yes.
type Standing struct {
	// Opening is true while nobody knows yet: what was decided before stands.
	Opening bool
	// Reason and Message say why nothing can be decided; empty when it can.
	Reason, Message string
}

// Usable says whether decisions may be made by what was read.
func (s Standing) Usable() bool { return s == Standing{} }

// Judge says how the connection of that name stands. A clear no of the other API server
// counts at once, silence only after a while. The message changes only when what it says
// does: times are absolute.
func (c Contact) Judge(name string, timing Timing, now time.Time) Standing {
	switch {
	case c.Refused != nil:
		return Standing{Reason: v1alpha1.ReasonConnectionInvalid, Message: fmt.Sprintf(
			"the kubeconfig in Secret %s is not used: %v", name, c.Refused)}
	case ClassOf(c.Failure) == Denied:
		return Standing{Reason: v1alpha1.ReasonConnectionDenied, Message: fmt.Sprintf(
			"cluster %s refuses the operator: %v; renew the credentials in Secret %s, or bind the ClusterRole rampart-remote-reader there", name, c.Failure, name)}
	case ClassOf(c.Failure) == Absent:
		return Standing{Reason: v1alpha1.ReasonSourceUnknown, Message: fmt.Sprintf(
			"cluster %s serves no ReadinessReports or EnvironmentPolicies: install Rampart there", name)}
	case !c.Filled && now.Sub(c.Since) < timing.Opening:
		return Standing{Opening: true}
	case !c.Filled:
		return c.silent(name, "since the connection was opened at "+stamp(c.Since))
	case now.Sub(c.Heard) > timing.Silence:
		return c.silent(name, "since "+stamp(c.Heard))
	case c.Skew.Abs() > maxSkew:
		return Standing{Reason: v1alpha1.ReasonClocksDiffer, Message: fmt.Sprintf(
			"the clock of cluster %s is %s this operator's, so that its times mean nothing here: set both by a time server", name, apart(c.Skew))}
	default:
		return Standing{}
	}
}

func (c Contact) silent(name, since string) Standing {
	why := ""
	if c.Failure != nil {
		why = ": " + c.Failure.Error()
	}
	return Standing{Reason: v1alpha1.ReasonConnectionSilent, Message: fmt.Sprintf("cluster %s has not answered %s%s", name, since, why)}
}

// Class is what a failed request says about the connection.
type Class string

// The classes of failures.
const (
	// Fine is that of no failure.
	Fine Class = ""
	// Denied is a clear no: the credentials are not known, or not granted the read.
	Denied Class = "Denied"
	// Absent means that the other cluster does not serve our kinds.
	Absent Class = "Absent"
	// Unanswered is everything that may pass by itself.
	Unanswered Class = "Unanswered"
)

// ClassOf a failed request.
func ClassOf(err error) Class {
	switch {
	case err == nil:
		return Fine
	case apierrors.IsUnauthorized(err), apierrors.IsForbidden(err):
		return Denied
	case apierrors.IsNotFound(err):
		return Absent
	default:
		return Unanswered
	}
}

// Graver says whether the first failure says more about the connection than the second: a
// clear no more than one that may pass, and that more than none.
func Graver(a, b error) bool {
	gravity := map[Class]int{Fine: 0, Unanswered: 1, Absent: 2, Denied: 3}
	return gravity[ClassOf(a)] > gravity[ClassOf(b)]
}

// Skew is how far the other side's clock is ahead, by the date in an answer, which is to
// the second. False when the request took too long to tell.
func Skew(date, sent, received time.Time) (time.Duration, bool) {
	trip := received.Sub(sent)
	if trip < 0 || trip > maxRoundTrip {
		return 0, false
	}
	return date.Add(time.Second / 2).Sub(sent.Add(trip / 2)), true
}

// apart says by how much, in minutes.
func apart(skew time.Duration) string {
	minutes := int(skew.Abs().Round(time.Minute) / time.Minute)
	unit := "minutes"
	if minutes == 1 {
		unit = "minute"
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("%d %s %s", minutes, unit, direction)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
