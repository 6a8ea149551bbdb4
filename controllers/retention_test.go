// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// passedBy are n reports of what went, one a minute, the newest so many minutes ago.
func passedBy(name string, n, minutesAgo int, brought ...string) []*v1alpha1.ReadinessReport {
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	var all []*v1alpha1.ReadinessReport
	for i := range n {
		r := &v1alpha1.ReadinessReport{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%02d", name, i)}}
		r.Status.Outcomes = []v1alpha1.RevisionOutcome{{Number: 1, NewFindings: brought}}
		markGone(r, "it was deleted", noon.Add(-time.Duration(minutesAgo+i)*time.Minute))
		all = append(all, r)
	}
	return all
}

func TestThereIsRoomForSoManyReportsOfWhatCameOnceAndWent(t *testing.T) {
	for _, c := range []struct {
		name          string
		failed, clean int
		keeps         [2]int
	}{
		{"for all, while they are few", 5, 15, [2]int{5, 15}},
		{"for the few with findings, however many clean ones follow", 5, 500, [2]int{5, 15}},
		{"for as many with findings as without, where there are more of both", 500, 500, [2]int{10, 10}},
		{"for the few clean ones among many with findings", 500, 3, [2]int{17, 3}},
		{"for those with findings alone", 21, 0, [2]int{20, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			// Those with findings went long before the others.
			all := slices.Concat(passedBy("clean", c.clean, 0), passedBy("failed", c.failed, 2000, "image-pinned"))
			slices.Reverse(all)
			gone := surplus(all)
			left := slices.DeleteFunc(slices.Clone(all), func(r *v1alpha1.ReadinessReport) bool { return slices.Contains(gone, r) })
			kept := [2]int{}
			for _, r := range left {
				if broughtFindings(r) {
					kept[0]++
				} else {
					kept[1]++
				}
			}
			g.Expect(kept).To(Equal(c.keeps))
			for _, r := range gone {
				for _, stays := range left {
					if broughtFindings(r) == broughtFindings(stays) {
						g.Expect(goneSince(r)).To(BeTemporally("<", goneSince(stays)), "the oldest go first")
					}
				}
			}
		})
	}
}
