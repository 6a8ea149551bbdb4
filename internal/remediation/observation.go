// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remediation

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// Rollout is what was observed of a rollout of a new revision.
type Rollout struct {
	// Observed is false when the pods could not be listed; nothing then follows.
	Observed bool
	// Kind of the workload.
	Kind v1alpha1.WorkloadKind
	// UID of the workload.
	UID string
	// Revision is the hash of the new revision.
	Revision string
	// Number of the new revision: the same template rolled out again has another.
	Number int64
	// Generation of the workload that was looked at.
	Generation int64

	// New are the pods of the new revision.
	New NewPods
	// Old are the pods of the revisions before, which run at the same time.
	Old OldPods
	// Desired is how many pods the workload asks for.
	Desired int
	// Available is how many pods of any revision serve.
	Available int
	// MaxUnavailable is how many of the desired pods its strategy lets be missing.
	MaxUnavailable int
	// DeadlineExceeded is true once the workload's own progress deadline passed: that of a
	// Deployment (ProgressDeadlineExceeded), or what stands in for it (evidence.ProgressDeadline).
	DeadlineExceeded bool
	// Deadline is when that passes if the rollout goes on as it is; zero when nobody knows, or
	// it has passed, or there is none.
	Deadline time.Time

	// RanWell is true when the revision was once rolled out in full and ran well: what then
	// makes it fail may be something that others need too.
	RanWell bool
	// FailingFor is how long the workload has been failing.
	FailingFor time.Duration
	// OthersFailing names the other workloads of the namespace that began to fail at about the
	// same time, and OthersElsewhere counts those of other namespaces, whose names are not for
	// everybody who reads a report of this one.
	OthersFailing   []string
	OthersElsewhere int
	// Infrastructure says why pods could not even be made or placed: a quota, no node
	// with room; empty when they could.
	Infrastructure string
	// ChangedConfigMaps that the template refers to changed together with the rollout.
	ChangedConfigMaps []string
	// MissingConfigMaps are those that Target needs and that do not exist: its pods would not start.
	MissingConfigMaps []string
	// Images of the new revision, and Since when it came.
	Images []string
	Since  time.Time
	// Jobs of the namespace that somebody started: one of them may have been a migration.
	Jobs []Job
	// WritableVolumes is true when its pods keep data that an older revision may not read.
	WritableVolumes bool
	// Controller names the object that controls the workload; empty for none.
	Controller string
	// ByHand is true when nothing but a person replaces its pods (updateStrategy OnDelete).
	ByHand bool
	// Paused is true while a person holds its rollout: nothing then replaces its pods either.
	Paused bool
	// Asked is what the workload says by v1alpha1.AnnotationOnFailure; empty when it says nothing.
	Asked string

	// OnFailure is what the policy says.
	OnFailure v1alpha1.OnFailure
	// Level that the namespace has earned: Report or Act.
	Level v1alpha1.ActLevel
	// AtReport says why the level is Report, and what ends that.
	AtReport string
	// Suspended is true when the policy suspends remediation.
	Suspended bool

	// Earlier are the revisions that could be returned to, newest first.
	Earlier []Revision
}

// NewPods count the pods of the new revision. A pod is in one of Failed, Stable and neither.
type NewPods struct {
	// Total is how many there are.
	Total int
	// Crashed is how many have a container that ended with an error, of which the pod did not recover.
	Crashed int
	// Stable is how many are ready and have been for as long as is usual.
	Stable int
	// Unready is how many have been running for longer than usual without becoming ready.
	Unready int
	// Waiting are the pods that cannot start.
	Waiting []Waiting
}

// OldPods count the pods of the revisions before.
type OldPods struct {
	// Total is how many still run.
	Total int
	// Ready is how many of them are ready.
	Ready int
	// Failing is how many of them fail: they crash or lost their readiness.
	Failing int
}

// Waiting is a container that cannot start, as the kubelet reports it.
type Waiting struct {
	// Pod that it belongs to.
	Pod string
	// Reason is the kubelet's: ImagePullBackOff, CreateContainerConfigError.
	Reason string
	// Image that it is made of, as the pod names it.
	Image string
	// Message is the kubelet's; it tells a missing image from a registry that cannot be reached.
	Message string
}

// Job is a Job that somebody, or a tool, started. How it ended does not matter: one that fails
// half way has changed something too.
type Job struct {
	// Name of the Job.
	Name string
	// Images of its containers.
	Images []string
	// Created is when it was made: a tool runs a migration before it writes the workload.
	Created time.Time
}

// Revision is an earlier revision of a workload.
type Revision struct {
	// Hash identifies it.
	Hash string
	// Number counts the revisions of the workload.
	Number int64
	// Since is when it came.
	Since time.Time
	// Template of its pods.
	Template corev1.PodTemplateSpec
	// Proven is true when its readiness reached its targets.
	Proven bool
	// Stable is true when its rollout ended well.
	Stable bool
	// Quarantined is true when it was rolled back itself.
	Quarantined bool
	// Altered is true when Template is not the one that ran: somebody changed it.
	Altered bool
}
