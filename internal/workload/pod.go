// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Pod is what judgements need to know of a pod. Times are those in its status, not
// those at which we looked; a zero time means that it has not happened.
type Pod struct {
	Name string
	UID  string
	Node string
	// Platform of its node, where that is known: see Platform.
	Platform string
	// TemplateHash is the name of the revision that made it: the label
	// pod-template-hash or controller-revision-hash.
	TemplateHash string
	Created      time.Time
	// Unschedulable is true while no node takes it.
	Unschedulable bool
	// Started is when the last of its regular containers started to run.
	Started time.Time
	// Ready says whether it is ready now, ReadySince since when.
	Ready      bool
	ReadySince time.Time
	// UnreadySince is since when it is not ready, if it is not.
	UnreadySince time.Time
	// Restarts is the sum over its containers. It may go down.
	Restarts int32
	// Containers are the states of its containers, init containers first.
	Containers []Container
	// Runs is what the pod was made to run: the image and command of each container by name.
	Runs map[string]string
	// Phase is the pod's phase.
	Phase corev1.PodPhase
	// Deleting is when its grace period ends, if it is being deleted. Asked is when
	// the deletion was asked for.
	Deleting time.Time
	Asked    time.Time
	// Grace is how long it may take to end.
	Grace time.Duration
	// Disruption is the reason of its condition DisruptionTarget: EvictionByEvictionAPI,
	// DeletionByTaintManager, PreemptionByScheduler, TerminationByKubelet, …
	Disruption string
	// DisruptedSince is when that condition became true.
	DisruptedSince time.Time
	// FinalStateSeen is false for a departed pod whose last status was not observed.
	FinalStateSeen bool
}

// Container is the state of one container of a pod.
type Container struct {
	Name string
	Init bool
	// ID of the container; a restart gives it another.
	ID string
	// ImageID is what the image resolved to, as the node reports it.
	ImageID string
	Ready   bool
	// Waiting is the reason why it does not run: CrashLoopBackOff, ImagePullBackOff, …
	Waiting string
	// WaitingMessage is what the node says about it.
	WaitingMessage string
	Restarts       int32
	// Started is when it began to run, now or before it ended.
	Started time.Time
	// Exit is how it ended, if it is not running now.
	Exit *Exit
	// LastExit is how its instance before this one ended.
	LastExit *Exit
}

// Exit is how a container ended.
type Exit struct {
	Code   int32
	Reason string
	// Started is when the instance that ended began to run.
	Started  time.Time
	Finished time.Time
}

// PodFrom reads a pod.
func PodFrom(p *corev1.Pod) Pod {
	pod := Pod{
		Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName,
		TemplateHash:   templateHash(p),
		Created:        p.CreationTimestamp.Time,
		Phase:          p.Status.Phase,
		Grace:          time.Duration(ptr.Deref(p.Spec.TerminationGracePeriodSeconds, 30)) * time.Second,
		FinalStateSeen: true,
	}
	pod.Runs = runs(p.Spec)
	if p.DeletionTimestamp != nil {
		granted := time.Duration(ptr.Deref(p.DeletionGracePeriodSeconds, 0)) * time.Second
		pod.Deleting, pod.Asked, pod.Grace = p.DeletionTimestamp.Time, p.DeletionTimestamp.Add(-granted), granted
	}
	for _, c := range p.Status.Conditions {
		is := c.Status == corev1.ConditionTrue
		switch {
		case c.Type == corev1.PodReady && is:
			pod.Ready, pod.ReadySince = true, c.LastTransitionTime.Time
		case c.Type == corev1.PodReady:
			pod.UnreadySince = c.LastTransitionTime.Time
		case c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable:
			pod.Unschedulable = true
		case c.Type == corev1.DisruptionTarget && is:
			pod.Disruption, pod.DisruptedSince = c.Reason, c.LastTransitionTime.Time
		}
	}
	for i := range p.Status.InitContainerStatuses {
		pod.Containers = append(pod.Containers, containerFrom(&p.Status.InitContainerStatuses[i], true))
	}
	for i := range p.Status.ContainerStatuses {
		pod.Containers = append(pod.Containers, containerFrom(&p.Status.ContainerStatuses[i], false))
	}
	pod.Started = startedAt(pod.Containers, len(p.Spec.Containers))
	for _, c := range pod.Containers {
		pod.Restarts += c.Restarts
	}
	return pod
}

// runs is the image and command of each container by name.
func runs(spec corev1.PodSpec) map[string]string {
	all := map[string]string{}
	for _, c := range containersOf(spec) {
		all[c.Name] = strings.Join(append([]string{c.Image}, c.Command...), "\x00")
	}
	return all
}

// ImageOf is the image that a container of the pod was made to run.
func (p Pod) ImageOf(container string) string {
	image, _, _ := strings.Cut(p.Runs[container], "\x00")
	return image
}

