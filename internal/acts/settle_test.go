// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package acts

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/drift"
)

// The writers: argo and ci are trusted, dana and eve are not.
func stamped(users ...string) drift.Stamps {
	var all drift.Stamps
	for i, user := range users {
		all = append(all, drift.Stamp{Generation: int64(8 + i), User: user})
	}
	return all
}

var (
	logLevel = drift.Leaf{Path: drift.Path{{Field: "spec"}, {Field: "logLevel"}}, Was: "info", Is: "debug"}
	added    = drift.Leaf{Path: drift.Path{{Field: "spec"}, {Field: "sidecar"}}, Is: "on"}
	removed  = drift.Leaf{Path: drift.Path{{Field: "spec"}, {Field: "probe"}}, Was: "on"}
)

func TestWhatHappenedToDriftSettlesAReportedCorrection(t *testing.T) {
	var many []string
	for range drift.MaxStamps {
		many = append(many, "argo")
	}
	forgotten := stamped(many...)
	for i := range forgotten {
		forgotten[i].Generation += 5
	}
	for _, test := range []struct {
		name    string
		drifted []drift.Leaf
		stamps  drift.Stamps
		edit    func(*Correction)
		want    v1alpha1.ActTrialOutcome
	}{
		{"nothing happened yet", []drift.Leaf{logLevel}, nil, nil, v1alpha1.ActOpen},
		{"a trusted writer took it back", nil, stamped("argo"), nil, v1alpha1.ActAgreed},
		{"two trusted writers did", nil, stamped("argo", "ci"), nil, v1alpha1.ActAgreed},
		{"whoever edited took it back himself", nil, stamped("dana"), nil, v1alpha1.ActCensored},
		{"somebody else without trust took it back", nil, stamped("eve"), nil, v1alpha1.ActCensored},
		{"both wrote between two looks", nil, stamped("dana", "argo"), nil, v1alpha1.ActCensored},
		{"it ended without a write: the policy looks away now", nil, nil, nil, v1alpha1.ActCensored},
		{"more was written than is remembered", nil, forgotten, func(c *Correction) { c.Generation = 100 }, v1alpha1.ActCensored},
		{"the operator wrote itself", nil, stamped("rampart"), nil, v1alpha1.ActCensored},
		{"a trusted writer let a changed field stand", []drift.Leaf{logLevel}, stamped("argo"), nil, v1alpha1.ActDisagreed},
		{"a trusted writer let a removed field stay away", []drift.Leaf{removed}, stamped("argo"), nil, v1alpha1.ActDisagreed},
		{"a trusted writer left alone what he does not know of", []drift.Leaf{added}, stamped("argo"), nil, v1alpha1.ActOpen},
		{"a trusted writer left a changed field beside an added one", []drift.Leaf{added, logLevel}, stamped("argo"), nil, v1alpha1.ActDisagreed},
		{"somebody edits more", []drift.Leaf{logLevel, added}, stamped("dana", "eve"), nil, v1alpha1.ActOpen},
		{"a trusted writer and then somebody: it may have been taken back in between", []drift.Leaf{logLevel}, stamped("argo", "dana"), nil, v1alpha1.ActOpen},
		{"a write beyond the generation that was looked at does not count", []drift.Leaf{logLevel}, stamped("argo"), func(c *Correction) { c.Generation = 7 }, v1alpha1.ActOpen},
		{"a user whose name was cut is nobody", nil, drift.Stamps{{Generation: 8, User: "argo", Cut: true}}, nil, v1alpha1.ActCensored},
		{"nobody looks for drift any more", nil, stamped("argo"), func(c *Correction) { c.Compared = false }, v1alpha1.ActCensored},
		{"the operator is trusted by mistake", nil, stamped("rampart"), func(c *Correction) { c.Trusted = append(c.Trusted, "rampart") }, v1alpha1.ActCensored},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewWithT(t)
			seen := Correction{
				Compared: true, Drifted: test.drifted, Stamps: test.stamps, Generation: int64(7 + len(test.stamps)), Trusted: []string{"argo", "ci"}, Operator: "rampart",
			}
			if test.edit != nil {
				test.edit(&seen)
			}
			trials := []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionCorrectDrift, "a", 0), v1alpha1.ActOpen)}
			SettleCorrection(trials, seen, noon.Add(time.Hour))
			g.Expect(trials[0].Outcome).To(Equal(test.want), trials[0].Message)
			if test.want != v1alpha1.ActOpen {
				g.Expect(trials[0].Message).NotTo(BeEmpty(), "an outcome is explained")
			}

			SettleCorrection(trials, Correction{Compared: true, Stamps: stamped("argo"), Generation: 8, Trusted: []string{"argo"}}, noon.Add(2*time.Hour))
			if test.want != v1alpha1.ActOpen {
				g.Expect(trials[0].Outcome).To(Equal(test.want), "what is settled stays so")
			}
		})
	}
}

