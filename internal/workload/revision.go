// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// AnnotationRestartedAt is what `kubectl rollout restart` writes into a pod template. It
// makes new pods of the same revision.
const AnnotationRestartedAt = "kubectl.kubernetes.io/restartedAt"

// digestLength is how many hexadecimal digits of a SHA-256 a digest keeps: 48 bits tell
// the few revisions of one workload apart.
const digestLength = 12

// Digest is a short hash of a value's JSON.
func Digest(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		// Only functions, channels and cycles cannot be marshalled; API types hold none.
		panic(fmt.Sprintf("digest of %T: %v", value, err))
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:digestLength]
}

// RevisionHash identifies what a workload runs: its pod template without what only
// restarts it. The number of replicas is no part of it.
func (w Workload) RevisionHash() string {
	annotations := maps.Clone(w.Template.Annotations)
	delete(annotations, AnnotationRestartedAt)
	if w.Kind == v1alpha1.KindPod {
		// A bare Pod is its own template; metadata that others write is none of its revision.
		return Digest(containersOf(w.Template.Spec))
	}
	return Digest(struct {
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
		Spec        corev1.PodSpec    `json:"spec"`
	}{w.Template.Labels, annotations, w.Template.Spec})
}

// Mechanism are digests of the parts of the revision that evidence depends on.
func (w Workload) Mechanism() v1alpha1.RevisionMechanism {
	type probes struct{ Readiness, Liveness, Startup *corev1.Probe }
	starting := map[string]probes{}
	stopping := map[string]*corev1.Lifecycle{}
	for _, c := range w.Template.Spec.Containers {
		starting[c.Name] = probes{c.ReadinessProbe, c.LivenessProbe, c.StartupProbe}
		stopping[c.Name] = c.Lifecycle
	}
	return v1alpha1.RevisionMechanism{
		Content:    Digest(containersOf(w.Template.Spec)),
		Starting:   Digest(starting),
		Recovering: Digest([]any{starting, w.Strategy}),
		Stopping:   Digest([]any{stopping, w.Template.Spec.TerminationGracePeriodSeconds}),
	}
}

func containersOf(spec corev1.PodSpec) []corev1.Container {
	return slices.Concat(spec.InitContainers, spec.Containers)
}

// Containers are the images and commands of the revision, with the digests that the
// given pods of it resolved them to. A container whose pods disagree, or of which none
// has started, has no digest.
func (w Workload) Containers(pods []Pod) []v1alpha1.RevisionContainer {
	var all []v1alpha1.RevisionContainer
	add := func(containers []corev1.Container, init bool) {
		for _, c := range containers {
			all = append(all, v1alpha1.RevisionContainer{
				Name: c.Name, Image: c.Image, Digest: resolved(pods, c.Name), Command: c.Command, Init: init,
			})
		}
	}
	add(w.Template.Spec.InitContainers, true)
	add(w.Template.Spec.Containers, false)
	return all
}

func resolved(pods []Pod, container string) string {
	digest := ""
	for _, p := range pods {
		for _, c := range p.Containers {
			if c.Name != container || c.ImageID == "" {
				continue
			}
			found := DigestOf(c.ImageID)
			if digest != "" && found != digest {
				return ""
			}
			digest = found
		}
	}
	return digest
}

// TemplateHashOf is the name that a Deployment's controller gives to the pods of its
// newest template, and of the ReplicaSet that holds it; empty until that exists.
// The comparison is that of the Deployment controller: equal but for the hash label.
func TemplateHashOf(d *appsv1.Deployment, replicaSets []*appsv1.ReplicaSet) string {
	for _, rs := range replicaSets {
		if apiequality.Semantic.DeepEqual(withoutHash(rs.Spec.Template), withoutHash(d.Spec.Template)) {
			return rs.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
		}
	}
	return ""
}

func withoutHash(template corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	template.Labels = maps.Clone(template.Labels)
	delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return template
}

// CurrentHash is the name of the newest of the ControllerRevisions of a DaemonSet or
// StatefulSet; empty when there is none.
func CurrentHash(revisions []*appsv1.ControllerRevision) string {
	var newest *appsv1.ControllerRevision
	for _, r := range revisions {
		if newest == nil || r.Revision > newest.Revision {
			newest = r
		}
	}
	if newest == nil {
		return ""
	}
	return templateHash(newest)
}
