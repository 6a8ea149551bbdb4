// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package isolation_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/isolation"
	"github.com/rampart-dev/rampart/internal/remediation"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stranded is a first revision that fails for ten minutes: all of its pods crash.
func stranded(edits ...func(*isolation.Subject)) isolation.Subject {
	s := isolation.Subject{
		Kind: v1alpha1.KindDeployment, Name: "shop", UID: "u-1", PodTemplateHash: "bad", FailingSince: now.Add(-10 * time.Minute),
		Rollout: remediation.Rollout{
			Observed: true, Kind: v1alpha1.KindDeployment, UID: "u-1", Revision: "r-1", Number: 1, Desired: 3,
			New: remediation.NewPods{Total: 3, Crashed: 3}, OnFailure: v1alpha1.OnFailureRollback, Level: v1alpha1.ActAct,
		},
		Policy: v1alpha1.IsolationPolicy{Mode: v1alpha1.IsolationOnFailure, After: &metav1.Duration{Duration: 5 * time.Minute}},
		Level:  v1alpha1.ActAct,
	}
	for _, edit := range edits {
		edit(&s)
	}
	s.Decision = remediation.Judge(s.Rollout)
	return s
}

// good is an earlier revision that ran well.
var good = []remediation.Revision{{Hash: "r-0", Stable: true}}

