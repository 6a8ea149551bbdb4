// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/guardrail"
)

// Manifest is an object and where it was read.
type Manifest struct {
	Source string
	Object *unstructured.Unstructured
}

// Verdict is what the guardrails say of a manifest.
type Verdict struct {
	Source    string `json:"source"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Judged is how many guardrails are about objects of its kind.
	Judged int `json:"judged"`
	// Findings, the gravest first.
	Findings []Finding `json:"findings,omitempty"`
	// Unknown are the guardrails that could not be evaluated. The API server would let the
	// object pass them, but nobody may call it compliant.
	Unknown []Unknown `json:"unknown,omitempty"`
	// Excluded are the guardrails whose environment leaves the object out.
	Excluded []Exclusion `json:"excluded,omitempty"`
}

// Finding is one violation.
type Finding struct {
	Guardrail string            `json:"guardrail"`
	Severity  v1alpha1.Severity `json:"severity"`
	Key       string            `json:"key"`
	Text      string            `json:"text"`
	HowToFix  string            `json:"howToFix,omitempty"`
}

// Unknown is a guardrail that could not be evaluated, and why.
type Unknown struct {
	Guardrail string `json:"guardrail"`
	Error     string `json:"error"`
}

// Exclusion is a guardrail that does not judge an object, and why.
type Exclusion struct {
	Guardrail string `json:"guardrail"`
	Reason    string `json:"reason"`
}

// Judge says what the rules find in each manifest that at least one of them is about, as
// if it were created. A namespaced manifest that names no namespace is meant for the given
// one. A Namespace among the manifests is what rules see of it; any other has its name
// label and no more.
func (r Rules) Judge(ctx context.Context, manifests []Manifest, namespace string) []Verdict {
	namespaces := namespacesIn(manifests)
	var verdicts []Verdict
	for _, manifest := range manifests {
		object := placed(manifest.Object, namespace)
		verdict := r.judge(ctx, object, namespaces.named(object.GetNamespace()))
		if verdict.Judged > 0 {
			verdict.Source = manifest.Source
			verdicts = append(verdicts, verdict)
		}
	}
	return verdicts
}

func (r Rules) judge(ctx context.Context, object *unstructured.Unstructured, namespace *corev1.Namespace) Verdict {
	verdict := Verdict{Kind: object.GetKind(), Namespace: object.GetNamespace(), Name: name(object)}
	for _, program := range r.programs {
		if !program.JudgesObject(object.GroupVersionKind()) {
			continue
		}
		verdict.Judged++
		if reason := program.Excluded(object); reason != "" {
			verdict.Excluded = append(verdict.Excluded, Exclusion{program.Name(), reason})
			continue
		}
		judged, err := program.Evaluate(ctx, guardrail.Input{Object: object, Namespace: namespace})
		if err != nil {
			verdict.Unknown = append(verdict.Unknown, Unknown{program.Name(), err.Error()})
			continue
		}
		verdict.Findings = append(verdict.Findings, findings(program, judged)...)
	}
	slices.SortStableFunc(verdict.Findings, func(a, b Finding) int {
		return cmp.Compare(b.Severity.Gravity(), a.Severity.Gravity())
	})
	return verdict
}

func findings(program *guardrail.Program, judged guardrail.Verdict) []Finding {
	spec := program.Spec()
	all := make([]Finding, 0, len(judged.Findings))
	for _, f := range judged.Findings {
		all = append(all, Finding{
			Guardrail: program.Name(), Severity: cmp.Or(spec.Severity, v1alpha1.Medium), Key: f.Key, Text: f.Text, HowToFix: spec.HowToFix,
		})
	}
	return all
}

// name of an object; one that the API server would name is shown as it asks for it.
func name(object *unstructured.Unstructured) string {
	return cmp.Or(object.GetName(), object.GetGenerateName()+"*")
}

// placed is the object in the namespace that admission would see it in.
func placed(object *unstructured.Unstructured, namespace string) *unstructured.Unstructured {
	if object.GetNamespace() != "" || !namespaced(object) {
		return object
	}
	object = object.DeepCopy()
	object.SetNamespace(namespace)
	return object
}

// namespaced says whether objects of that kind live in namespaces. Of what rules can
// judge, only Namespaces do not.
func namespaced(object *unstructured.Unstructured) bool {
	return object.GroupVersionKind() != corev1.SchemeGroupVersion.WithKind("Namespace")
}

// known are the Namespaces that are among the manifests, by name.
type known map[string]*corev1.Namespace

func namespacesIn(manifests []Manifest) known {
	all := known{}
	for _, manifest := range manifests {
		if !namespaced(manifest.Object) {
			all[manifest.Object.GetName()] = namespace(manifest.Object.GetName(), manifest.Object)
		}
	}
	return all
}

func (k known) named(name string) *corev1.Namespace {
	if name == "" {
		return nil
	}
	if found := k[name]; found != nil {
		return found
	}
	return namespace(name, &unstructured.Unstructured{})
}

// namespace has what the API server adds: the label with its own name.
func namespace(name string, manifest *unstructured.Unstructured) *corev1.Namespace {
	labels := manifest.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[corev1.LabelMetadataName] = name
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: manifest.GetAnnotations()},
	}
}
