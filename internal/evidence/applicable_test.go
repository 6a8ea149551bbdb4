// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

func TestApplies(t *testing.T) {
	all := []v1alpha1.TrialKind{
		v1alpha1.TrialRollout, v1alpha1.TrialStart, v1alpha1.TrialRun, v1alpha1.TrialReplacement, v1alpha1.TrialRestart,
		v1alpha1.TrialRollback, v1alpha1.TrialTermination, v1alpha1.TrialContainment, v1alpha1.TrialContainedRollout,
	}
	rolling, recovering := all[:2], all[3:7]
	of := func(kind v1alpha1.WorkloadKind, replicas, unavailable int32) workload.Workload {
		return workload.Workload{Kind: kind, Replicas: replicas, MaxUnavailable: unavailable}
	}
	join := func(parts ...[]v1alpha1.TrialKind) (kinds []v1alpha1.TrialKind) {
		for _, part := range parts {
			kinds = append(kinds, part...)
		}
		return kinds
	}
	for name, c := range map[string]struct {
		workload workload.Workload
		serving  bool
		want     []v1alpha1.TrialKind
	}{
		"a replicated service":                  {of(v1alpha1.KindDeployment, 3, 0), true, join(rolling, recovering, all[7:])},
		"a replicated worker":                   {of(v1alpha1.KindDeployment, 3, 0), false, join(rolling, recovering, all[8:])},
		"a service of one":                      {of(v1alpha1.KindDeployment, 1, 0), true, join(rolling, recovering, all[8:])},
		"a StatefulSet of one has an outage":    {of(v1alpha1.KindStatefulSet, 1, 1), true, join(rolling, recovering)},
		"a Deployment that is made anew":        {of(v1alpha1.KindDeployment, 3, 3), true, join(rolling, recovering, all[7:8])},
		"a DaemonSet on three nodes":            {of(v1alpha1.KindDaemonSet, 3, 1), true, join(rolling, recovering, all[7:])},
		"a bare Pod, which nothing brings back": {of(v1alpha1.KindPod, 1, 0), true, []v1alpha1.TrialKind{v1alpha1.TrialStart, v1alpha1.TrialTermination}},
		"a CronJob":                             {of(v1alpha1.KindCronJob, 0, 0), false, []v1alpha1.TrialKind{v1alpha1.TrialRun}},
		"a Job":                                 {of(v1alpha1.KindJob, 0, 0), true, []v1alpha1.TrialKind{v1alpha1.TrialRun}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []v1alpha1.TrialKind
			for _, kind := range all {
				if Applies(kind, c.workload, c.serving) {
					got = append(got, kind)
				}
			}
			NewWithT(t).Expect(got).To(ConsistOf(c.want))
		})
	}
}