func TestTheNextTrustedWriteSettlesACorrectionThatWasMade(t *testing.T) {
	for _, test := range []struct {
		name     string
		followed []drift.Leaf
		stamps   drift.Stamps
		want     v1alpha1.ActTrialOutcome
	}{
		{"the operator's own write says nothing", nil, stamped("rampart"), v1alpha1.ActOpen},
		{"somebody edits again", nil, stamped("rampart", "dana"), v1alpha1.ActOpen},
		{"a trusted writer brings the value back", []drift.Leaf{{Path: logLevel.Path, Was: "info", Is: "debug"}}, stamped("rampart", "argo"), v1alpha1.ActDisagreed},
		{"a trusted writer brings another value", []drift.Leaf{{Path: logLevel.Path, Was: "info", Is: "trace"}}, stamped("rampart", "argo"), v1alpha1.ActAgreed},
		{"a trusted writer writes something else", []drift.Leaf{added}, stamped("rampart", "argo"), v1alpha1.ActAgreed},
	} {
		t.Run(test.name, func(t *testing.T) {
			trial := settledAs(reported(v1alpha1.ActionCorrectDrift, "a", 0), v1alpha1.ActOpen)
			trial.Level, trial.Fields = v1alpha1.ActAct, Fields([]drift.Leaf{logLevel, removed})
			trials := []v1alpha1.ActTrial{trial}
			SettleCorrection(trials, Correction{
				Compared: true, Followed: test.followed, Stamps: test.stamps, Generation: int64(7 + len(test.stamps)), Trusted: []string{"argo"}, Operator: "rampart",
			}, noon.Add(time.Hour))
			NewWithT(t).Expect(trials[0].Outcome).To(Equal(test.want), trials[0].Message)
		})
	}
}

func TestWhatHappenedToTheRolloutSettlesAReportedRollback(t *testing.T) {
	failing := Rollback{Watched: true, Revision: 3, Cause: v1alpha1.CauseTemplate, Failing: true, FailedBefore: true, Desired: 2}
	for _, test := range []struct {
		name string
		edit func(*Rollback)
		want v1alpha1.ActTrialOutcome
	}{
		{"it fails on", func(*Rollback) {}, v1alpha1.ActOpen},
		{"it recovers, and not all pods serve yet", func(r *Rollback) { r.Failing = false }, v1alpha1.ActOpen},
		{"it recovered by itself", func(r *Rollback) { r.Failing, r.Complete = false, true }, v1alpha1.ActDisagreed},
		{"it was scaled to nothing, which is no recovery", func(r *Rollback) { r.Failing, r.Complete, r.Desired = false, true, 0 }, v1alpha1.ActCensored},
		{"another template took its place", func(r *Rollback) { r.Revision = 4 }, v1alpha1.ActAgreed},
		{"another template took its place and runs already", func(r *Rollback) { r.Revision, r.Failing, r.Complete = 4, false, true }, v1alpha1.ActAgreed},
		{"it was made again", func(r *Rollback) { r.Revision, r.Cause = 4, v1alpha1.CauseCreated }, v1alpha1.ActCensored},
		{"its ConfigMap changed", func(r *Rollback) { r.Revision, r.Cause = 4, v1alpha1.CauseConfigMaps }, v1alpha1.ActCensored},
		{"its tag moved", func(r *Rollback) { r.Revision, r.Cause = 4, v1alpha1.CauseImages }, v1alpha1.ActCensored},
		{"its strategy changed", func(r *Rollback) { r.Revision, r.Cause = 4, v1alpha1.CauseStrategy }, v1alpha1.ActCensored},
		{"another template came while the operator was away", func(r *Rollback) { r.Revision, r.Watched = 4, false }, v1alpha1.ActCensored},
		{"another template came when it did not fail any more", func(r *Rollback) { r.Revision, r.FailedBefore = 4, false }, v1alpha1.ActCensored},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, seen := NewWithT(t), failing
			test.edit(&seen)
			trials := []v1alpha1.ActTrial{settledAs(reported(v1alpha1.ActionRollback, "a", 0), v1alpha1.ActOpen)}
			SettleRollback(trials, seen, noon.Add(time.Hour))
			g.Expect(trials[0].Outcome).To(Equal(test.want), trials[0].Message)
		})
	}
}

func TestTheRevisionThatItWentBackToSettlesARollback(t *testing.T) {
	for _, test := range []struct {
		name string
		seen Rollback
		want v1alpha1.ActTrialOutcome
	}{
		{"it does not show yet", Rollback{Revision: 3, Failing: true, Desired: 2}, v1alpha1.ActOpen},
		{"it rolls out", Rollback{Revision: 4, Desired: 2}, v1alpha1.ActOpen},
		{"it runs well", Rollback{Revision: 4, Complete: true, Desired: 2}, v1alpha1.ActAgreed},
		{"it fails too", Rollback{Revision: 4, Failing: true, Complete: true, Desired: 2}, v1alpha1.ActDisagreed},
		{"nothing of it is wanted", Rollback{Revision: 4, Complete: true}, v1alpha1.ActCensored},
		{"it was made again", Rollback{Revision: 4, Cause: v1alpha1.CauseCreated, Complete: true, Desired: 2}, v1alpha1.ActCensored},
		{"another one came at once", Rollback{Revision: 5, Failing: true, Desired: 2}, v1alpha1.ActCensored},
	} {
		t.Run(test.name, func(t *testing.T) {
			trial := settledAs(reported(v1alpha1.ActionRollback, "a", 0), v1alpha1.ActOpen)
			trial.Level = v1alpha1.ActAct
			trials := []v1alpha1.ActTrial{trial}
			SettleRollback(trials, test.seen, noon.Add(time.Hour))
			NewWithT(t).Expect(trials[0].Outcome).To(Equal(test.want), trials[0].Message)
		})
	}
}

func TestAWorkloadThatIsGoneSettlesNothing(t *testing.T) {
	g := NewWithT(t)
	trials := []v1alpha1.ActTrial{
		settledAs(reported(v1alpha1.ActionRollback, "a", 0), v1alpha1.ActOpen), settledAs(reported(v1alpha1.ActionCorrectDrift, "b", 0), v1alpha1.ActAgreed),
	}
	Abandon(trials, "the workload was deleted")
	g.Expect(trials[0].Outcome).To(Equal(v1alpha1.ActCensored))
	g.Expect(trials[1].Outcome).To(Equal(v1alpha1.ActAgreed))
}
