// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"

	"github.com/rampart-dev/rampart/api/v1alpha1"
	"github.com/rampart-dev/rampart/internal/workload"
)

// subject is a workload as admission shows it to CEL: typed, with its kind set.
type subject struct {
	kind   v1alpha1.WorkloadKind
	object workload.Object
}

func (s *subject) String() string {
	return fmt.Sprintf("%s %s/%s", s.kind, s.object.GetNamespace(), s.object.GetName())
}

// newSubject takes any representation of a workload. It never changes the object, which
// may be shared: informers return typed objects without their kind, so it sets the kind
// on a shallow copy.
func newSubject(object runtime.Object) (*subject, error) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		c := *o
		return typed(v1alpha1.KindDeployment, &c), nil
	case *appsv1.StatefulSet:
		c := *o
		return typed(v1alpha1.KindStatefulSet, &c), nil
	case *appsv1.DaemonSet:
		c := *o
		return typed(v1alpha1.KindDaemonSet, &c), nil
	case *appsv1.ReplicaSet:
		c := *o
		return typed(v1alpha1.KindReplicaSet, &c), nil
	case *batchv1.CronJob:
		c := *o
		return typed(v1alpha1.KindCronJob, &c), nil
	case *batchv1.Job:
		c := *o
		return typed(v1alpha1.KindJob, &c), nil
	case *corev1.ReplicationController:
		c := *o
		return typed(v1alpha1.KindReplicationController, &c), nil
	case *corev1.Pod:
		c := *o
		return typed(v1alpha1.KindPod, &c), nil
	case *unstructured.Unstructured:
		return fromUnstructured(o)
	default:
		return nil, fmt.Errorf("a guardrail cannot judge a %T: it is no workload", object)
	}
}

// fromUnstructured types an object, so that nulls and unknown fields in a manifest read
// as they would after the API server has decoded it.
func fromUnstructured(u *unstructured.Unstructured) (*subject, error) {
	kind := v1alpha1.WorkloadKind(u.GetKind())
	object := workload.New(kind)
	if object == nil || u.GroupVersionKind() != workload.GroupVersionKind(kind) {
		return nil, fmt.Errorf("a guardrail cannot judge a %s %s: it is no workload", u.GetAPIVersion(), u.GetKind())
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, object); err != nil {
		return nil, fmt.Errorf("decode %s %s/%s: %w", kind, u.GetNamespace(), u.GetName(), err)
	}
	return &subject{kind: kind, object: object}, nil
}

func typed(kind v1alpha1.WorkloadKind, copied workload.Object) *subject {
	copied.GetObjectKind().SetGroupVersionKind(workload.GroupVersionKind(kind))
	return &subject{kind: kind, object: copied}
}

// noOptionalVariables: a rule sees neither parameters nor the authorizer, which exists
// only within a request.
var noOptionalVariables = plugincel.OptionalVariableBindings{}

// attributesOf describes the change from before (nil: it is new) to after as admission does.
func attributesOf(after, before *subject) *admission.VersionedAttributes {
	gvk := workload.GroupVersionKind(after.kind)
	operation := admission.Create
	var old runtime.Object
	if before != nil {
		operation, old = admission.Update, before.object
	}
	record := admission.NewAttributesRecord(after.object, old, gvk, after.object.GetNamespace(), after.object.GetName(),
		gvk.GroupVersion().WithResource(strings.ToLower(gvk.Kind)+"s"), "", operation, nil, false, nil)
	attributes := &admission.VersionedAttributes{
		Attributes:      record,
		VersionedKind:   gvk,
		VersionedObject: admission.NewLazyObject(after.object),
	}
	if old != nil {
		attributes.VersionedOldObject = admission.NewLazyObject(old)
	}
	return attributes
}

func requestOf(attributes *admission.VersionedAttributes, s *subject) *admissionv1.AdmissionRequest {
	gvk := workload.GroupVersionKind(s.kind)
	return plugincel.CreateAdmissionRequest(attributes, metav1.GroupVersionResource(attributes.GetResource()), metav1.GroupVersionKind(gvk))
}

func namespaceOf(namespace *corev1.Namespace) *corev1.Namespace {
	return plugincel.CreateNamespaceObject(namespace)
}
