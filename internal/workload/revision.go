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

// templateDigestLength is how many of them the digest of a template keeps: people who may
// write another one must not find one with the same digest.
const templateDigestLength = 32

// Digest is a short hash of a value's JSON.
func Digest(value any) string { return digestOf(value)[:digestLength] }

// digestOf is all of it.
func digestOf(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		// Only functions, channels and cycles cannot be marshalled; API types hold none.
		panic(fmt.Sprintf("digest of %T: %v", value, err))
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// RevisionHash identifies what a workload runs, and how its pods are replaced: its pod
// template without what only restarts it, its update strategy, what it uses of ConfigMaps,
// and what its tags resolve to once one has moved. The number of replicas is no part of it.
func (w Workload) RevisionHash(m v1alpha1.RevisionMechanism) string {
	annotations := maps.Clone(w.Template.Annotations)
	delete(annotations, AnnotationRestartedAt)
	type outside struct {
		Recovering    string `json:"recovering,omitempty"`
		Configuration string `json:"configuration,omitempty"`
		Images        string `json:"images,omitempty"`
	}
	around := outside{m.Recovering, m.Configuration, m.Images}
	if w.Kind == v1alpha1.KindPod {
		// A bare Pod is its own template; metadata that others write is none of its revision.
		return Digest([]any{containersOf(w.Template.Spec), around})
	}
	return Digest(struct {
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
		Spec        corev1.PodSpec    `json:"spec"`
		outside
	}{w.Template.Labels, annotations, w.Template.Spec, around})
}

// Mechanism are digests of the parts of the revision that evidence depends on, of which
// those of its images and of its configuration are not in the workload itself.
func (w Workload) Mechanism(configuration, images string) v1alpha1.RevisionMechanism {
	type probes struct{ Readiness, Liveness, Startup *corev1.Probe }
	starting := map[string]probes{}
	stopping := map[string]*corev1.Lifecycle{}
	for _, c := range w.Template.Spec.Containers {
		starting[c.Name] = probes{c.ReadinessProbe, c.LivenessProbe, c.StartupProbe}
		stopping[c.Name] = c.Lifecycle
	}
	return v1alpha1.RevisionMechanism{
		Content:       Digest(containersOf(w.Template.Spec)),
		Configuration: configuration,
		Images:        images,
		Starting:      Digest(starting),
		Recovering:    Digest([]any{starting, lastingStrategy(w.Strategy)}),
		Stopping:      Digest([]any{stopping, w.Template.Spec.TerminationGracePeriodSeconds}),
	}
}

// lastingStrategy is an update strategy without how far the rollout that goes on now may
// go: whoever moves the partition of a StatefulSet step by step makes one rollout of it.
func lastingStrategy(strategy any) any {
	s, partitioned := strategy.(appsv1.StatefulSetUpdateStrategy)
	if !partitioned || s.RollingUpdate == nil {
		return strategy
	}
	rolling := *s.RollingUpdate
	rolling.Partition = nil
	s.RollingUpdate = &rolling
	return s
}

// CauseOf says what makes a revision another one than that with the given hash and
// mechanism, whose workload was not made again since.
func (w Workload) CauseOf(now v1alpha1.RevisionMechanism, hash string, before v1alpha1.RevisionMechanism) v1alpha1.RevisionCause {
	like := now
	like.Recovering, like.Configuration, like.Images = before.Recovering, before.Configuration, before.Images
	switch {
	case w.RevisionHash(like) != hash:
		return v1alpha1.CauseTemplate
	case now.Images != before.Images:
		return v1alpha1.CauseImages
	case now.Configuration != before.Configuration:
		return v1alpha1.CauseConfigMaps
	default:
		return v1alpha1.CauseStrategy
	}
}

func containersOf(spec corev1.PodSpec) []corev1.Container {
	return slices.Concat(spec.InitContainers, spec.Containers)
}

// ImagesIn are the images of a pod's containers.
func ImagesIn(spec corev1.PodSpec) []string {
	var images []string
	for _, c := range containersOf(spec) {
		images = append(images, c.Image)
	}
	return images
}

// Containers are the images and commands of the revision, with the digests that its pods
// resolved them to. What was known of the same images before stays known.
func (w Workload) Containers(pods []Pod, known []v1alpha1.RevisionContainer) []v1alpha1.RevisionContainer {
	var all []v1alpha1.RevisionContainer
	room := maxCommands
	add := func(containers []corev1.Container, init bool) {
		for _, c := range containers[:min(len(containers), maxContainers-len(all))] {
			container := v1alpha1.RevisionContainer{Name: c.Name, Image: Apart(c.Image, maxImage), Init: init}
			container, room = withCommand(resolve(container, knownAs(known, container), pods), c.Command, room)
			all = append(all, container)
		}
	}
	add(w.Template.Spec.InitContainers, true)
	add(w.Template.Spec.Containers, false)
	return all
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

// TemplateDigest identifies a pod template, without what only restarts it and the name that
// the Deployment controller gives it.
func TemplateDigest(template corev1.PodTemplateSpec) string {
	template = withoutHash(template)
	template.Annotations = maps.Clone(template.Annotations)
	delete(template.Annotations, AnnotationRestartedAt)
	return digestOf(template)[:templateDigestLength]
}

func withoutHash(template corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	template.Labels = maps.Clone(template.Labels)
	delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return template
}
