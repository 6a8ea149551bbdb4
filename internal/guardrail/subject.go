// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"reflect"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// subject is an object as admission shows it to CEL: typed if the API server has a type
// for it, with its kind set.
type subject struct {
	gvk schema.GroupVersionKind
	// resource is the plural by which requests name such objects.
	resource string
	object   workload.Object
}

var namespaceKind = corev1.SchemeGroupVersion.WithKind("Namespace")

func (s *subject) String() string {
	if s.object.GetNamespace() == "" {
		return s.gvk.Kind + " " + s.object.GetName()
	}
	return fmt.Sprintf("%s %s/%s", s.gvk.Kind, s.object.GetNamespace(), s.object.GetName())
}

// subject takes any representation of a workload, or of an object that the rule judges. It
// never changes the object, which may be shared.
func (p *Program) subject(object runtime.Object) (*subject, error) {
	gvk, err := kindOfObject(object)
	if err != nil {
		return nil, err
	}
	resource := workloadResource(gvk)
	for _, r := range p.spec.Resources {
		if kindOf(r) == gvk {
			resource = r.Resource
		}
	}
	if resource == "" {
		return nil, fmt.Errorf("guardrail %s cannot judge a %s: it is about %s", p.name, versioned(gvk), about(p.spec))
	}
	shown, err := asAdmissionShows(object, gvk)
	if err != nil {
		return nil, err
	}
	return &subject{gvk: gvk, resource: resource, object: shown}, nil
}

// workloadResource is the plural of a workload kind; empty for anything else.
func workloadResource(gvk schema.GroupVersionKind) string {
	if gvk.Empty() || workload.GroupVersionKind(v1alpha1.WorkloadKind(gvk.Kind)) != gvk {
		return ""
	}
	return strings.ToLower(gvk.Kind) + "s"
}

func about(spec v1alpha1.GuardrailSpec) string {
	if len(spec.Resources) == 0 {
		return "workloads"
	}
	kinds := make([]string, 0, len(spec.Resources))
	for _, r := range spec.Resources {
		kinds = append(kinds, versioned(kindOf(r)))
	}
	return strings.Join(kinds, ", ")
}

func versioned(gvk schema.GroupVersionKind) string {
	return gvk.GroupVersion().String() + " " + gvk.Kind
}

// kindOfObject knows the kind of a typed object by its type, because informers return
// them without it.
func kindOfObject(object runtime.Object) (schema.GroupVersionKind, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		return u.GroupVersionKind(), nil
	}
	kinds, _, err := builtIn.ObjectKinds(object)
	if err != nil {
		return schema.GroupVersionKind{}, fmt.Errorf("a guardrail cannot judge a %T: %w", object, err)
	}
	return kinds[0], nil
}

// asAdmissionShows is a shallow copy of a typed object, with its kind. What is
// unstructured is typed where the API server has a type, so that nulls and unknown fields
// in a manifest read as they would after it has decoded them.
func asAdmissionShows(object runtime.Object, gvk schema.GroupVersionKind) (workload.Object, error) {
	shown := emptyObject(gvk)
	u, isUnstructured := object.(*unstructured.Unstructured)
	switch {
	case isUnstructured && shown == nil:
		return u, nil
	case shown == nil:
		return nil, fmt.Errorf("a guardrail cannot judge a %s: it has no metadata", versioned(gvk))
	case isUnstructured:
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, shown); err != nil {
			return nil, fmt.Errorf("decode %s %s/%s: %w", gvk.Kind, u.GetNamespace(), u.GetName(), err)
		}
	default:
		reflect.ValueOf(shown).Elem().Set(reflect.ValueOf(object).Elem())
	}
	shown.GetObjectKind().SetGroupVersionKind(gvk)
	return shown, nil
}

// namespace that the object is in, as requests name it: a Namespace is in itself.
func (s *subject) namespace() string {
	if s.gvk == namespaceKind {
		return s.object.GetName()
	}
	return s.object.GetNamespace()
}

// holder is the namespace as expressions see it. They see none when the object is a
// Namespace itself, because admission has none there.
func (s *subject) holder(namespace *corev1.Namespace) *corev1.Namespace {
	if s.gvk == namespaceKind {
		return nil
	}
	return plugincel.CreateNamespaceObject(namespace)
}

// attributesOf describes the change from before (nil: it is new) to after as admission does.
func attributesOf(after, before *subject) *admission.VersionedAttributes {
	operation := admission.Create
	var old runtime.Object
	if before != nil {
		operation, old = admission.Update, before.object
	}
	record := admission.NewAttributesRecord(after.object, old, after.gvk, after.namespace(), after.object.GetName(),
		after.gvk.GroupVersion().WithResource(after.resource), "", operation, nil, false, nil)
	attributes := &admission.VersionedAttributes{
		Attributes:      record,
		VersionedKind:   after.gvk,
		VersionedObject: admission.NewLazyObject(after.object),
	}
	if old != nil {
		attributes.VersionedOldObject = admission.NewLazyObject(old)
	}
	return attributes
}

func requestOf(attributes *admission.VersionedAttributes, s *subject) *admissionv1.AdmissionRequest {
	return plugincel.CreateAdmissionRequest(attributes, metav1.GroupVersionResource(attributes.GetResource()), metav1.GroupVersionKind(s.gvk))
}
