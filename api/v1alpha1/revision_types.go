// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Revision is what runs.
type Revision struct {
	// hash identifies it: the pod template without what only restarts it, the update
	// strategy, the contents of the ConfigMaps that the template uses, and what its tags
	// resolve to once one of them has moved. The contents of Secrets are no part of it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Hash string `json:"hash,omitempty"`

	// number counts the revisions of the workload, from 1.
	// +optional
	Number int64 `json:"number,omitempty"`

	// since is when it was first seen.
	// +optional
	Since metav1.Time `json:"since,omitempty"`

	// podTemplateHash is the name that the workload's controller gives to its pods of this revision.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PodTemplateHash string `json:"podTemplateHash,omitempty"`

	// mechanism is a digest for each part of the template whose change weighs
	// differently on evidence: what of the old one still counts.
	// +optional
	Mechanism RevisionMechanism `json:"mechanism,omitempty"`

	// previous is the mechanism of the revision before it: what is carried from there is
	// measured by the difference.
	// +optional
	Previous *RevisionMechanism `json:"previous,omitempty"`

	// containers are its images and commands, init containers first. A revision of 64
	// containers or more passes no gate: what is beyond the first 64 is not listed.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Containers []RevisionContainer `json:"containers,omitempty"`
}

// RevisionMechanism are digests of the parts of a revision that evidence depends on.
type RevisionMechanism struct {
	// content is the containers: half of the evidence carries over a change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Content string `json:"content,omitempty"`

	// configuration is what the template uses of ConfigMaps: half of the evidence carries
	// over a change. Empty when it uses none.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Configuration string `json:"configuration,omitempty"`

	// images is what the tags of the containers resolve to, once one of them has moved
	// while the template stayed: half of the evidence carries over a change. Empty until then.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Images string `json:"images,omitempty"`

	// starting is readiness, liveness and startup probes: predictability does not survive a change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Starting string `json:"starting,omitempty"`

	// recovering is probes and update strategy: recoverability and safe failure do not
	// survive a change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Recovering string `json:"recovering,omitempty"`

	// stopping is lifecycle hooks and grace period: safe failure does not survive a change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Stopping string `json:"stopping,omitempty"`
}

// RevisionContainer is a container of a revision.
type RevisionContainer struct {
	// name of the container.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// image as the template says it. One that is too long for any registry is cut, and ends
	// with a digest of it all.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image"`

	// digest that the image resolved to in the running pods; empty until one runs.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Digest string `json:"digest,omitempty"`

	// platform of the nodes that say so: their architecture and container runtime.
	// Digests of different platforms are not compared.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Platform string `json:"platform,omitempty"`

	// otherDigest is another digest that some of the pods run now, on the same platform: the
	// tag has moved. Nothing counts for the revision until all run the same.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	OtherDigest string `json:"otherDigest,omitempty"`

	// previousDigest is what the same image resolved to before its tag moved; empty when it
	// has not moved.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	PreviousDigest string `json:"previousDigest,omitempty"`

	// command as the template says it; left out when it is too long, see commandDigest.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	Command []string `json:"command,omitempty"`

	// commandDigest identifies a command of more than 64 words or 1024 characters, or one for
	// which the 16384 that are repeated of all containers leave no room. No gate
	// admits such a command: put it into a script in the image.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CommandDigest string `json:"commandDigest,omitempty"`

	// init is true for an init container.
	// +optional
	Init bool `json:"init,omitempty"`
}

