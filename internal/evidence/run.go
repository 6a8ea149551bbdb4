// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"slices"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// runs observes whether a Job, or a Job of a CronJob, completes. Each run is an episode:
// nothing but the work itself connects them. How long one may take is the Job's own
// business (activeDeadlineSeconds).
type runs struct{}

func (runs) begun(l look) []v1alpha1.OpenTrial {
	var trials []v1alpha1.OpenTrial
	for _, run := range l.Runs {
		if run.Started.IsZero() || !l.madeFor(workload.Pod{Created: run.Created}) {
			continue
		}
		c := natural("run", run.UID)
		trials = append(trials, v1alpha1.OpenTrial{
			ID:         trialID(v1alpha1.TrialRun, run.UID),
			Kind:       v1alpha1.TrialRun,
			Subject:    run.Name,
			SubjectUID: run.UID,
			Episode:    c.episode, Source: c.source,
			Since: seconds(run.Started),
		})
	}
	return trials
}

func (runs) judge(l look, trial v1alpha1.OpenTrial) verdict {
	i := slices.IndexFunc(l.Runs, func(run workload.Run) bool { return run.UID == trial.SubjectUID })
	if i < 0 {
		return censored(l.now, fmt.Sprintf("job %s was deleted before its end was seen", trial.Subject))
	}
	run := l.Runs[i]
	switch {
	case run.Finished.IsZero():
		return open
	case run.Failed:
		return failure(run.Finished, fmt.Sprintf("job %s failed: %s", run.Name, run.Why))
	case run.Idle:
		return censored(run.Finished, fmt.Sprintf("job %s completed, but none of its pods succeeded: it shows nothing", run.Name))
	default:
		took := max(0, run.Finished.Sub(trial.Since.Time))
		return success(run.Finished, took, fmt.Sprintf("job %s completed in %s", run.Name, took))
	}
}
