// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remote"
)

var (
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	reports = schema.GroupResource{Group: v1alpha1.Group, Resource: "readinessreports"}
	timing  = remote.DefaultTiming()
)

// settled is a connection that was opened an hour ago and works.
func settled(edit ...func(*remote.Contact)) remote.Contact {
	c := remote.Contact{Since: noon.Add(-time.Hour), Heard: noon.Add(-10 * time.Second), Filled: true}
	for _, e := range edit {
		e(&c)
	}
	return c
}

func TestAContactIsJudgedByWhatWasHeardLast(t *testing.T) {
	refused := errors.New("dial tcp 192.0.2.1:6443: connect: connection refused")
	failed := func(err error) func(*remote.Contact) { return func(c *remote.Contact) { c.Failure = err } }
	heard := func(ago time.Duration) func(*remote.Contact) {
		return func(c *remote.Contact) { c.Heard = noon.Add(-ago) }
	}
	opened := func(ago time.Duration) func(*remote.Contact) {
		return func(c *remote.Contact) { c.Since, c.Heard, c.Filled = noon.Add(-ago), time.Time{}, false }
	}
	skewed := func(by time.Duration) func(*remote.Contact) { return func(c *remote.Contact) { c.Skew = by } }
	for name, c := range map[string]struct {
		contact remote.Contact
		reason  string
		says    string
	}{
		"all is well": {settled(), "", ""},
		"a kubeconfig that is refused": {
			remote.Contact{Refused: errors.New("exec: the operator runs no programs")}, v1alpha1.ReasonConnectionInvalid,
			"the kubeconfig in Secret staging is not used: exec: the operator runs no programs",
		},
		"credentials that nobody knows count at once": {
			settled(failed(apierrors.NewUnauthorized("no"))), v1alpha1.ReasonConnectionDenied, "cluster staging refuses the operator: no; renew the credentials in Secret staging",
		},
		"a right that is missing counts at once": {
			settled(failed(apierrors.NewForbidden(reports, "", nil))), v1alpha1.ReasonConnectionDenied, "bind the ClusterRole rampart-remote-reader there",
		},
		"a cluster that refuses at the first word is not opening": {
			settled(opened(0), failed(apierrors.NewUnauthorized("no"))), v1alpha1.ReasonConnectionDenied, "renew the credentials",
		},
		"a cluster without Rampart": {
			settled(failed(apierrors.NewNotFound(reports, ""))), v1alpha1.ReasonSourceUnknown, "install Rampart there",
		},
		"an API server that is being restarted":         {settled(heard(timing.Silence), failed(refused)), "", ""},
		"an API server that has stopped":                {settled(heard(timing.Silence+1), failed(refused)), v1alpha1.ReasonConnectionSilent, "cluster staging has not answered since 2026-03-01T11:58:29Z: dial tcp 192.0.2.1:6443: connect: connection refused"},
		"silence without an error":                      {settled(heard(timing.Silence + time.Second)), v1alpha1.ReasonConnectionSilent, "cluster staging has not answered since 2026-03-01T11:58:29Z"},
		"an API server that never answered":             {settled(opened(timing.Opening), failed(refused)), v1alpha1.ReasonConnectionSilent, "has not answered since the connection was opened at 2026-03-01T11:59:40Z: dial"},
		"a new connection by which everything was read": {settled(heard(0), func(c *remote.Contact) { c.Since = noon }), "", ""},
		"an answer before everything was read":          {settled(opened(timing.Opening), heard(0)), v1alpha1.ReasonConnectionSilent, "since the connection was opened"},
		"a clock that is a little ahead":                {settled(skewed(time.Minute)), "", ""},
		"a clock that is ahead":                         {settled(skewed(time.Minute + time.Second)), v1alpha1.ReasonClocksDiffer, "the clock of cluster staging is 1 minute ahead of this operator's"},
		"a clock that is behind":                        {settled(skewed(-90 * time.Minute)), v1alpha1.ReasonClocksDiffer, "is 90 minutes behind this operator's"},
		"what cannot be read counts before a clock":     {settled(heard(time.Hour), skewed(time.Hour)), v1alpha1.ReasonConnectionSilent, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			standing := c.contact.Judge("staging", timing, noon)
			g.Expect(standing.Reason).To(Equal(c.reason))
			g.Expect(standing.Message).To(ContainSubstring(c.says))
			g.Expect(standing.Opening).To(BeFalse())
			g.Expect(standing.Usable()).To(Equal(c.reason == ""))
		})
	}

	t.Run("a new connection is neither usable nor at fault", func(t *testing.T) {
		g := NewWithT(t)
		standing := settled(opened(timing.Opening-1), failed(refused)).Judge("staging", timing, noon)
		g.Expect(standing).To(Equal(remote.Standing{Opening: true}))
		g.Expect(standing.Usable()).To(BeFalse())
	})
	t.Run("the words stay while nothing changes", func(t *testing.T) {
		contact := settled(failed(refused))
		NewWithT(t).Expect(contact.Judge("staging", timing, noon.Add(time.Hour))).To(Equal(contact.Judge("staging", timing, noon.Add(2*time.Hour))))
	})
}

func TestFailuresAreTakenForWhatTheyAre(t *testing.T) {
	g := NewWithT(t)
	g.Expect(remote.ClassOf(nil)).To(Equal(remote.Fine))
	g.Expect(remote.ClassOf(fmt.Errorf("list: %w", apierrors.NewUnauthorized("no")))).To(Equal(remote.Denied))
	g.Expect(remote.ClassOf(apierrors.NewInternalError(errors.New("etcd")))).To(Equal(remote.Unanswered))
	g.Expect(remote.ClassOf(apierrors.NewTooManyRequests("slower", 1))).To(Equal(remote.Unanswered))
}

func TestClocksAreComparedInTheMiddleOfARequest(t *testing.T) {
	for name, c := range map[string]struct {
		date  time.Time
		trip  time.Duration
		skew  time.Duration
		known bool
	}{
		"the same time, to the second":          {noon, time.Second, 0, true},
		"ahead":                                 {noon.Add(time.Hour), time.Second, time.Hour, true},
		"behind":                                {noon.Add(-time.Hour), time.Second, -time.Hour, true},
		"a slow answer":                         {noon.Add(4500 * time.Millisecond), 10 * time.Second, 0, true},
		"an answer too slow to tell":            {noon, 11 * time.Second, 0, false},
		"our own clock was set in the meantime": {noon, -time.Second, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			skew, known := remote.Skew(c.date, noon, noon.Add(c.trip))
			g.Expect(known).To(Equal(c.known))
			g.Expect(skew).To(Equal(c.skew))
		})
	}
}