// RevisionOutcome is what became of a revision.
type RevisionOutcome struct {
	// number of the revision.
	// +required
	Number int64 `json:"number"`

	// hash of the revision.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Hash string `json:"hash"`

	// cause is what made it another revision than the one before. Admission sees none of
	// the causes ConfigMaps and Images: they are no trials of guardrails or gates.
	// +optional
	Cause RevisionCause `json:"cause,omitempty"`

	// time when it was first seen.
	// +optional
	Time metav1.Time `json:"time,omitempty"`

	// writer who brought it, as admission saw it; empty when not known.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Writer string `json:"writer,omitempty"`

	// podTemplateHash is the name that the workload's controller gives to its pods of this revision.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PodTemplateHash string `json:"podTemplateHash,omitempty"`

	// templateDigest identifies the pod template that ran. A rollback brings back no other
	// one, whoever changed what the workload's controller keeps of it. Empty for revisions
	// that ran under a version that did not write it down: what is kept is then believed.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	TemplateDigest string `json:"templateDigest,omitempty"`

	// newFindings are the guardrails that it violates anew: what Enforce would have refused.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=253
	NewFindings []string `json:"newFindings,omitempty"`

	// unjudged are the guardrails that could not be evaluated on it: it is no trial of theirs.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=253
	Unjudged []string `json:"unjudged,omitempty"`

	// result of its rollout.
	// +optional
	Result RolloutResult `json:"result,omitempty"`

	// drifted is since when its pod template was seen to be other than trusted writers wrote
	// it. Going back to such a revision is drift again, however well it ran.
	// +optional
	Drifted *metav1.Time `json:"drifted,omitempty"`

	// arrival says whether a gate knew its images as proven when it came.
	// +optional
	Arrival Arrival `json:"arrival,omitempty"`

	// bypass is the reason that stood in the annotation rampart.dev/bypass when images came
	// that no gate knew as proven.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Bypass string `json:"bypass,omitempty"`

	// evidence is what it had shown when the next revision came.
	// +optional
	// +listType=map
	// +listMapKey=quality
	// +kubebuilder:validation:MaxItems=3
	Evidence []CarriedEvidence `json:"evidence,omitempty"`
}

// RevisionCause is what made a revision another one than the one before.
//
// +kubebuilder:validation:Enum=Created;Template;Strategy;ConfigMaps;Images
type RevisionCause string

// The causes of revisions.
const (
	// CauseCreated is a workload that was made, or made again.
	CauseCreated RevisionCause = "Created"
	// CauseTemplate is a change of the pod template.
	CauseTemplate RevisionCause = "Template"
	// CauseStrategy is a change of the update strategy alone.
	CauseStrategy RevisionCause = "Strategy"
	// CauseConfigMaps is a change of the ConfigMaps that the template uses. Pods from
	// before go on.
	CauseConfigMaps RevisionCause = "ConfigMaps"
	// CauseImages is a tag that has moved: the same template runs other code.
	CauseImages RevisionCause = "Images"
)

// ByWrite says whether a revision came by a write of its workload, which admission judges. Of
// the others nobody knows who brought them, and nothing could have refused them.
func (c RevisionCause) ByWrite() bool { return c != CauseConfigMaps && c != CauseImages }

// KeepsPods says whether a revision came without new pods: those from before go on.
func (c RevisionCause) KeepsPods() bool { return !c.ByWrite() || c == CauseStrategy }

// RolloutResult is what became of a rollout.
//
// +kubebuilder:validation:Enum=Rolling;Stable;Failed;Superseded
type RolloutResult string

// The results of rollouts.
const (
	RolloutRolling    RolloutResult = "Rolling"
	RolloutStable     RolloutResult = "Stable"
	RolloutFailed     RolloutResult = "Failed"
	RolloutSuperseded RolloutResult = "Superseded"
)

// Arrival says whether a revision was proven when it came to a gated namespace.
//
// +kubebuilder:validation:Enum=Proven;Unproven;Hotfix
type Arrival string

// The ways to arrive.
const (
	ArrivalProven   Arrival = "Proven"
	ArrivalUnproven Arrival = "Unproven"
	// ArrivalHotfix came by the hotfix lane: it was not proven, and counts against the gate's climb.
	ArrivalHotfix Arrival = "Hotfix"
)

// ProvenRevision is a revision that reached its targets.
type ProvenRevision struct {
	// hash of the revision.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Hash string `json:"hash"`

	// time when it reached them.
	// +required
	Time metav1.Time `json:"time"`

	// score is the lowest bound of its qualities, in percent, at that time.
	// +optional
	Score int32 `json:"score,omitempty"`

	// targets that it reached.
	// +optional
	Targets ReadinessTargets `json:"targets,omitempty"`

	// containers are its images and commands, init containers first. A revision of 64
	// containers or more passes no gate: what is beyond the first 64 is not listed.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Containers []RevisionContainer `json:"containers,omitempty"`
}

// QuarantinedRevision is a revision that was rolled back.
type QuarantinedRevision struct {
	// hash of the revision.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Hash string `json:"hash"`

	// time of the rollback.
	// +required
	Time metav1.Time `json:"time"`

	// reason why it was rolled back, in words.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`

	// changes are what it changed; a template with all of them is refused.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Changes []TemplateChange `json:"changes,omitempty"`
}

// TemplateChange is a field of a pod template and the value that made it fail.
type TemplateChange struct {
	// path of the field below the pod template, list items by their merge key.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Path string `json:"path"`

	// value as JSON; empty when the revision removed the field.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Value string `json:"value,omitempty"`
}