// Made says whether the pod runs what the workload's newest template says, injected
// containers aside. Whoever may create pods may also write their owner and their labels:
// a pod that runs something else says nothing about the revision.
func (w Workload) Made(p Pod) bool {
	for name, run := range runs(w.Template.Spec) {
		if p.Runs[name] != run {
			return false
		}
	}
	return true
}

func containerFrom(s *corev1.ContainerStatus, init bool) Container {
	c := Container{
		Name: s.Name, Init: init, ID: s.ContainerID, ImageID: s.ImageID,
		Ready: s.Ready, Restarts: s.RestartCount,
		Exit: exitFrom(s.State.Terminated), LastExit: exitFrom(s.LastTerminationState.Terminated),
	}
	switch {
	case s.State.Waiting != nil:
		c.Waiting, c.WaitingMessage = s.State.Waiting.Reason, s.State.Waiting.Message
	case s.State.Running != nil:
		c.Started = s.State.Running.StartedAt.Time
	case s.State.Terminated != nil:
		c.Started = s.State.Terminated.StartedAt.Time
	}
	return c
}

func exitFrom(t *corev1.ContainerStateTerminated) *Exit {
	if t == nil {
		return nil
	}
	return &Exit{Code: t.ExitCode, Reason: t.Reason, Started: t.StartedAt.Time, Finished: t.FinishedAt.Time}
}

// startedAt is when the last of the wanted regular containers started, or zero while
// one has not.
func startedAt(containers []Container, wanted int) time.Time {
	var last time.Time
	running := 0
	for _, c := range containers {
		if c.Init || c.Started.IsZero() {
			continue
		}
		running++
		if c.Started.After(last) {
			last = c.Started
		}
	}
	if running < wanted {
		return time.Time{}
	}
	return last
}

// Departing says whether the pod is being deleted.
func (p Pod) Departing() bool { return !p.Deleting.IsZero() }

// LostReady is since when the pod is not ready any more; zero while it is ready, and when
// its status does not show that it ever was. A pod is not ready from before its first
// container starts: if that began later, it was ready in between.
func (p Pod) LostReady() time.Time {
	if p.Ready || p.UnreadySince.IsZero() {
		return time.Time{}
	}
	for _, c := range p.Containers {
		if c.Init {
			continue
		}
		began := []time.Time{c.Started}
		for _, exit := range []*Exit{c.Exit, c.LastExit} {
			if exit != nil {
				began = append(began, exit.Started)
			}
		}
		for _, at := range began {
			if !at.IsZero() && p.UnreadySince.After(at) {
				return p.UnreadySince
			}
		}
	}
	return time.Time{}
}

// Finished says whether all of its containers have ended for good.
func (p Pod) Finished() bool {
	if p.Phase == corev1.PodSucceeded || p.Phase == corev1.PodFailed {
		return true
	}
	regular := 0
	for _, c := range p.Containers {
		if c.Init {
			continue
		}
		regular++
		if c.Exit == nil {
			return false
		}
	}
	return regular > 0
}

// Crashed says whether a container of the pod ended with an error, and has not been
// ended by the deletion of the pod.
func (p Pod) Crashed() bool {
	if p.Departing() {
		return false
	}
	for _, c := range p.Containers {
		if c.Waiting == "CrashLoopBackOff" || failed(c.LastExit) || failed(c.Exit) {
			return true
		}
	}
	return false
}

func failed(e *Exit) bool { return e != nil && e.Code != 0 }

// waitingForImage are the reasons with which a node reports that an image cannot be had.
var waitingForImage = map[string]bool{
	"ErrImagePull": true, "ImagePullBackOff": true, "InvalidImageName": true,
	"ErrImageNeverPull": true, "ImageInspectError": true, "RegistryUnavailable": true,
}

// waitingForConfiguration are the reasons with which a node reports that a container
// cannot be made from its spec.
var waitingForConfiguration = map[string]bool{
	"CreateContainerConfigError": true, "CreateContainerError": true, "RunContainerError": true,
}

// ImageError is the reason why an image of the pod cannot be had, or empty.
func (p Pod) ImageError() string { return p.waitingIn(waitingForImage) }

// ConfigurationError is the reason why a container of the pod cannot be made, or empty.
func (p Pod) ConfigurationError() string { return p.waitingIn(waitingForConfiguration) }

func (p Pod) waitingIn(reasons map[string]bool) string {
	for _, c := range p.Containers {
		if reasons[c.Waiting] {
			return c.Waiting
		}
	}
	return ""
}

// templateHash is how a workload's controller names the revision that a pod is of.
func templateHash(o metav1.Object) string {
	if hash := o.GetLabels()[appsv1.DefaultDeploymentUniqueLabelKey]; hash != "" {
		return hash
	}
	return o.GetLabels()[appsv1.ControllerRevisionHashLabelKey]
}

// DigestOf is the digest in an image ID as nodes report it ("docker-pullable://repo@sha256:…",
// "repo@sha256:…" or "sha256:…"), or empty.
func DigestOf(imageID string) string {
	if i := strings.LastIndex(imageID, "sha256:"); i >= 0 {
		return imageID[i:]
	}
	return ""
}
