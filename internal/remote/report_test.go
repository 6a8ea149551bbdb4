// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/remote"
)

func TestReportsThatCouldNotBeOursAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		status v1alpha1.ReadinessReportStatus
		sound  bool
	}{
		"a workload":                   {v1alpha1.ReadinessReportStatus{Workload: v1alpha1.ReportedWorkload{Kind: v1alpha1.KindDeployment, Name: "shop"}}, true},
		"an object that runs nothing":  {v1alpha1.ReadinessReportStatus{Object: &v1alpha1.ReportedObject{Kind: "Service", Name: "shop"}}, true},
		"a report that is still empty": {v1alpha1.ReadinessReportStatus{}, false},
		"an unknown kind":              {v1alpha1.ReadinessReportStatus{Workload: v1alpha1.ReportedWorkload{Kind: "x.y/z", Name: "shop"}}, false},
		"a name that no object has":    {v1alpha1.ReadinessReportStatus{Workload: v1alpha1.ReportedWorkload{Kind: v1alpha1.KindJob, Name: "a/b\n"}}, false},
		"a name that is too long":      {v1alpha1.ReadinessReportStatus{Workload: v1alpha1.ReportedWorkload{Kind: v1alpha1.KindPod, Name: strings.Repeat("a", 254)}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(remote.Sound(v1alpha1.ReadinessReport{Status: c.status})).To(Equal(c.sound))
		})
	}
}