func TestJudge(t *testing.T) {
	asked := func(s *isolation.Subject) { s.Wish = isolation.WishNow }
	for name, test := range map[string]struct {
		edits   []func(*isolation.Subject)
		verdict isolation.Verdict
		says    string
	}{
		"a failing revision with nothing before it is isolated": {
			verdict: isolation.VerdictAct, says: "isolated: it fails since 11:50:00 UTC, and no earlier revision is known to be good",
		},
		"a DaemonSet too": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Kind, s.Rollout.Kind = v1alpha1.KindDaemonSet, v1alpha1.KindDaemonSet }},
			verdict: isolation.VerdictAct, says: "no earlier revision",
		},
		"after a migration there is no way back even to a good one": {
			edits: []func(*isolation.Subject){func(s *isolation.Subject) {
				s.Rollout.Images, s.Rollout.Jobs = []string{"shop:2"}, []remediation.Job{{Name: "migrate", Images: []string{"shop:2"}, Created: now}}
				s.Rollout.Earlier, s.GoodBefore = good, true
			}},
			verdict: isolation.VerdictAct, says: "Job migrate ran with a newer image",
		},
		"where isolation is off it has no part": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Policy.Mode = v1alpha1.IsolationOff }},
			verdict: isolation.VerdictNone,
		},
		"not even when it is asked for": {
			edits:   []func(*isolation.Subject){asked, func(s *isolation.Subject) { s.Policy.Mode = v1alpha1.IsolationOff }},
			verdict: isolation.VerdictNone,
		},
		"a workload that refuses is left alone": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Wish = isolation.WishNever }},
			verdict: isolation.VerdictNone,
		},
		"a workload that does not fail is left alone": {
			edits:   []func(*isolation.Subject){asked, func(s *isolation.Subject) { s.FailingSince = time.Time{} }},
			verdict: isolation.VerdictNone,
		},
		"pods without the name of a revision are left alone": {
			edits:   []func(*isolation.Subject){asked, func(s *isolation.Subject) { s.PodTemplateHash = "" }},
			verdict: isolation.VerdictNone,
		},
		"a Job is left alone, because nothing tells its pods apart": {
			edits:   []func(*isolation.Subject){asked, func(s *isolation.Subject) { s.Kind = v1alpha1.KindJob }},
			verdict: isolation.VerdictNone,
		},
		"one crashed pod is not enough": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Rollout.New = remediation.NewPods{Total: 3, Crashed: 1} }},
			verdict: isolation.VerdictNone,
		},
		"what could not be observed is never isolated": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Rollout.Observed = false }},
			verdict: isolation.VerdictNone,
		},
		"the cluster as the cause isolates nobody": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Rollout.Infrastructure = "no node has room" }},
			verdict: isolation.VerdictNone,
		},
		"a registry that does not answer isolates nobody": {
			edits: []func(*isolation.Subject){func(s *isolation.Subject) {
				s.Rollout.New.Waiting = []remediation.Waiting{{Reason: "ImagePullBackOff", Message: "connection refused"}}
			}},
			verdict: isolation.VerdictNone,
		},
		"a common cause isolates nobody": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Rollout.OthersFailing = []string{"cart"} }},
			verdict: isolation.VerdictNone,
		},
		"old pods that fail too isolate nobody": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Rollout.Old = remediation.OldPods{Total: 1, Failing: 1} }},
			verdict: isolation.VerdictNone,
		},
		"what is rolled back is not isolated": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Rollout.Earlier, s.GoodBefore = good, true }},
			verdict: isolation.VerdictNone,
		},
		"what would be rolled back, if that were not suspended, is not isolated": {
			edits: []func(*isolation.Subject){func(s *isolation.Subject) {
				s.Rollout.Earlier, s.GoodBefore, s.Rollout.Suspended = good, true, true
			}},
			verdict: isolation.VerdictNone,
		},
		"what would be rolled back at another level is not isolated": {
			edits: []func(*isolation.Subject){func(s *isolation.Subject) {
				s.Rollout.Earlier, s.GoodBefore, s.Rollout.Level = good, true, v1alpha1.ActReport
			}},
			verdict: isolation.VerdictNone,
		},
		"where people are to roll back nothing is isolated": {
			edits: []func(*isolation.Subject){func(s *isolation.Subject) {
				s.Rollout.Earlier, s.GoodBefore, s.Rollout.OnFailure = good, true, v1alpha1.OnFailureReport
			}},
			verdict: isolation.VerdictNone,
		},
		"a good revision that cannot be returned to by itself is good nevertheless": {
			edits: []func(*isolation.Subject){func(s *isolation.Subject) {
				s.GoodBefore, s.Rollout.WritableVolumes = true, true
			}},
			verdict: isolation.VerdictNone,
		},
		"a revision that ran well before is not isolated": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.RanWell = true }},
			verdict: isolation.VerdictReport, says: "ran well before",
		},
		"pods that run well are not taken away": {
			edits: []func(*isolation.Subject){func(s *isolation.Subject) {
				s.Rollout.New = remediation.NewPods{Total: 6, Crashed: 5, Stable: 1}
			}},
			verdict: isolation.VerdictReport, says: "1 of its pods run well",
		},
		"it waits until the workload has failed for long enough": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.FailingSince = now.Add(-time.Minute) }},
			verdict: isolation.VerdictWait, says: "isolated at 12:04:00 UTC if it still fails",
		},
		"and not a moment longer": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.FailingSince = now.Add(-5 * time.Minute) }},
			verdict: isolation.VerdictAct, says: "isolated",
		},
		"a name that is taken is left to whom it belongs": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Taken = true }},
			verdict: isolation.VerdictReport, says: "somebody else made has the name rampart-isolation-deployment-shop",
		},
		"what would have no effect is not done": {
			edits: []func(*isolation.Subject){func(s *isolation.Subject) {
				s.Effect = isolation.EffectOn(isolation.Pods{HostNetwork: true}, nil)
			}},
			verdict: isolation.VerdictReport, says: "no effect: not effective: the pods use the network of their node",
		},
		"while remediation is suspended nothing is isolated": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Suspended = true }},
			verdict: isolation.VerdictReport, says: "suspended",
		},
		"a namespace at Report is told what would be done": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Level = v1alpha1.ActReport }},
			verdict: isolation.VerdictReport, says: "it would be isolated (it fails since 11:50:00 UTC, and no earlier revision",
		},
		"where it is manual nothing is isolated unasked": {
			edits:   []func(*isolation.Subject){func(s *isolation.Subject) { s.Policy.Mode = v1alpha1.IsolationManual }},
			verdict: isolation.VerdictNone,
		},
		"somebody who asks need not wait for the evidence, nor for a level": {
			edits: []func(*isolation.Subject){asked, func(s *isolation.Subject) {
				s.Policy.Mode, s.Level, s.FailingSince = v1alpha1.IsolationManual, v1alpha1.ActReport, now
				s.Rollout.New, s.RanWell, s.GoodBefore = remediation.NewPods{Total: 3, Crashed: 1, Stable: 2}, true, true
			}},
			verdict: isolation.VerdictAct, says: "isolated: somebody asked for it",
		},
		"not even somebody who asks isolates while remediation is suspended": {
			edits:   []func(*isolation.Subject){asked, func(s *isolation.Subject) { s.Suspended = true }},
			verdict: isolation.VerdictReport, says: "suspended",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			judged := isolation.Judge(stranded(test.edits...), now)
			g.Expect(judged.Verdict).To(Equal(test.verdict), judged.Reason)
			g.Expect(judged.Reason).To(ContainSubstring(test.says))
			if test.verdict == isolation.VerdictNone {
				g.Expect(judged.Reason).To(BeEmpty())
			}
		})
	}
}

func TestTheWaitEndsWhenItIsDue(t *testing.T) {
	g := NewWithT(t)
	judged := isolation.Judge(stranded(func(s *isolation.Subject) { s.FailingSince = now.Add(-time.Minute) }), now)
	g.Expect(judged.At).To(Equal(now.Add(4 * time.Minute)))
}

func TestAnIsolationHasAnIDOfItsPods(t *testing.T) {
	g := NewWithT(t)
	id := isolation.Judge(stranded(), now).Action
	g.Expect(isolation.Judge(stranded(), now.Add(time.Hour)).Action).To(Equal(id))
	g.Expect(isolation.Judge(stranded(func(s *isolation.Subject) { s.PodTemplateHash = "worse" }), now).Action).NotTo(Equal(id))
	g.Expect(isolation.Judge(stranded(func(s *isolation.Subject) { s.UID = "u-2" }), now).Action).NotTo(Equal(id), "a workload that was made again")
	g.Expect(isolation.ReleaseID("u-1", "bad")).NotTo(Equal(id))
	g.Expect(len(id)).To(BeNumerically("<=", 64))
}

func TestWhatAWorkloadSaysAboutItsIsolation(t *testing.T) {
	for name, test := range map[string]struct {
		annotations map[string]string
		wish        isolation.Wish
	}{
		"nothing":          {nil, isolation.WishNone},
		"Now":              {map[string]string{v1alpha1.AnnotationIsolation: "Now"}, isolation.WishNow},
		"Off":              {map[string]string{v1alpha1.AnnotationIsolation: "Off"}, isolation.WishNever},
		"anything else":    {map[string]string{v1alpha1.AnnotationIsolation: "true"}, isolation.WishNone},
		"only report":      {map[string]string{v1alpha1.AnnotationOnFailure: "Report"}, isolation.WishNever},
		"report, and Now":  {map[string]string{v1alpha1.AnnotationOnFailure: "Report", v1alpha1.AnnotationIsolation: "Now"}, isolation.WishNow},
		"misread as that":  {map[string]string{v1alpha1.AnnotationOnFailure: "report"}, isolation.WishNever},
		"roll back by all": {map[string]string{v1alpha1.AnnotationOnFailure: "Rollback"}, isolation.WishNone},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(isolation.WishOf(test.annotations)).To(Equal(test.wish))
		})
	}
}

func TestRelease(t *testing.T) {
	held := func(edit func(*isolation.Held)) isolation.Held {
		h := isolation.Held{PodTemplateHash: "bad", Newest: "bad", Failing: true, Mode: v1alpha1.IsolationOnFailure}
		edit(&h)
		return h
	}
	for name, test := range map[string]struct {
		held isolation.Held
		says string
	}{
		"not while it fails":                            {held(func(*isolation.Held) {}), ""},
		"by the next revision":                          {held(func(h *isolation.Held) { h.Newest = "better" }), "another revision has come"},
		"not while nobody knows which revision is next": {held(func(h *isolation.Held) { h.Newest = "" }), ""},
		"not by a revision whose pods have no name yet": {held(func(h *isolation.Held) { h.Newest, h.Failing = "", false }), ""},
		"once it recovers":                              {held(func(h *isolation.Held) { h.Failing = false }), "does not fail any more"},
		"when the workload says so": {held(func(h *isolation.Held) {
			h.Refusal = isolation.Refusal(map[string]string{v1alpha1.AnnotationIsolation: "Off"})
		}), "its annotation rampart.dev/isolation is Off"},
		"when the workload wants failures reported only": {held(func(h *isolation.Held) {
			h.Refusal = isolation.Refusal(map[string]string{v1alpha1.AnnotationOnFailure: "Report"})
		}), "its annotation rampart.dev/on-failure is Report"},
		"when what it wants is read as that": {held(func(h *isolation.Held) {
			h.Refusal = isolation.Refusal(map[string]string{v1alpha1.AnnotationOnFailure: "report"})
		}), "its annotation rampart.dev/on-failure is read as Report"},
		"not when it asks for it nevertheless": {held(func(h *isolation.Held) {
			h.Refusal = isolation.Refusal(map[string]string{v1alpha1.AnnotationOnFailure: "Report", v1alpha1.AnnotationIsolation: "Now"})
		}), ""},
		"when the policy isolates no more":               {held(func(h *isolation.Held) { h.Mode = v1alpha1.IsolationOff }), "isolates nothing any more"},
		"when nobody asks for it any more":               {held(func(h *isolation.Held) { h.Mode = v1alpha1.IsolationManual }), "nobody asks"},
		"not while somebody asks for it":                 {held(func(h *isolation.Held) { h.Mode, h.Wish = v1alpha1.IsolationManual, isolation.WishNow }), ""},
		"not because nobody asks, where nobody needs to": {held(func(h *isolation.Held) { h.Wish = isolation.WishNone }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			says := isolation.Release(test.held)
			NewWithT(t).Expect(says).To(ContainSubstring(test.says))
			if test.says == "" {
				NewWithT(t).Expect(says).To(BeEmpty())
			}
		})
	}
}
